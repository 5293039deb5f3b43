"""What the option list shows, as plain rows: built from the draft, drawn by `optionlist`.

One row an option, with its mark, label, value, a note on where the value comes from, and the tier.
Marks carry the meaning, colour only repeats it: `!` error, `?` warning, `*` changed by you, `~` not
applicable, blank otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from schema.catalogue import OptionInfo, search
from schema.findings import Finding
from tui.form import outline
from tui.form.outline import Node
from tui.form.row import Row
from tui.form.values import shown

if TYPE_CHECKING:
    from tui.draft import Draft

TIERS = ("basic", "advanced", "expert")
SHORT_TIER = {"basic": "", "advanced": "adv", "expert": "exp"}


def concrete(option: OptionInfo, node: Node) -> str:
    """The path of an option in this node: `datasets[].flip_x` -> `datasets[0].flip_x`."""
    if node.kind != "item":
        return option.path
    return node.prefix + option.path.removeprefix(f"{node.list_path}[].")


def rows_of(draft: Draft, node: Node, tier: str) -> list[Row]:
    """The rows of a sidebar node."""
    if node.id == outline.PROBLEMS.id:
        return problem_rows(draft)
    if node.id == outline.CHANGED.id:
        return _grouped_by_section(draft, _edited(draft), empty="Nothing is changed.")
    if node.kind == "add":
        return [Row("text", "enter adds one here")]
    if node.kind == "item" and not draft.layout.item_options(node.list_path):
        return [_list_text_row(draft, node)]
    return _section_rows(draft, node, tier)


def _section_rows(draft: Draft, node: Node, tier: str) -> list[Row]:
    section, layout = draft.layout.section(node.section), draft.layout
    out: list[Row] = []
    nullable = section.nullable and node.kind == "section"
    if nullable:
        out.append(_switch_row(draft, section.name, section.label))
        if draft.value(section.name) is None:
            return [*out, Row("text", section.help)]
    lists = node.kind == "item" and node.list_path
    infos = layout.item_options(node.list_path) if lists else layout.options_of(node.section)
    shown = []
    for info in sorted(infos, key=lambda info: _group_order(infos, info)):
        if node.group and info.group != node.group:
            continue
        row = option_row(draft, info, concrete(info, node))
        if visible(draft, info, row, tier):
            shown.append((info.group, row))
    titled = not node.group and len({group for group, _ in shown}) > 1
    group = section.label  # the title says it already
    for of_row, row in shown:
        if titled and of_row != group:
            group = of_row
            out.append(Row("heading", group))
        out.append(row)
    return out if any(row.selectable for row in out) else [*out, _all_hidden(tier)]


def _all_hidden(tier: str) -> Row:
    return Row("text", f"Nothing here at tier {tier}; t shows more.")


def _group_order(infos: Sequence[OptionInfo], info: OptionInfo) -> int:
    """Groups in the order in which they first appear, so that each shows once."""
    return next(at for at, other in enumerate(infos) if other.group == info.group)


def visible(draft: Draft, info: OptionInfo, row: Row, tier: str) -> bool:
    """Whether a row is shown: its tier or a reason, and never another optimizer's parameter."""
    if not draft.exists_now(info, row.path):
        return draft.is_set(row.path)
    if row.path in draft.revealed:
        return True
    if draft.beyond(info):
        return draft.is_set(row.path) or tier == TIERS[-1]
    if TIERS.index(info.tier) <= TIERS.index(tier):
        return True
    return row.mark in "!?*" or draft.is_set(row.path)


def option_row(draft: Draft, info: OptionInfo, path: str) -> Row:
    """The row of one option at a concrete path."""
    findings = draft.findings_at(path)
    off = draft.not_applicable(info, path)
    edited = draft.edited(path)
    text, tone = _value_text(draft, info, path)
    note, note_tone = _note(draft, info, path, findings, off)
    return Row(
        kind="option",
        label=info.label,
        path=path,
        option=info,
        value=text,
        note=note,
        mark=_mark(findings, edited=edited, off=off is not None and not findings),
        tone="muted" if off else "accent" if edited else tone,
        note_tone=note_tone,
        tier=SHORT_TIER[info.tier],
        short=_short(draft, info) if note == off else "",
    )


def _short(draft: Draft, info: OptionInfo) -> str:
    """The reason why an option is off in two words, for a narrow list; empty: no such reason."""
    row = draft.family()
    if row is not None and row.lacks(info.applies_to):
        return f"not {row.arch}"
    return "not yet" if draft.beyond(info) else ""


def _mark(findings: Iterable[Finding], *, edited: bool, off: bool) -> str:
    severities = {finding.severity for finding in findings}
    if "error" in severities:
        return "!"
    if "warning" in severities:
        return "?"
    return "*" if edited else "~" if off else " "


def _value_text(draft: Draft, info: OptionInfo, path: str) -> tuple[str, str]:
    """The value with its unit, and its colour: set values stand out from defaults."""
    if info.editor == "secret":
        return ("set" if draft.value(path) else "not set"), "foreground"
    value = draft.value(path) if draft.is_set(path) else draft.default(info, path)
    if value is None and info.inherits is not None:
        parent = draft.find(info.inherits)
        inherited = draft.effective(parent, info.inherits) if parent else None
        return f"inherits {shown(inherited)}", "muted"
    unit = f" {info.unit}" if info.unit and isinstance(value, int | float) else ""
    return shown(value) + ("" if isinstance(value, bool) else unit), (
        "foreground" if draft.is_set(path) else "muted"
    )


def _note(
    draft: Draft, info: OptionInfo, path: str, findings: Sequence[Finding], off: str | None
) -> tuple[str, str]:
    """The words right of the value: what is wrong, why it is off, or what it was."""
    if findings:
        worst = min(
            findings, key=lambda finding: ("error", "warning", "hint").index(finding.severity)
        )
        return worst.message, {"error": "error", "warning": "warning"}.get(worst.severity, "muted")
    if off is not None:
        return off, "muted"
    if draft.edited(path):
        return f"was {shown(draft.saved_value(path, info))}", "muted"
    default = draft.default(info, path)
    departs = draft.is_set(path) and draft.value(path) != default
    if departs and default is not None and not info.required:
        return f"default {shown(default)}", "muted"
    if info.required and not draft.is_set(path):
        return "must be given", "muted"
    return draft.path_words.get(str(draft.value(path)), "") if info.type == "path" else "", "muted"


def _switch_row(draft: Draft, path: str, label: str) -> Row:
    on = draft.value(path) is not None
    edited = draft.edited(path)
    return Row(
        "switch", f"Use: {label.lower()}", path, None, "on" if on else "off",
        "space turns it off" if on else "space turns it on", "*" if edited else " ",
        "accent" if edited else "foreground",
    )  # fmt: skip


def _list_text_row(draft: Draft, node: Node) -> Row:
    """The one row of an item that is plain text, such as a prompt."""
    path = node.prefix.removesuffix(".")
    findings = draft.findings_at(path)
    edited = draft.edited(path)
    info = draft.find(node.list_path)
    label = info.label.removesuffix("s") if info else "Item"
    return Row(
        "option", f"{label} {node.index + 1}", path, info,
        shown(draft.value(path)), findings[0].message if findings else "",
        _mark(findings, edited=edited, off=False), "accent" if edited else "foreground",
    )  # fmt: skip


def problem_rows(draft: Draft) -> list[Row]:
    """One row a finding, errors first."""
    order = {"error": 0, "warning": 1, "hint": 2}
    marks = {"error": "!", "warning": "?", "hint": " "}
    tones = {"error": "error", "warning": "warning", "hint": "muted"}
    found = sorted(draft.findings, key=lambda finding: (order[finding.severity], finding.line))
    rows = []
    for finding in found:
        info = draft.find(finding.path)
        note = f"use {finding.suggestion}" if finding.suggestion else ""
        rows.append(
            Row(
                "problem", info.label if info else finding.path or f"line {finding.line}",
                finding.path, info, finding.message, note, marks[finding.severity],
                tones[finding.severity],
            )
        )  # fmt: skip
    return rows or [Row("text", "No problems.")]


def _edited(draft: Draft) -> list[tuple[OptionInfo, str]]:
    return [pair for pair in every_path(draft, draft.layout.options) if draft.edited(pair[1])]


def every_path(draft: Draft, infos: Iterable[OptionInfo]) -> list[tuple[OptionInfo, str]]:
    """Options with their concrete paths, one for each item of the list they are in."""
    out = []
    for info in infos:
        if "[]" not in info.path:
            out.append((info, info.path))
            continue
        list_path, _, rest = info.path.partition("[].")
        items = draft.value(list_path)
        count = len(items) if isinstance(items, list) else 0
        out += [(info, f"{list_path}[{index}].{rest}") for index in range(count)]
    return out


def search_rows(draft: Draft, query: str) -> list[Row]:
    """Rows of every section that fit; operators `changed: error: tier:expert type:bool`."""
    words, infos = [], None
    keep = []
    for word in query.split():
        name, colon, wanted = word.partition(":")
        if colon and name in ("changed", "error", "tier", "type", "set"):
            keep.append((name, wanted))
        else:
            words.append(word)
    own = {info.path: info for info in draft.layout.options}
    infos = [own[info.path] for info in search(" ".join(words)) if info.path in own]
    pairs = [
        (info, path)
        for info, path in every_path(draft, infos)
        if draft.exists_now(info, path) or draft.is_set(path)
        if all(_passes(draft, info, path, name, wanted) for name, wanted in keep)
    ]
    pairs.sort(key=lambda pair: draft.beyond(pair[0]) is not None)  # what can be used comes first
    return _grouped_by_section(draft, pairs, empty="Nothing found.")


def _passes(draft: Draft, info: OptionInfo, path: str, name: str, wanted: str) -> bool:
    if name == "changed":
        return draft.edited(path)
    if name == "set":
        return draft.is_set(path)
    if name == "error":
        return any(finding.severity == "error" for finding in draft.findings_at(path))
    return (info.tier if name == "tier" else info.type).startswith(wanted)


def _grouped_by_section(
    draft: Draft, pairs: Sequence[tuple[OptionInfo, str]], empty: str
) -> list[Row]:
    """Rows under a heading for each section; the sections in the order of their best match."""
    labels = {row.name: row.label for row in draft.layout.sections}
    groups: dict[str, list[Row]] = {}
    for info, path in pairs:
        title = labels.get(info.section, info.section)
        if "[" in path:
            title += f" {int(path.partition('[')[2].partition(']')[0]) + 1}"
        groups.setdefault(title, []).append(option_row(draft, info, path))
    out: list[Row] = []
    for title, rows in groups.items():
        out += [Row("heading", title), *rows]
    return out or [Row("text", empty)]
