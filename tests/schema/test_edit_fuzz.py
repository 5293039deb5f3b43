"""Any YAML that we read can be edited and then reads as was meant; any text can be checked."""

from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schema import yaml_write
from schema.check import check_document
from schema.compare import same
from schema.document import Document
from schema.edit import edited
from schema.edit_tree import TreeEdit
from schema.paths import Keys
from schema.yaml_text import LOADER, read
from tests.schema.conftest import BASE

QUICK = settings(
    max_examples=120,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

WORDS = st.sampled_from(
    ["a", "lr", "1e-4", "yes", "null", "~", "x: y", "- a", "#c", "a #b", "[x]", "{", "0o7", "1:30",
     "", " ", "'", '"', "é", "a\nb", "&a", "*a", "!t", "%", "@", "2024-01-02", ".inf", "=", "<<"]
)  # fmt: skip
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**6), 10**6), st.floats(), WORDS,
    st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=8),
)  # fmt: skip
KEYS = st.sampled_from(["a", "b", "lr", "c d", "yes", "1", "x:", "#", "é"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=8,
)
MAPPINGS = st.dictionaries(KEYS, VALUES, min_size=1, max_size=4)


def dumped(data: Any, *, flow: bool | None) -> str:
    return str(
        yaml.dump(data, Dumper=yaml_write._Dumper, default_flow_style=flow, allow_unicode=True)
    )


def leaves(data: Any, keys: Keys = ()) -> list[Keys]:
    below = data.items() if isinstance(data, dict) else enumerate(data)
    found = []
    for key, value in below:
        found.append((*keys, key))
        if isinstance(value, dict | list):
            found += leaves(value, (*keys, key))
    return found


@QUICK
@given(MAPPINGS)
def test_what_we_write_we_read_back(data: dict[str, Any]) -> None:
    assert same(read(yaml_write.document(data)).data, data)


@QUICK
@given(MAPPINGS, st.sampled_from([True, False, None]))
def test_our_reading_is_that_of_the_plain_parser(data: dict[str, Any], flow: bool | None) -> None:
    text = dumped(data, flow=flow)
    assert same(read(text).data, yaml.load(text, Loader=LOADER))


@QUICK
@given(MAPPINGS, st.sampled_from([True, False, None]))
def test_passing_through_the_round_trip_tree_changes_no_value(
    data: dict[str, Any], flow: bool | None
) -> None:
    text = dumped(data, flow=flow)
    assert same(read(TreeEdit(text)._text()).data, data)


@QUICK
@given(MAPPINGS, VALUES, st.sampled_from([True, False, None]), st.data())
def test_an_edit_anywhere_gives_exactly_the_values_meant(
    data: dict[str, Any], value: Any, flow: bool | None, draw: st.DataObject
) -> None:
    keys = draw.draw(st.sampled_from(leaves(data)))
    action = draw.draw(st.sampled_from(["set", "unset"]))
    text = edited(dumped(data, flow=flow), action, keys, value)
    parent = data
    for key in keys[:-1]:
        parent = parent[key]
    if action == "set":
        parent[keys[-1]] = value
    else:
        del parent[keys[-1]]
    assert same(read(text).data, data)


PATHS = [
    "config.name", "training_folder", "train.lr", "train.steps", "train.ema_config.use_ema",
    "network.linear", "network.dropout", "model.vae_path", "datasets[0].resolution",
    "datasets[1].flip_x", "datasets[0].default_caption", "save", "meta.version",
]  # fmt: skip
EDITS = st.lists(st.tuples(st.sampled_from(PATHS), st.one_of(SCALARS, VALUES)), max_size=5)


@QUICK
@given(EDITS)
def test_any_chain_of_edits_keeps_all_comments_and_undoes_to_the_letter(
    edits: list[tuple[str, Any]],
) -> None:
    document = Document.parse(BASE)
    for path, value in edits:
        if value is None:
            document.unset(path)
        else:
            document.set(path, value)
            assert same(document.value(path), value)
    for comment in ("# a small config", "# what is trained", "# the pictures", "# the second set"):
        assert comment in document.text()
    while document.undo():
        pass
    assert document.text() == BASE


@QUICK
@given(st.one_of(st.text(max_size=60), st.binary(max_size=60)))
def test_any_text_at_all_is_checked_without_a_crash(source: str | bytes) -> None:
    if isinstance(source, bytes):
        assert read(source).data is not None or read(source).findings
    else:
        assert check_document(Document.parse(source), files=False)


@QUICK
@given(st.sampled_from(PATHS), VALUES)
def test_any_value_anywhere_is_accepted_or_a_finding(path: str, value: Any) -> None:
    document = Document.parse(BASE)
    document.set(path, value)
    findings = check_document(document, files=False)
    if not any(finding.severity == "error" for finding in findings):
        document.typed()
    assert all(finding.message and finding.code for finding in findings)


@QUICK
@given(st.integers(0, len(BASE) - 1), st.sampled_from(list(" \t\n:-[]{}#&*!|>'\"%@`,0a")))
def test_a_config_with_one_wrong_character_is_checked_without_a_crash(at: int, char: str) -> None:
    check_document(Document.parse(BASE[:at] + char + BASE[at + 1 :]), files=False)


@pytest.mark.parametrize("value", [1e-4, 0.01, 5e-7, 0.1, 3.0, 1e22, -2.5e-3, 123456.789])
def test_floats_stay_the_same_floats(value: float) -> None:
    assert same(read(f"a: {yaml_write.scalar(value)}").data, {"a": value})
