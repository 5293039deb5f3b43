"""From a row to its editor, and from a typed text to a value: one place for both."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from schema.catalogue import OptionInfo
from schema.pending import waiting_values
from tui.form.editors import AreaEditor, ChecksEditor, ChoiceEditor, Editor, LineEditor
from tui.form.pathedit import PathEditor
from tui.form.row import Row
from tui.form.values import editable, parse, parse_table, shown, step, table_text

if TYPE_CHECKING:
    from tui.draft import Draft


def is_item(row: Row) -> bool:
    """Whether the row is one text of a list (a prompt), not an option of its own."""
    return row.option is not None and row.option.type == "list" and row.path.endswith("]")


def kind_of(row: Row) -> str:
    """The kind for `parse`: the catalogue's type, or how a list or union is written.

    `lines` is a text a line, `checks` some of several choices, `table` a list a line, `str` an item
    of a list of texts; `numbers`, `texts` and `switch` are unions.
    """
    info = row.option
    assert info is not None
    if is_item(row):
        return "str"
    if info.type == "list":
        return _LISTS.get(info.item_type or "", "list")
    return _union(info) if info.type == "union" else info.type


_LISTS = {"str": "lines", "path": "lines", "enum": "checks", "list": "table"}


def _union(info: OptionInfo) -> str:
    members = info.shape.members
    if any(one.kind == "bool" for one in members):
        return "switch"
    for one in members:
        if one.kind == "list" and one.item is not None:
            return "texts" if one.item.kind in ("str", "path") else "numbers"
    return "union"


def value_of(row: Row, text: str) -> Any:
    """The value that a typed text means for the row's option."""
    info = row.option
    assert info is not None
    kind = kind_of(row)
    if kind == "table":
        inner = info.shape.item.item.kind if info.shape.item and info.shape.item.item else "str"
        return parse_table(text, numbers=inner in ("int", "float"))
    return parse(kind, text, optional=info.nullable and not is_item(row))


def wants_default(row: Row, text: str) -> bool:
    """Whether an empty line means the default: for everything where no text is no value."""
    info = row.option
    assert info is not None
    texts = ("str", "lines", "checks", "switch", "texts", "table")
    return not text.strip() and kind_of(row) not in texts and not info.nullable


def make_editor(draft: Draft, row: Row, base: Path, rows: int) -> Editor:
    """The fitting editor, filled with the present value. `rows` is the room for its list."""
    info = row.option
    assert info is not None
    value = draft.value(row.path) if draft.is_set(row.path) else draft.default(info, row.path)
    kind = kind_of(row)
    waiting = waiting_values(info.path, draft.kind)
    if kind == "checks":
        return ChecksEditor(info, value, max(2, rows - 1), waiting)
    if info.choices and kind in ("enum", "str"):
        return ChoiceEditor(info, value, max(2, min(rows - 1, len(info.choices))), waiting)
    if kind == "path" or (info.editor in ("path", "folder", "model") and kind == "str"):
        folders = info.editor == "folder"
        return PathEditor(editable(value), base, folders_only=folders, rows=max(2, rows - 1))
    if kind in ("lines", "texts"):
        items = value if isinstance(value, list) else [value] if value else []
        return AreaEditor("\n".join(map(str, items)), enter_keeps=False)
    if kind == "table":
        return AreaEditor(table_text(value), enter_keeps=False)
    if info.editor in ("prompt", "multiline") or is_item(row):
        text = editable(value) if isinstance(value, str) else "on" if value is True else ""
        return AreaEditor(text, enter_keeps=info.editor != "multiline")
    if kind in ("int", "float"):
        return LineEditor(editable(value), stepped=lambda text, by: stepped(info, text, by))
    if kind in ("list", "numbers") and isinstance(value, list):
        return LineEditor(", ".join(map(editable, value)))
    return LineEditor(editable(value), secret=info.editor == "secret")


def stepped(info: OptionInfo, text: str, by: int) -> str:
    """The text of the next number up or down, kept within the option's bounds."""
    value = parse(info.type, text)
    if isinstance(value, bool) or not isinstance(value, int | float):
        value = info.default if isinstance(info.default, int | float) else 0
    return shown(bounded(info, step_by(info, value, by)))


def step_by(info: OptionInfo, value: float, by: int) -> float:
    """One step (or ten) from a value, by the option's own scale."""
    big = abs(by) >= 10
    return step(value, 1 if by > 0 else -1, whole=info.type == "int", log=info.log, big=big)


def bounded(info: OptionInfo, value: float) -> float:
    """The value within the option's bounds; an excluded bound is not reached."""
    low, high = info.min, info.max
    if low is not None and (value < low or (value == low and info.exclusive_min)):
        return value if info.exclusive_min and value > low else _inside(info, low, 1)
    if high is not None and (value > high or (value == high and info.exclusive_max)):
        return _inside(info, high, -1)
    return value


def _inside(info: OptionInfo, bound: float, direction: int) -> float:
    excluded = info.exclusive_min if direction > 0 else info.exclusive_max
    if info.type == "int":
        return int(bound) + (direction if excluded else 0)
    return bound + direction * 1e-6 if excluded else bound


def next_choice(info: OptionInfo, value: object, kind: str, by: int = 1) -> object:
    """The choice after this one that the engine knows, round and round."""
    waiting = waiting_values(info.path, kind)
    choices = [one for one in info.choices or () if str(one) not in waiting or one == value]
    at = choices.index(value) if value in choices else -1
    return choices[(at + by) % len(choices)]
