"""The small parts behind reading, judging and writing, each on its own."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from schema import yaml_write
from schema.compare import same
from schema.edit import edited
from schema.edit_text import Declined, TextEdit
from schema.mend import mended
from schema.option import Section, opt, spellings
from schema.placeholders import expanded
from schema.sections.dtypes import torch_name
from schema.shapes import Shape, shape_of
from schema.words import accepted, suggestion
from schema.yaml_text import read
from tests.schema.conftest import BASE


class Every(Section):
    """One field of every kind."""

    flag: bool = opt(False, "Flag", "Help.", group="G")
    count: int = opt(1, "Count", "Help.", group="G", ge=1, le=9)
    rate: float | None = opt(None, "Rate", "Help.", group="G", gt=0, lt=1)
    name: str = opt("", "Name", "Help.", group="G")
    slug: str = opt("a", "Slug", "Help.", group="G", pattern="^[a-z]+$", form="small letters")
    place: str = opt("x", "Place", "Help.", group="G", editor="folder", min_length=1)
    shade: str = opt("red", "Shade", "Help.", group="G", editor="color")
    mode: Literal["on", "off"] = opt(
        "on", "Mode", "Help.", group="G", choices={"on": "yes", "off": "no"}, synonyms={1: "on"}
    )
    pair: Annotated[list[float], Field(min_length=2, max_length=2)] = opt(
        [1.0, 2.0], "Pair", "Help.", group="G"
    )
    words: list[str] = opt([], "Words", "Help.", group="G")
    either: int | list[int] = opt(1, "Either", "Help.", group="G")
    free: dict[str, Any] = opt({}, "Free", "Help.", group="G")


WORDS = {
    "flag": ("bool", "true or false"),
    "count": ("int", "a whole number from 1 to 9"),
    "rate": ("float", "a number above 0 and below 1, or empty"),
    "name": ("str", "text"),
    "slug": ("str", "text of the form small letters"),
    "place": ("path", "a path that is not empty"),
    "shade": ("color", "a colour"),
    "mode": ("enum", "one of on, off"),
    "pair": ("list", "a list of 2 items, each a number"),
    "words": ("list", "a list of items, each text"),
    "either": ("union", "a whole number or a list of items, each a whole number"),
    "free": ("dict", "a mapping of keys and values"),
}


def shape(name: str) -> Shape:
    return shape_of(Every.model_fields[name])


@pytest.mark.parametrize("name", WORDS)
def test_a_field_knows_its_kind_and_says_it_in_words(name: str) -> None:
    assert (shape(name).kind, accepted(shape(name))) == WORDS[name]


@pytest.mark.parametrize(
    ("name", "value", "meant"),
    [
        ("flag", "on", "true"), ("flag", 0, "false"), ("flag", "maybe", None),
        ("count", 99, "9"), ("count", -4, "1"), ("count", 2.6, "3"), ("count", "7", "7"),
        ("count", "many", None), ("count", True, None), ("rate", "0.5", "0.5"),
        ("rate", 0, None), ("rate", 1.0, None), ("rate", float("nan"), None),
        ("name", 7, '"7"'), ("name", True, '"true"'), ("slug", 7, None), ("mode", "of", "off"),
        ("words", "a", "[a]"), ("words", 3, None), ("pair", 3, "[3]"), ("either", 2.0, "2"),
        ("free", 3, None), ("count", 1e300, "9"),
    ],
)  # fmt: skip
def test_the_value_that_was_probably_meant(name: str, value: object, meant: str | None) -> None:
    assert suggestion(value, shape(name)) == meant


def test_an_annotation_without_a_kind_is_a_mistake_of_ours() -> None:
    class Odd(Section):
        value: set[int] = opt(set(), "V", "H.", group="G")

    with pytest.raises(TypeError, match="no option type"):
        shape_of(Odd.model_fields["value"])


def test_synonyms_of_any_type_mean_their_value() -> None:
    assert Every.model_validate({"mode": 1}).mode == "on"
    assert Every.model_validate({"mode": "OFF"}).mode == "off"
    with pytest.raises(ValueError, match="mode"):
        Every.model_validate({"mode": True})


def test_spellings_are_in_small_letters() -> None:
    from schema.option import meta_of

    table = spellings(meta_of(Every.model_fields["mode"]))
    assert table == {"on": "on", "off": "off", 1: "on"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"), (True, "true"), (0.0001, "1e-4"), (1e-5, "1e-5"), (0.25, "0.25"),
        (3.0, "3.0"), (1e-30, "1e-30"), (float("inf"), ".inf"), ("plain text", "plain text"),
        ("1e-4", "'1e-4'"), ("yes", "'yes'"), ("", "''"), ("a, b", "'a, b'"), ("é", "é"),
        ("two\nlines", '"two\\nlines"'), ([1, "a", None], "[1, a, null]"), ({}, "{}"), ([], "[]"),
    ],
)  # fmt: skip
def test_scalars_are_written_as_people_write_them(value: object, text: str) -> None:
    assert yaml_write.scalar(value) == text
    assert same(read(f"a: {text}").data, {"a": value})


def test_text_keeps_the_quotes_it_had() -> None:
    assert yaml_write.scalar("a", quote='"') == '"a"'
    assert yaml_write.scalar("it's", quote="'") == "'it''s'"
    assert yaml_write.scalar("a\nb", quote="'") == '"a\\nb"'
    assert yaml_write.scalar(5, quote='"') == "5"


def test_nested_values_are_written_in_blocks() -> None:
    text = yaml_write.document({"a": {"b": [{"c": 1, "d": [1, 2]}, {}]}, "e": []})
    assert text == "a:\n  b:\n    - c: 1\n      d: [1, 2]\n    - {}\ne: []\n"


def test_long_lists_get_a_line_an_item() -> None:
    text = yaml_write.document({"prompts": ["a rather long prompt " * 3, "another one " * 4]})
    assert text.count("\n  - ") == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [(1, True), (1, 1.0), ([1], [1, 2]), ({"a": 1}, {"b": 1}), ("1", 1), (None, False), ({}, [])],
)
def test_values_of_different_types_are_not_the_same(one: object, other: object) -> None:
    assert not same(one, other)
    assert same(one, one)


def test_the_order_of_keys_does_not_matter_and_nan_is_itself() -> None:
    assert same({"a": 1, "b": float("nan")}, {"b": float("nan"), "a": 1})


DECLINED = [
    ("a: {b: 1}\n", "set", ("a", "c"), 2),
    ("a: &x {b: 1}\nc: *x\n", "set", ("c", "b"), 2),
    ("a: &x 1\nc: *x\n", "set", ("a",), 2),
    ("a: &x 1\n", "set", ("a",), 2),
    ("a: !!str 1\n", "set", ("a",), "2"),
    ("a:\n  b: 1\n", "unset", ("a", "b"), None),
    ("a:\n  - 1\n", "unset", ("a", 0), None),
    ("a: [1, 2]\n", "unset", ("a", 0), None),
    ("- - 1\n  - 2\n", "unset", (0, 0), None),
    ("<<: {b: 1}\n", "set", ("b", "c"), 2),
    ("a: 1\n", "set", ("b", "c"), 2),
]


@pytest.mark.parametrize(("text", "action", "keys", "value"), DECLINED)
def test_the_plain_way_declines_what_it_cannot_do_quietly(
    text: str, action: str, keys: tuple[Any, ...], value: object
) -> None:
    editor = TextEdit(text, read(text).root)
    with pytest.raises(Declined):
        editor.set(keys, value) if action == "set" else editor.unset(keys)


@pytest.mark.parametrize(
    ("text", "keys", "value", "expected"),
    [
        ("a:\nb: 2\n", ("a",), 1, "a: 1\nb: 2\n"),
        ("a: 1", ("b",), 2, "a: 1\nb: 2\n"),
        ("a: |\n  x\n  y\nb: 2\n", ("a",), "z", "a: z\nb: 2\n"),
        ("a: |\n  x\n\nb: 2\n", ("c",), 3, "a: |\n  x\n\nb: 2\nc: 3\n"),
        ("a: 'x'  # why\n", ("a",), "y", "a: 'y'  # why\n"),
        ("a: 'x'\n", ("a",), 5, "a: 5\n"),
        ("a:\n- 1\n- 2\n", ("a", 2), 3, "a:\n- 1\n- 2\n- 3\n"),
        ("a:\n    b: 1\n", ("a", "c"), {"d": 2}, "a:\n    b: 1\n    c:\n      d: 2\n"),
        ("a:\n  b: 1\nc: 2\n", ("a",), 7, "a: 7\nc: 2\n"),
        ("a: 1\n", ("a",), {"b": 2}, "a:\n  b: 2\n"),
        ("? a\n: 1\n", ("a",), 2, "? a\n: 2\n"),
        ('"a b": 1\n', ("a b",), 2, '"a b": 2\n'),
        ("a:\n  - b: 1\n    c: 2\n  - d: 3\n", ("a", 0, "e"), 4,
         "a:\n  - b: 1\n    c: 2\n    e: 4\n  - d: 3\n"),
    ],
)  # fmt: skip
def test_a_value_is_set_in_any_layout(
    text: str, keys: tuple[Any, ...], value: object, expected: str
) -> None:
    assert edited(text, "set", keys, value) == expected


@pytest.mark.parametrize(
    ("text", "keys", "expected"),
    [
        ("a: 1\nb: 2\n", ("a",), "b: 2\n"),
        ("a: 1 # one\n# two\nb: 2\n", ("a",), "# two\nb: 2\n"),
        ("a:\n  x: [1,\n    2]\nb: 2\n", ("a",), "b: 2\n"),
        ("a: |\n  text\nb: 2\n", ("a",), "b: 2\n"),
        ("a:\n  - 1\n  # two\n  - 2\n", ("a", 0), "a:\n  # two\n  - 2\n"),
        ("a:\n  b: 1\n", ("a", "b"), "a: {}\n"),
        ("a:\n  - 1\n", ("a", 0), "a: []\n"),
        ("a: {b: 1, c: 2}\n", ("a", "b"), "a: {c: 2}\n"),
    ],
)
def test_a_value_is_removed_in_any_layout(text: str, keys: tuple[Any, ...], expected: str) -> None:
    assert edited(text, "unset", keys, None) == expected


def test_placeholders_reach_keys_and_every_depth() -> None:
    data = {"config": {"name": "n"}, "meta": {"[name]": ["x-[name]", 3, None]}}
    found, findings = expanded(data, read("a: 1"), {})
    assert found["meta"] == {"n": ["x-n", 3, None]}
    assert findings == []
    assert data["meta"] == {"[name]": ["x-[name]", 3, None]}


def test_a_name_that_is_itself_the_placeholder_is_left() -> None:
    data = {"config": {"name": "[name]"}, "x": "[name]"}
    assert expanded(data, read("a: 1"), {})[0] == data


def test_a_variable_stays_text_and_its_absence_is_a_finding() -> None:
    found, _ = expanded({"a": "${N}", "b": "$N ${}"}, read("a: 1"), {"N": "5"})
    assert found == {"a": "5", "b": "$N ${}"}
    found, findings = expanded({"a": "${NO_1}"}, read("a: '${NO_1}'"), {})
    assert found == {"a": "${NO_1}"}
    assert [(f.code, f.column) for f in findings] == [("variable-unset", 4)]


@pytest.mark.parametrize(
    "damage",
    [
        {"job": "nope"},
        {"config.name": 3},
        {"train.optimizer": "x", "train.optimizer_params": {"wd": 1}},
        {"train.lr_scheduler": "step"},
        {"train.lr_scheduler": "piecewise_constant", "train.lr_scheduler_params": 3},
        {"datasets[0]": 3, "datasets[1]": None},
        {"datasets[0].resolution": ["x", 7]},
        {"model": None},
        {"train": [1], "network": "lora"},
        {"sample.samples": [{"seed": 1}, {}]},
        {"meta": 3, "trigger_word": {}},
    ],
    ids=str,
)
def test_a_faulty_config_is_mended_enough_to_be_looked_at(damage: dict[str, Any]) -> None:
    from schema.document import Document

    document = Document.parse(BASE)
    for path, value in damage.items():
        document.set(path, value)
    before = document.text()
    rest = mended(document.data)
    assert rest is not None
    job, silent = rest
    assert silent
    assert job.config.process[0].datasets
    assert document.text() == before


@pytest.mark.parametrize("data", [None, 3, [], {}, {"job": "extension", "config": 3}])
def test_what_is_no_config_is_not_mended_or_is_empty(data: Any) -> None:
    rest = mended(data)
    assert rest is None or rest[1]


@pytest.mark.parametrize(
    ("dtype", "name"), [("bf16", "bfloat16"), ("fp32", "float32"), ("float16", "float16")]
)
def test_number_formats_have_names_in_torch(dtype: str, name: str) -> None:
    assert torch_name(dtype) == name
