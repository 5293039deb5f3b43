"""Every option of the catalogue can be reached and edited in the form, for some process type.

No screen: the outline says where an option is, the rows say that it has one, the editor that opens
is the one for its kind, and what it starts with reads back as the value.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from schema.catalogue import OptionInfo, general, options
from schema.paths import below
from tui.draft import Draft
from tui.form import outline
from tui.form.editing import kind_of, make_editor, value_of
from tui.form.editors import AreaEditor, ChecksEditor, ChoiceEditor, LineEditor
from tui.form.entries import entry_paths
from tui.form.layout import container_kind
from tui.form.outline import Node
from tui.form.pathedit import PathEditor
from tui.form.row import Row
from tui.form.rows import fields_of, option_row, rows_of
from tui.form.states import node_of

EDITORS = {
    "int": LineEditor, "float": LineEditor, "numbers": LineEditor, "list": LineEditor,
    "union": LineEditor, "switch": AreaEditor, "lines": AreaEditor, "texts": AreaEditor,
    "table": AreaEditor, "checks": ChecksEditor, "enum": ChoiceEditor, "path": PathEditor,
}  # fmt: skip
EXAMPLES: dict[str, list[Any]] = {
    "int": [7], "float": [0.5, 1e-05], "str": ["some text"], "path": ["a/b"], "lines": [["a", "b"]],
    "texts": [["a", "b"], "words.txt"], "numbers": [512, [512, 768]], "switch": [True, "blurry"],
    "table": [[[512, 768], [1024, 512]]],
}  # fmt: skip


def containers_on_the_way(path: str) -> list[str]:
    """The lists that an option is in: `a[].b[].c` -> `a`, `a[0].b`."""
    out, rest, done = [], path, ""
    while "[]" in rest:
        head, _, rest = rest.partition("[]")
        out.append(done + head)
        done += f"{head}[0]"
    return out


@cache
def draft_for(kind: str, path: str) -> Draft:
    """A config of one process with the list items that the option needs."""
    draft = Draft.new(f"job: extension\nconfig:\n  name: x\n  process:\n    - type: {kind}\n")
    for container in containers_on_the_way(path):
        draft.set(f"{container}[0]", {})
    return draft


def concrete(path: str) -> str:
    return path.replace("[]", "[0]")


def variants_set(draft: Draft, info: OptionInfo) -> None:
    """Gives the deciding option the value under which this one exists."""
    if info.when is not None and not draft.exists_now(info, concrete(info.path)):
        draft.set(concrete(info.when[0]), info.when[1][0])


def place_of(draft: Draft, path: str) -> tuple[Node, Row]:
    """The sidebar's node that has the row of an option, and that row."""
    draft.revealed.add(path)
    node = node_of(outline.outline(draft, opened=path), path)
    assert node is not None, f"{path} is nowhere"
    rows = [row for row in rows_of(draft, node, "expert") if row.path == path]
    assert rows, f"{path} has no row in {node.id}"
    return node, rows[0]


def leads_into(info: OptionInfo) -> bool:
    """Whether an option is a plain section: what is in it has rows, itself it has none."""
    inner = any(other.path.startswith(f"{info.path}.") for other in options())
    return info.type == "object" and not info.nullable and not info.same_as and inner


ALL = [info for info in options() if not leads_into(info) and info.path != "config.process"]


@pytest.mark.parametrize("info", ALL, ids=lambda info: info.path)
def test_every_option_has_a_row_and_an_editor_that_fits(info: OptionInfo, tmp_path: Path) -> None:
    kind = info.process_types[0] if info.process_types != ("all",) else "sd_trainer"
    draft = draft_for(kind, info.path)
    path = concrete(info.path)
    own = draft.find(path)
    assert own is not None
    variants_set(draft, own)
    _, row = place_of(draft, path)
    assert row.label.strip()
    if row.kind == "switch":
        assert own.nullable
        return
    if container_kind(own):
        opened = outline.outline(draft, opened=path)
        inside = [n for n in opened if n.id.startswith(path) or n.list_path == path]
        assert inside, f"enter on {path} opens nothing"
        return
    if own.type == "bool":
        return
    check_editor(draft, row, tmp_path)


def check_editor(draft: Draft, row: Row, base: Path) -> None:
    """The editor of the row is the one for its kind, and text and value read back."""
    kind, info = kind_of(row), row.option
    assert info is not None
    editor = make_editor(draft, row, base, 8)
    expected = ChoiceEditor if info.choices and kind in ("enum", "str") else EDITORS.get(kind)
    if expected is not None and not (kind in ("list", "numbers") or info.editor):
        assert type(editor) is expected, f"{row.path}: {kind} has a {type(editor).__name__}"
    for value in [info.default, *examples(info, kind)]:
        if value is None or value == "":
            continue
        draft.set(row.path, value)
        first = getattr(make_editor(draft, row, base, 8), "_first", None)
        if first is not None:
            assert value_of(row, first) == value, f"{row.path}: {first!r} is not {value!r}"
    draft.reset(row.path)


def examples(info: OptionInfo, kind: str) -> list[Any]:
    """Values of the kind besides the default."""
    inner = info.shape.item.item if info.shape.item is not None else None
    if kind == "table" and inner is not None and inner.kind == "str":
        return [[["the image, in full", ""], ["a", "b"]]]
    if kind == "list" and info.item_type in ("int", "float"):
        return [[1, 2, 3]]
    return EXAMPLES.get(kind, []) if not info.choices else []


def test_the_list_of_processes_is_the_sidebar_itself() -> None:
    draft = draft_for("sd_trainer", "job")
    assert any(node.list_path == "config.process" for node in outline.outline(draft))


@pytest.mark.parametrize("info", [i for i in options() if leads_into(i)], ids=lambda i: i.path)
def test_a_plain_section_is_reached_through_what_is_in_it(info: OptionInfo) -> None:
    inner = [one for one in ALL if one.path.startswith(f"{info.path}.")]
    assert inner


@pytest.mark.parametrize("section", ["adapter.lora_config", "first_sample", "models_to_merge"])
def test_a_section_that_repeats_another_has_all_its_options(section: str) -> None:
    kind = "example_merge_extension" if section == "models_to_merge" else "sd_trainer"
    draft = Draft.new(f"job: extension\nconfig:\n  name: x\n  process:\n    - type: {kind}\n")
    at = section
    if section == "models_to_merge":
        draft.change(lambda doc: doc.insert(section, 0, {}))
        at = f"{section}[0]"
    other = {"adapter.lora_config": "network", "first_sample": "sample"}.get(section, "model")
    node = next(n for n in outline.outline(draft, opened=at) if n.id == at)
    names = {path.removeprefix(f"{at}.") for _, path in fields_of(draft, node)}
    wanted = {
        info.path.removeprefix(f"{other}.")
        for info in options()
        if info.path.startswith(f"{other}.") and "[]" not in info.path and not leads_into(info)
    }
    assert wanted <= names
    inner = next(
        path for _, path in fields_of(draft, node) if path.endswith((".type", ".neg", ".arch"))
    )
    assert draft.find(inner) is not None
    assert place_of(draft, inner)[0].id == at


def test_entries_of_a_free_mapping_are_rows_of_their_kind() -> None:
    draft = draft_for("sd_trainer", "network.network_kwargs.modules_dim")
    path = "network.network_kwargs.modules_dim"
    draft.set(path, {"mid.0": 8, "deep": {"x": [1, {"y": True}]}, "on": True, "word": "a, b"})
    inner = path + below(path, "mid.0")
    assert inner in entry_paths(draft, path)
    row = place_of(draft, inner)[1]
    assert (row.label, row.value) == ("mid.0", "8")
    assert value_of(row, "16") == 16
    assert value_of(place_of(draft, f"{path}.word")[1], "[1, 2]") == [1, 2]
    assert place_of(draft, f"{path}.on")[1].option.type == "bool"  # type: ignore[union-attr]
    deepest = place_of(draft, f"{path}.deep.x[1].y")
    assert deepest[1].value == "on"
    draft.set(inner, 4)
    assert draft.value(path)["mid.0"] == 4
    assert general(deepest[1].path)


def test_options_of_other_process_types_are_not_offered() -> None:
    draft = draft_for("lora", "type")
    assert draft.find("train.lr") is None
    assert option_row(draft, draft.layout.options_of("job")[0], "device").kind == "option"
