"""What the option list shows for a sidebar node, as plain rows: drawn by `optionlist`.

One row an option, with its mark, label, value, a note on where the value comes from, and the tier.
Marks carry the meaning, colour only repeats it: `!` error, `?` warning, `*` changed by you, `~` not
applicable, blank otherwise. Rows from several sections are made in `tui.form.listing`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from schema.catalogue import OptionInfo
from schema.findings import Finding
from schema.paths import absolute
from tui.form import outline
from tui.form.entries import entry_paths
from tui.form.facts import fact
from tui.form.layout import container_kind, layout
from tui.form.outline import Node
from tui.form.places import WHOLE, item_label, process_of, within
from tui.form.row import Row
from tui.form.values import shown

if TYPE_CHECKING:
    from tui.draft import Draft

TIERS = ("basic", "advanced", "expert")
SHORT_TIER = {"basic": "", "advanced": "adv", "expert": "exp"}
OPENS = "enter opens"


def fields_of(draft: Draft, node: Node) -> list[tuple[OptionInfo, str]]:
    """The options that a node shows, with their paths in the document."""
    if node.kind in ("item", "object"):
        inside = draft.layout.inside(node.container)
        return [(info, f"{node.prefix}{rest}") for info, rest in inside]
    if node.kind not in ("section", "group", "process"):
        return []
    alone = len(draft.kinds) < 2
    out = []
    kinds = dict.fromkeys(draft.kinds) if node.process == WHOLE else [draft.kind]
    own = [info for kind in kinds for info in layout(kind).options_of(node.section)]
    for info in {info.path: info for info in own}.values():
        of_job = process_of(info.path) == WHOLE
        if (alone or of_job == (node.process == WHOLE)) and (
            not node.group or info.group == node.group
        ):
            out.append((info, draft.here(info.path)))
    return out


def rows_of(draft: Draft, node: Node, tier: str) -> list[Row]:
    """The rows of a sidebar node, but for those that gather from all sections."""
    if node.kind == "add":
        return [Row("text", "Enter adds one here.")]
    if node.kind == "virtual":
        return []  # the text of the file is shown in place of rows
    if node.kind == "mapping":
        return mapping_rows(draft, node)
    if node.kind == "item" and not draft.layout.inside(node.container):
        return [_list_text_row(draft, node)]
    return _section_rows(draft, node, tier)


def _section_rows(draft: Draft, node: Node, tier: str) -> list[Row]:
    section = draft.layout.section(node.section)
    out: list[Row] = []
    if section.nullable and node.kind == "section":
        out.append(_switch_row(draft, node.id, section.label))
    fields = fields_of(draft, node)
    if out and draft.value(node.id) is None:
        # Gone to by search, a field can be set all the same: the section comes with it.
        asked = [option_row(draft, *field) for field in fields if field[1] in draft.revealed]
        return [*out, *asked, Row("text", section.help)]
    order = list(dict.fromkeys(info.group for info, _ in fields))
    shown = []
    for info, path in sorted(fields, key=lambda field: order.index(field[0].group)):
        if visible(draft, info, path, tier):
            shown.append((info.group, option_row(draft, info, path)))
    out += _titled(shown, "" if node.group else section.label, titled=not node.group)
    out += unknown_rows(draft, node)
    return out if any(row.selectable for row in out) else [*out, _all_hidden(tier)]


def _titled(rows: Sequence[tuple[str, Row]], known: str, *, titled: bool) -> list[Row]:
    """Rows under the headings of their groups, where there are several; `known` is said already."""
    titled = titled and len({group for group, _ in rows}) > 1
    out: list[Row] = []
    for group, row in rows:
        if titled and group != known:
            known = group
            out.append(Row("heading", group))
        out.append(row)
    return out


def _all_hidden(tier: str) -> Row:
    return Row("text", f"Nothing here at tier {tier}; t shows more.")


def visible(draft: Draft, info: OptionInfo, path: str, tier: str) -> bool:
    """Whether a row is shown: its tier or a reason, and never another optimizer's parameter."""
    if path in draft.revealed:
        return True
    if not draft.exists_now(info, path):
        return draft.is_set(path)
    if draft.beyond(info, path) or info.status != "live":
        return draft.is_set(path) or tier == TIERS[-1]
    if TIERS.index(info.tier) <= TIERS.index(tier):
        return True
    return draft.is_set(path) or draft.edited(path) or _has_fault(draft, path)


def _has_fault(draft: Draft, path: str) -> bool:
    return any(finding.severity in ("error", "warning") for finding in draft.findings_at(path))


def option_row(draft: Draft, info: OptionInfo, path: str) -> Row:
    """The row of one option at a concrete path."""
    if info.type == "object" and not info.same_as:
        return _switch_row(draft, path, info.label, info)
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
        short=_short(draft, info, path) if note == off else "",
    )


def _short(draft: Draft, info: OptionInfo, path: str) -> str:
    """The reason why an option is off in two words, for a narrow list; empty: no such reason."""
    row = draft.family()
    if row is not None and row.lacks(info.applies_to):
        return f"not {row.arch}"
    return "not yet" if draft.beyond(info, path) else ""


def _mark(findings: Iterable[Finding], *, edited: bool, off: bool) -> str:
    severities = {finding.severity for finding in findings}
    if "error" in severities:
        return "!"
    if "warning" in severities:
        return "?"
    return "*" if edited else "~" if off else " "


def _value_text(draft: Draft, info: OptionInfo, path: str) -> tuple[str, str]:
    """The value with its unit, and its colour: set values stand out from defaults."""
    tone = "foreground" if draft.is_set(path) else "muted"
    if info.editor == "secret":
        return ("set" if draft.value(path) else "not set"), "foreground"
    value = draft.value(path) if draft.is_set(path) else draft.default(info, path)
    if (kind := container_kind(info)) is not None:
        return container_words(info, kind, value), tone
    if value is None and info.inherits is not None:
        return f"inherits {shown(draft.effective(info, path))}", "muted"
    unit = f" {info.unit}" if info.unit and isinstance(value, int | float) else ""
    return shown(value) + ("" if isinstance(value, bool) else unit), tone


def container_words(info: OptionInfo, kind: str, value: Any) -> str:
    """`2 targets`, `none`, `3 entries`, `in use`."""
    if kind == "object":
        return "not used" if value is None else "in use"
    if not value:
        return "none"
    word = item_label(info) if kind == "list" else "entry"
    many = f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"
    return f"{len(value)} {many if len(value) != 1 else word}"


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
    if container_kind(info):
        return OPENS, "muted"
    derived = fact(draft, path)
    if draft.edited(path):
        was = f"was {shown(draft.saved_value(path, info))}"
        return f"{was}, {derived}" if derived else was, "muted"
    if derived:
        return derived, "muted"
    default = draft.default(info, path)
    departs = draft.is_set(path) and draft.value(path) != default
    if departs and default is not None and not info.required:
        return f"default {shown(default)}", "muted"
    if info.required and not draft.is_set(path):
        return "must be given", "muted"
    return draft.path_words.get(str(draft.value(path)), "") if info.type == "path" else "", "muted"


def _switch_row(draft: Draft, path: str, label: str, info: OptionInfo | None = None) -> Row:
    on = draft.value(path) is not None
    edited = draft.presence_changed(path)
    name = label if label[:2].isupper() else f"{label[:1].lower()}{label[1:]}"  # LoRM stays LoRM
    return Row(
        kind="switch",
        label=f"Use: {name}",
        path=path,
        option=info,
        value="on" if on else "off",
        note="space turns it off" if on else "space turns it on",
        mark="*" if edited else " ",
        tone="accent" if edited else "foreground",
        tier=SHORT_TIER[info.tier] if info else "",
    )


def _list_text_row(draft: Draft, node: Node) -> Row:
    """The one row of an item that is plain text, such as a prompt."""
    path = node.prefix.removesuffix(".")
    findings = draft.findings_at(path)
    edited = draft.edited(path)
    info = draft.find(node.list_path)
    label = item_label(info).capitalize() if info else "Item"
    return Row(
        "option", f"{label} {node.index + 1}", path, info,
        shown(draft.value(path)), findings[0].message if findings else "",
        _mark(findings, edited=edited, off=False), "accent" if edited else "foreground",
    )  # fmt: skip


def mapping_rows(draft: Draft, node: Node) -> list[Row]:
    """The entries of a free mapping, or of a list inside one."""
    out = []
    for path in entry_paths(draft, node.id):
        info = draft.find(path)
        if info is not None:
            out.append(option_row(draft, info, path))
    holder = draft.find(node.id)
    help_text = [Row("text", holder.help)] if holder and not out else []
    return [*out, *help_text, Row("text", "i adds an entry." if not out else "i adds, x removes.")]


def unknown_rows(draft: Draft, node: Node) -> list[Row]:
    """Keys of the file below a node that no option has: they can be removed, moved or renamed."""
    out = []
    for finding in draft.findings:
        path = finding.path
        if finding.code != "unknown-key" or draft.find(path) is not None:
            continue
        if not outline.holds(node, path, None, None) or (
            node.kind != "item" and "[" in within(path)
        ):
            continue
        if node.kind == "item" and "[" in path.removeprefix(node.id):
            continue
        key = str(absolute(path)[-1])
        out.append(Row("unknown", key, path, None, shown(draft.value(path)), finding.message, "!",
                       "error", "error"))  # fmt: skip
    return [Row("heading", "Unknown here"), *out] if out else []
