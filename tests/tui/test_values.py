"""Typed text to values and back: numbers as people write them, lists, mappings, steps."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.catalogue import find
from tui.form.editing import bounded, stepped
from tui.form.values import editable, flow, number_text, parse, shown, step


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("int", "2k", 2000), ("int", "1M", 1_000_000), ("int", "512*2", 1024), ("int", "2e3", 2000),
        ("int", " 7 ", 7), ("int", "1.5", 1.5), ("int", "x", "x"), ("int", "", ""),
        ("int", "1_000", "1_000"), ("float", "1e-4", 1e-4), ("float", ".0001", 1e-4),
        ("float", "-0.8", -0.8), ("float", "3", 3.0), ("float", "1e", "1e"),
        ("bool", "on", True), ("bool", "No", False), ("bool", "maybe", "maybe"),
        ("list", "512, 768", [512, 768]), ("list", "[0.9, 1e-3]", [0.9, 1e-3]),
        ("list", "512\n768\n", [512, 768]), ("list", "", []), ("list", "[1, 2", "[1, 2"),
        ("lines", "a, b\n\nc", ["a, b", "c"]), ("dict", "{a: 1e-4}", {"a": 1e-4}),
        ("dict", "a: 1\nb: x", {"a": 1, "b": "x"}), ("dict", "{a", "{a"), ("dict", "", {}),
        ("union", "512", 512), ("union", "[512, 768]", [512, 768]), ("union", "false", False),
        ("str", " kept ", " kept "), ("path", " ./a ", "./a"),
    ],
)  # fmt: skip
def test_a_typed_text_means_what_people_expect(kind: str, text: str, value: Any) -> None:
    found = parse(kind, text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("text", ["", "-", "none", "null"])
def test_an_optional_value_takes_several_words_for_none(text: str) -> None:
    assert parse("float", text, optional=True) is None
    assert parse("str", text, optional=True) is None


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_is_shown_so_that_it_reads_back_the_same(value: float) -> None:
    assert float(number_text(value)) == value


def test_numbers_are_shown_short() -> None:
    values = (1e-4, 1e-6, 2.5e-5, 0.1, 7.0, 1e12)
    assert [number_text(v) for v in values] == [
        "0.0001", "1e-6", "2.5e-5", "0.1", "7.0", "1e12",
    ]  # fmt: skip


def test_values_are_shown_as_words() -> None:
    shown_values = [shown(v) for v in (None, True, False, [1, 2], [], {"a": 1}, {}, "", "a\nb")]
    assert shown_values == [
        "-", "on", "off", "[1, 2] (2)", "none", "{a: 1}", "none", '""', "a ⏎ b",
    ]  # fmt: skip


@pytest.mark.parametrize("value", [None, True, 3, 1e-4, "text", [1, 2], {"a": [1, None]}])
def test_an_editor_starts_with_text_that_means_the_same_value(value: Any) -> None:
    kinds = {bool: "bool", int: "int", float: "float", str: "str", list: "list", dict: "dict"}
    kind = kinds.get(type(value), "float")
    assert parse(kind, editable(value), optional=value is None) == value


def test_flow_yaml_has_no_document_end() -> None:
    assert flow("x") == "x"
    assert flow([1, {"a": "b: c"}]) == "[1, {a: 'b: c'}]"


@given(st.integers(1, 10**6), st.sampled_from([1, -1]))
def test_steps_of_whole_numbers_are_whole_and_move(value: int, direction: int) -> None:
    moved = step(value, direction, whole=True, log=False)
    assert isinstance(moved, int)
    assert (moved - value) * direction > 0


@given(st.floats(1e-7, 1), st.sampled_from([1, -1]))
def test_steps_on_a_log_scale_multiply(value: float, direction: int) -> None:
    moved = step(value, direction, whole=False, log=True)
    assert 1.2 < (moved / value if direction > 0 else value / moved) < 2.8


def test_a_big_step_is_ten_steps() -> None:
    assert step(20, 1, whole=True, log=False, big=True) == 30


def test_steps_stay_within_the_bounds_of_the_option() -> None:
    rate = find("datasets[].caption_dropout_rate")
    batch = find("train.batch_size")
    gamma = find("train.min_snr_gamma")
    assert rate is not None
    assert batch is not None
    assert gamma is not None
    assert bounded(rate, 1.3) == 1
    assert bounded(rate, -0.1) == 0
    assert bounded(batch, 0) == 1
    assert 0 < bounded(gamma, 0) < 1e-3
    assert stepped(batch, "1", -1) == "1"
    assert stepped(batch, "nonsense", 1) == "2"
