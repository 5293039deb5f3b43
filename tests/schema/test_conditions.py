"""Conditions of options: on, a value, one of several."""

import pytest

from schema.conditions import met, needs, said


@pytest.mark.parametrize(
    ("found", "on"),
    [(None, False), (False, False), (0, False), ("", False), ([], False), (True, True), (1, True),
     (0.5, True), ("x", True), (["x"], True)],
)  # fmt: skip
def test_a_path_alone_asks_for_a_value_that_is_not_off(found: object, on: bool) -> None:
    assert met("a.b", lambda path: found) is on


def test_a_value_is_compared_as_yaml_writes_it() -> None:
    values = {"a": "adam", "b": True}
    assert met("a=adam", values.get)
    assert not met("a=adamw", values.get)
    assert met("b=true", values.get)


def test_of_a_list_any_item_may_have_the_value() -> None:
    values = {"a": ["depth", "mask"], "b": []}
    assert met("a=mask", values.get)
    assert not met("a=line", values.get)
    assert not met("b=mask", values.get)


def test_one_of_several_is_enough() -> None:
    values = {"a": "lion", "b": 2}
    assert met("a=adam|b", values.get)
    assert met("a=adam|a=lion", values.get)
    assert not met("a=adam|c", values.get)
    assert [need.path for need in needs("a=adam|c")] == ["a", "c"]


def test_it_is_said_with_labels_where_there_are_any() -> None:
    assert said("a=adam|b", {"a": "Optimizer"}.get) == "Optimizer (a) = adam or b"
