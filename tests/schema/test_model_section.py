"""`model:` and `network:` as configs write them: older keys, short forms, everything pending."""

import re
from pathlib import Path

import pytest

from schema.catalogue import options
from schema.check import check_document
from schema.document import Document
from schema.pending import waits
from schema.sections.model import QTYPES, Model, ModelKwargs
from schema.sections.model.quantization import INPUT_STEP
from schema.sections.network import Network
from tests.schema.conftest import BASE


def model(**values: object) -> Model:
    return Model.model_validate({"name_or_path": "m", **values})


def test_a_quantization_type_may_name_its_recovery_adapter() -> None:
    read = model(qtype="uint3|user/repo/file.safetensors")
    assert (read.qtype, read.accuracy_recovery_adapter) == ("uint3", "user/repo/file.safetensors")
    assert model(qtype="uint3|a/b/c", accuracy_recovery_adapter="a/b/c").qtype == "uint3"


@pytest.mark.parametrize("empty", ["", None])
def test_an_empty_quantization_type_is_the_usual_one(empty: object) -> None:
    assert model(qtype=empty, qtype_te=empty).qtype == "qfloat8"


def test_every_quantization_type_has_words_and_is_told_apart() -> None:
    assert all(words for words in QTYPES.values())
    assert set(INPUT_STEP) < set(QTYPES)
    assert {INPUT_STEP[name] for name in ("uint4", "nvfp4", "convrotcomfyw4a4")} == {64, 16, 256}


def test_a_type_that_nobody_knows_is_refused_with_the_nearest() -> None:
    document = Document.parse(BASE.replace("arch: sd1", "arch: sd1\n        qtype: qint9"))
    (finding,) = document.findings
    assert finding.code == "unknown-choice"
    assert finding.suggestion == "qint8"


def test_the_old_name_of_offloading_is_read() -> None:
    assert model(auto_memory=True).layer_offloading


def test_one_text_is_a_list_of_one_not_of_its_letters() -> None:
    assert model(only_if_contains="attn").only_if_contains == ["attn"]
    kwargs = {"ignore_if_contains": "ff", "only_if_contains": "attn"}
    read = Network.model_validate({"network_kwargs": kwargs}).network_kwargs
    assert (read.ignore_if_contains, read.only_if_contains) == (["ff"], ["attn"])
    assert model(quantize_kwargs={"exclude": "*proj_out*"}).quantize_kwargs.exclude == [
        "*proj_out*"
    ]


@pytest.mark.parametrize(
    ("written", "meant"),
    [("lierla", "lora"), ("LyCORIS", "locon"), ("LoKr", "lokr"), ("lora", "lora")],
)
def test_every_spelling_of_a_network_type_is_read(written: str, meant: str) -> None:
    assert Network.model_validate({"type": written}).type == meant


def test_older_names_of_network_options_are_read() -> None:
    read = Network.model_validate(
        {"rank": 8, "lorm_config": {"do_conv": True}, "network_kwargs": {"varbose": True}}
    )
    assert (read.linear, read.network_kwargs.verbose) == (8, True)
    assert read.lorm is not None
    assert read.lorm.do_conv


def test_an_unknown_option_of_a_single_family_has_a_nearest_one() -> None:
    text = BASE.replace("arch: sd1", "arch: krea2\n        model_kwargs: {edits: true}")
    (finding,) = Document.parse(text).findings
    assert (finding.code, finding.suggestion) == ("unknown-key", "edit")


def test_a_filter_that_lists_nothing_is_refused() -> None:
    text = BASE.replace("linear: 8", "linear: 8\n        network_kwargs: {only_if_contains: []}")
    (finding,) = Document.parse(text).findings
    assert finding.code == "bad-length"


READ_AS = {
    "linear_alpha": "linear_scale", "alpha": "linear_scale", "conv_alpha": "conv_scale",
    "type": "linear",
}  # fmt: skip
"""Options that the engine reads through a property of their section, or by being there."""


REFUSED = {"model.experimental_xl"}
"""Options that a rule refuses wherever they are on."""


def test_what_the_engine_does_not_read_waits_for_it() -> None:
    """The engine reads a typed option as `.name`, wherever its families can use it."""
    source = "\n".join(
        path.read_text(encoding="utf-8")
        for path in (Path(__file__).parents[2] / "engine").rglob("*.py")
    )
    for info in options():
        if info.section not in ("model", "network") or info.status != "live":
            continue
        if waits(info.path) is None and info.type != "object" and info.path not in REFUSED:
            name = READ_AS.get(info.name, info.name)
            assert re.search(rf"\.{name}\b", source), info.path


def test_an_option_that_waits_is_refused_and_one_at_its_default_is_not() -> None:
    document = Document.parse(BASE)
    document.set("model.low_vram", True)
    document.set("network.lokr_factor", -1)
    document.set("model.model_kwargs", {})
    found = [(f.code, f.path) for f in check_document(document, files=False)]
    assert found == [("not-yet", "model.low_vram")]


def test_options_of_single_families_name_a_capability() -> None:
    for info in options():
        if info.path.startswith("model.model_kwargs."):
            assert info.applies_to != ("all",), info.path
    assert len(ModelKwargs.model_fields) >= 40


def test_only_dead_keys_are_legacy() -> None:
    ours = {info.path: info.status for info in options() if info.section in ("model", "network")}
    legacy = {path for path, status in ours.items() if status == "legacy"}
    assert legacy == {"model.model_paths", "model.in_context"}
    older = {path for path, status in ours.items() if status == "deprecated"}
    assert all(path.startswith("model.is_") for path in older)
