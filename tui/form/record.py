"""What the inspector says about an option: its path, type, help, conditions, as styled lines.

Pure functions from an option and the draft to `(text, colour name)` lines; the inspector wraps and
draws them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from schema.catalogue import OptionInfo, find
from schema.conditions import said
from schema.pending import waiting_values
from tui.form.row import Row
from tui.form.values import number_text, shown

if TYPE_CHECKING:
    from tui.draft import Draft

Line = tuple[str, str]
WORDS = {
    "bool": "on or off", "int": "whole number", "float": "number", "str": "text", "enum": "choice",
    "path": "path", "color": "colour", "list": "list", "dict": "mapping", "object": "mapping",
    "union": "value",
}  # fmt: skip
RESUME = {
    "new-trajectory": "after a resume a change leads to other results",
    "refused": "cannot be changed in a run that is resumed",
}


def type_words(info: OptionInfo) -> str:
    """`number ≥ 0`, `choice of 8`, `list of whole numbers 64 to 8192`."""
    words = WORDS.get(info.type, info.type)
    if info.type == "enum" and info.choices:
        words = f"choice of {len(info.choices)}"
    if info.type == "list" and info.item_type:
        words = f"list of {WORDS.get(info.item_type, info.item_type)}s".replace("texts", "texts")
    if info.type == "union":
        words = " or ".join(_member_words(info))
    limits = _limits(info)
    unit = f", in {info.unit}" if info.unit else ""
    return f"{words}{limits}{unit}{', or none' if info.nullable else ''}"


def _member_words(info: OptionInfo) -> list[str]:
    return [WORDS.get(member.kind, member.kind) for member in info.shape.members]


def _limits(info: OptionInfo) -> str:
    low, high = info.min, info.max
    if info.type not in ("int", "float", "list", "union"):
        return ""
    if low is not None and high is not None:
        return f" {_number(low)} to {_number(high)}"
    if low is not None:
        return f" {'>' if info.exclusive_min else '≥'} {_number(low)}"
    if high is not None:
        return f" {'<' if info.exclusive_max else '≤'} {_number(high)}"
    return ""


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else number_text(float(value))


def head(draft: Draft, row: Row) -> list[Line]:
    """The lines above the editor."""
    info = row.option
    if info is None:
        return [(row.label, "primary"), (row.path, "muted")]
    default = "" if info.required else f" · default {default_words(draft, info, row.path)}"
    return [(info.label, "primary"), (row.path, "muted"), (f"{type_words(info)}{default}", "muted")]


def default_words(draft: Draft, info: OptionInfo, path: str) -> str:
    """The default as words, also an inherited one."""
    value = draft.default(info, path)
    if value is None and info.inherits:
        parent = find(info.inherits)
        return f"that of {parent.label.lower() if parent else info.inherits}"
    return shown(value)


def messages(draft: Draft, path: str) -> list[Line]:
    """What is wrong with the field, and how to mend it."""
    tones = {"error": ("! ", "error"), "warning": ("? ", "warning"), "hint": ("  ", "muted")}
    out = []
    for finding in draft.findings_at(path):
        mark, tone = tones[finding.severity]
        repair = f" a: use {finding.suggestion}" if finding.suggestion else ""
        out.append((f"{mark}{finding.message}{repair}", tone))
    return out


def body(draft: Draft, row: Row) -> list[Line]:
    """The lines below the editor: help, conditions, what a resume makes of it."""
    info = row.option
    if info is None:
        return []
    out: list[Line] = [(info.help, "foreground")]
    if off := draft.not_applicable(info, row.path):
        out.insert(0, (f"~ {off}", "warning"))
    out += _choices(info, draft.effective(info, row.path))
    if info.default_note:
        out.append((info.default_note, "muted"))
    if info.detail:
        out.append((info.detail, "muted"))
    if info.requires:
        out.append((f"needs {_names(info.requires)}", "muted"))
    if info.conflicts:
        out.append((f"not with {_names(info.conflicts)}", "muted"))
    if info.on_resume in RESUME:
        out.append((RESUME[info.on_resume], "muted"))
    if info.aliases:
        out.append((f"also read as {', '.join(info.aliases)}", "muted"))
    return out


def _choices(info: OptionInfo, value: object) -> list[Line]:
    """The word on the chosen value, and which values the engine does not know yet."""
    out: list[Line] = []
    if info.type == "enum" and value in info.choice_help:
        out.append((f"{value}: {info.choice_help[value]}", "foreground"))
    if waiting := waiting_values(info.path):
        out.append((f"not in the engine yet: {', '.join(waiting)}", "muted"))
    return out


def _names(paths: tuple[str, ...]) -> str:
    """Conditions in words: the labels of the options they name."""
    return ", ".join(said(condition, _label) for condition in paths)


def _label(path: str) -> str | None:
    info = find(path)
    return info.label if info else None
