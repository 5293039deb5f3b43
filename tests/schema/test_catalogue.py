"""The catalogue: complete, consistent with itself, and what CONTRACT promises of it."""

import json
from dataclasses import replace
from typing import Any

import pytest
from pydantic import TypeAdapter

from schema.catalogue import (
    closest,
    find,
    general,
    options,
    options_for,
    search,
    sections,
    under,
)
from schema.conditions import needs
from schema.families import CAPABILITIES, FAMILIES, family
from schema.option import Section, opt
from schema.sections.processes import PROCESS_ROWS, process_classes
from schema.shapes import shape_of

CONTRACT = {
    "path", "process_types", "section", "group", "name", "label", "help", "type", "default",
    "choices", "min", "max", "unit", "tier", "applies_to", "on_resume", "editable_live",
    "requires", "conflicts", "aliases", "default_note", "status",
}  # fmt: skip
TYPES = {"bool", "int", "float", "str", "enum", "path", "color", "list", "dict", "object", "union"}


def test_every_option_has_the_promised_keys_as_plain_json() -> None:
    for info in options():
        row = json.loads(json.dumps(info.as_json(), allow_nan=False))
        assert row.keys() >= CONTRACT
        assert row["type"] in TYPES, info.path
        assert row["tier"] in {"basic", "advanced", "expert"}
        assert row["status"] in {"live", "legacy", "deprecated"}


def test_paths_are_unique_and_found_again() -> None:
    paths = [info.path for info in options()]
    assert len(set(paths)) == len(paths) > 100
    assert all(find(path) is info for path, info in zip(paths, options()))


def test_the_paths_are_those_that_people_write() -> None:
    assert {
        "job", "meta", "config.name", "config.process", "type", "training_folder", "device",
        "trigger_word", "model.name_or_path", "network.linear", "train.lr",
        "train.ema_config.use_ema", "train.optimizer_params.betas", "datasets[].flip_x",
        "sample.samples[].prompt", "save.save_every", "logging.log_every",
    } <= {info.path for info in options()}  # fmt: skip


@pytest.mark.parametrize(
    "path",
    ["train.lr", "process[1].train.lr", "config.process[0].train.lr"],
)
def test_an_option_is_found_wherever_it_stands(path: str) -> None:
    info = find(path)
    assert info is not None
    assert info.path == "train.lr"
    assert general("process[2].datasets[3].flip_x") == "datasets[].flip_x"


def test_labels_and_help_are_written_for_people() -> None:
    for info in options():
        assert 0 < len(info.label) <= 40, info.path
        assert info.help.endswith((".", "0.01")), info.path
        assert len(info.help) <= 160, info.path


def test_what_an_option_names_exists() -> None:
    for info in options():
        needed = [need for condition in info.requires for need in needs(condition)]
        names = [need.path for need in needed]
        names += [*info.conflicts, *([info.inherits] if info.inherits else [])]
        for name in names:
            below = any(other.path.startswith(f"{name}.") for other in options())
            assert find(name) or below, f"{info.path} names {name}"
        for need in needed:
            other = find(need.path)
            if other is not None and other.choices and need.value is not None:
                assert need.value in map(str, other.choices), f"{info.path} names {need}"
        assert set(info.applies_to) <= {"all", *CAPABILITIES}, info.path
        if info.when is not None:
            decider = find(info.when[0])
            assert decider is not None
            assert set(info.when[1]) <= set(decider.choices or ())


def test_every_default_is_a_value_that_would_be_accepted() -> None:
    for info in options():
        for variant in (info.variants or {"": info}).values():
            if variant.required or variant.type == "object":
                continue
            field = variant.owner.model_fields[variant.name]
            TypeAdapter(field.annotation).validate_python(variant.default)  # type: ignore[arg-type]


def test_older_names_hide_no_present_one() -> None:
    for info in options():
        assert not set(info.aliases) & set(info.owner.model_fields), info.path


def test_choices_are_explained_one_by_one() -> None:
    for info in options():
        if info.choices:
            assert set(info.choice_help) == set(info.choices)
            assert set(info.synonyms.values()) <= set(info.choices)
            assert not {str(s).lower() for s in info.synonyms} & set(map(str, info.choices))


def test_a_dependent_option_has_a_declaration_for_each_deciding_value() -> None:
    eps = find("train.optimizer_params.eps")
    assert eps is not None
    assert eps.when is not None
    assert eps.when[0] == "train.optimizer"
    assert set(eps.when[1]) >= {"adamw", "adam8bit", "adafactor", "prodigy", "automagic3"}
    assert not set(eps.when[1]) & {"lion", "lion8bit", "dadaptationlion"}
    assert under(eps, "adafactor").type == "list"
    assert under(eps, "adamw").type == "float"
    assert under(eps, "something else") is eps
    assert eps.as_json()["defaults_by"]["adafactor"] == [1e-30, 1e-3]


def test_bounds_come_from_the_declaration() -> None:
    dropout, rank = find("network.dropout"), find("network.linear")
    assert dropout is not None
    assert rank is not None
    assert (dropout.min, dropout.max, dropout.exclusive_max) == (0, 1, True)
    assert (rank.min, rank.max, rank.exclusive_max) == (1, 4096, False)
    sizes = find("datasets[].resolution")
    assert sizes is not None
    assert (sizes.min, sizes.max, sizes.type) == (64, 8192, "union")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("train.lrr", "train.lr"),
        ("flipx", "datasets[].flip_x"),
        ("network.linaer", "network.linear"),
        ("save_evry", "save.save_every"),
    ],
)
def test_a_mistyped_path_has_a_nearest_one(typed: str, meant: str) -> None:
    assert closest(typed) == meant


def test_nothing_is_near_to_nonsense() -> None:
    assert closest("zzzzqqqq") is None


def test_search_puts_the_name_before_the_help() -> None:
    assert next(iter(search("lr"))).path == "train.lr"
    assert [info.path for info in search("min-snr")] == ["train.min_snr_gamma"]
    assert "train.ema_config.use_ema" in [info.path for info in search("weight averaging")]
    assert search("huber")[0].path == "train.loss_type"
    assert search("lr zzzz") == []
    assert len(search("")) == len(options())


def test_the_sections_are_those_of_the_sidebar() -> None:
    rows = {row.name: row for row in sections()}
    assert list(rows) == [
        "job", "model", "network", "train", "datasets", "sample", "save", "logging", "adapter",
        "embedding", "decorator", "guidance",
    ]  # fmt: skip
    assert rows["network"].nullable
    assert rows["datasets"].many


@pytest.mark.parametrize("kind", PROCESS_ROWS)
def test_every_option_of_a_process_type_stands_in_one_of_its_sections(kind: str) -> None:
    rows = {row.name: row for row in sections(kind)}
    assert {info.section for info in options_for(kind)} == set(rows)
    for info in options_for(kind):
        if info.section not in {"job"}:
            assert info.path.startswith(rows[info.section].prefix)


def test_a_choice_without_an_explanation_is_a_mistake_of_ours() -> None:
    from typing import Literal

    from schema.option_rows import _choices

    class Half(Section):
        mode: Literal["a", "b"] = opt("a", "Mode", "Which.", group="G", choices={"a": "one"})

    info = Half.model_fields["mode"]
    with pytest.raises(TypeError, match="choices"):
        _choices(shape_of(info), _meta(info), "half.mode")


def _meta(info: Any) -> Any:
    from schema.option import meta_of

    return meta_of(info)


def test_the_process_class_holds_every_bare_option() -> None:
    for process in process_classes():
        mine = [i.path for i in options_for(process.kind) if i.section == "job"]
        bare = {path for path in mine if "." not in path} - {"job", "meta"}
        assert bare <= set(process.model_fields)


def test_a_family_is_known_by_name_alias_and_tag() -> None:
    assert family("sd15") is family("SD1") is family("sd1:base") is FAMILIES["sd1"]
    assert family("sdxxl") is None


def test_a_family_says_why_an_option_does_not_apply() -> None:
    row = FAMILIES["sd1"]
    assert row.can(("all",))
    assert row.lacks(("alpha_bar", "convolutions")) is None
    assert "flow" in str(row.lacks(("flow",)))
    assert not replace(row, capabilities=frozenset()).can(("alpha_bar",))
    for known in FAMILIES.values():
        assert known.capabilities <= set(CAPABILITIES)


def test_no_option_promises_to_change_live_while_no_worker_reads_it_again() -> None:
    assert not any(info.editable_live for info in options())
