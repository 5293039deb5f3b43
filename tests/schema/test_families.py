"""The families table against the facts that other trainers' documentation states."""

import re
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from engine.families import FAMILIES as TRAINED
from schema.check import check_document
from schema.document import Document
from schema.families import ALIASES, CAPABILITIES, FAMILIES, FLAGS, ArchName, arch_of, family
from schema.pending import waiting_values
from schema.sections.adapter.names import ADAPTER_WORDS
from schema.sections.model import Model
from schema.sections.network import TYPES
from tests.schema.conftest import BASE

FACTS: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parents[1] / "data" / "families.yaml").read_text(encoding="utf-8")
)
BY_KIND = {"image": "image", "instruction": "edit", "video": "video", "video with audio": "video"}
each_fact = pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact["arch"])
each_row = pytest.mark.parametrize("row", FAMILIES.values(), ids=lambda row: row.arch)


def test_every_architecture_of_the_facts_has_a_row() -> None:
    assert {fact["arch"] for fact in FACTS} == set(FAMILIES)
    assert tuple(FAMILIES) == get_args(ArchName)
    assert len(FAMILIES) == 52


@each_fact
def test_a_row_says_what_the_facts_say(fact: dict[str, Any]) -> None:
    row = FAMILIES[fact["arch"]]
    assert row.kind == BY_KIND.get(fact["kind"], fact["kind"])
    assert row.bucket_step == (fact["bucket_step"] or 1)
    assert row.timestep_type == fact["timestep_type"]
    assert (row.quantization == "blocks") is fact["blockwise"]
    assert row.offloading is fact["offloading"]
    assert row.flag == fact.get("flag")
    assert [block for block in fact["blocks"] if "(" not in block and block not in row.blocks] == []
    assert fact["repository"].split(",")[0].split(" ")[0].split(" or ")[0] in row.repositories


@each_fact
def test_the_training_noise_is_that_of_the_facts(fact: dict[str, Any]) -> None:
    row, said = FAMILIES[fact["arch"]], fact["scheduler"]
    numbers = [float(number) for number in re.findall(r"\d+\.?\d*", said.replace("..", " "))]
    if row.betas is not None:
        assert said.startswith("DDPM")
        assert [row.betas.first, row.betas.last] == numbers[:2]
        assert row.betas.spacing.replace("_", "-") in said
    elif row.shift is not None:
        assert [n for n in (row.shift.low, row.shift.high) if n is not None] == numbers
        assert row.shift.by_resolution == ("resolution-dependent" in said)
    else:
        assert "dynamic" in said
    assert row.target.replace("scale", "s") in fact["target"] or row.arch == "lumina2"


@each_fact
def test_latents_are_those_of_the_facts(fact: dict[str, Any]) -> None:
    row, said = FAMILIES[fact["arch"]], fact["latents"]
    if "pixel space" in said:
        assert (row.latent_channels, row.spatial) == (3, 1)
        assert not row.can(("separate_vae",))
    if match := re.search(r"(\d+) channels", said):
        assert row.latent_channels == int(match[1])
    if match := re.search(r"factor (\d+)", said):
        assert row.spatial == int(match[1])
    if match := re.search(r"(\d+) temporal", said):
        assert row.temporal == int(match[1])


@each_row
def test_a_row_fits_itself(row: Any) -> None:
    assert row.capabilities <= set(CAPABILITIES)
    assert row.can(("flow",)) != row.can(("alpha_bar",))
    assert row.can(("flow",)) == (row.betas is None)
    assert row.can(("video",)) == (row.kind == "video") == (row.frames is not None)
    assert row.can(("recovery",)) == (row.quantization == "blocks")
    assert row.can(("kohya_keys",)) == row.keys.startswith("kohya")
    assert row.can(("control",)) == (row.controls[1] > 0)
    assert row.can(("unet",)) != row.can(("transformer",))
    assert row.bucket_step % row.multiple == 0
    assert row.multiple % row.spatial == 0
    assert set(row.networks) <= set(TYPES)
    assert set(row.adapters) <= set(ADAPTER_WORDS)
    assert row.repository
    assert row.scheduler
    assert len(row.label) <= 40


def test_every_capability_is_had_by_some_family() -> None:
    assert set().union(*(row.capabilities for row in FAMILIES.values())) == set(CAPABILITIES)


def test_what_a_family_suggests_can_be_set() -> None:
    for row in FAMILIES.values():
        wishes = [row.suggests, *(variant.suggests for variant in row.variants.values())]
        for wish in wishes:
            document = Document.parse(BASE)
            document.set("model.arch", row.arch)
            for path, value in wish.items():
                document.set(path, value)
            assert not [f for f in document.findings if f.severity == "error"], row.arch


def test_the_table_says_which_families_the_engine_trains() -> None:
    assert {row.arch for row in FAMILIES.values() if row.engine} == set(TRAINED)


@each_row
def test_a_family_that_waits_for_the_engine_is_refused_as_such(row: Any) -> None:
    document = Document.parse(BASE)
    document.set("model.arch", row.arch)
    assert document.findings == []
    found = {(f.code, f.path) for f in check_document(document, files=False)}
    assert (("not-yet", "model.arch") in found) is not row.engine
    assert (row.arch in waiting_values("model.arch")) is not row.engine


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ({"arch": "sd15"}, "sd1"),
        ({"arch": "flex1"}, "flux"),
        ({"arch": "zimage:turbo"}, "zimage"),
        ({"arch": "FLUX2:any thing"}, "flux2"),
        ({"arch": None, "is_v3": True}, "sd3"),
        ({"is_pixart": True, "is_pixart_sigma": True}, "pixart_sigma"),
        ({"is_xl": True, "is_ssd": True}, "ssd"),
        ({"is_xl": False}, "sd1"),
        ({}, "sd1"),
    ],
)
def test_every_spelling_of_a_family_is_read(written: dict[str, Any], meant: str) -> None:
    assert Model.model_validate({"name_or_path": "m", **written}).arch == meant
    assert family(arch_of(written)) is FAMILIES[meant]


def test_every_older_flag_and_alias_leads_to_its_family() -> None:
    for flag, arch in FLAGS.items():
        assert Model.model_validate({"name_or_path": "m", flag: True}).arch == arch
    for alias, arch in ALIASES.items():
        assert family(alias) is FAMILIES[arch]


@pytest.mark.parametrize(("written", "nearest"), [("fluxx", "flux"), ("wan22_14", "wan22_14b")])
def test_an_unknown_family_is_an_unknown_value(written: str, nearest: str) -> None:
    document = Document.parse(BASE.replace("arch: sd1", f"arch: {written}"))
    (finding,) = document.findings
    assert (finding.code, finding.suggestion) == ("unknown-choice", nearest)


def test_an_arch_that_is_no_text_is_not_taken_for_another() -> None:
    document = Document.parse(BASE.replace("arch: sd1", "arch: 5"))
    assert [finding.path for finding in document.findings] == ["model.arch"]
