"""What the sidebar and the title say about the draft: errors, changes, off, counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from schema.catalogue import find
from tui.form import outline
from tui.form.outline import Node
from tui.form.row import Row
from tui.form.rows import TIERS, concrete, every_path, option_row, visible

if TYPE_CHECKING:
    from tui.draft import Draft

State = tuple[str, str]


def node_states(draft: Draft, nodes: Sequence[Node]) -> dict[str, State]:
    """Words and colour for each node: `1!` errors win over `2*` changes over `off`."""
    errors = [f.path for f in draft.findings if f.severity == "error"]
    warnings = [f.path for f in draft.findings if f.severity == "warning"]
    edited = [path for _, path in every_path(draft, draft.layout.options) if draft.edited(path)]
    edited += [node.id for node in nodes if node.kind == "item" and _text_edited(draft, node)]
    out: dict[str, State] = {}
    for node in nodes:
        if node.id == outline.PROBLEMS.id:
            count = len(draft.findings)
            tone = "error" if errors else "warning" if warnings else "muted"
            state: State = (str(count) if count else "none", tone if count else "success")
        elif node.id == outline.CHANGED.id:
            state = (str(len(edited)), "accent") if edited else ("", "muted")
        else:
            state = _state(draft, node, errors, warnings, edited)
        if state[0]:
            out[node.id] = state
    return out


def _text_edited(draft: Draft, node: Node) -> bool:
    return not draft.layout.item_options(node.list_path) and draft.edited(node.id)


def _state(
    draft: Draft, node: Node, errors: list[str], warnings: list[str], edited: list[str]
) -> State:
    off = node.kind == "section" and _nullable(draft, node) and draft.value(node.section) is None
    if off and not any(_holds(node, path) for path in errors):
        return "off", "accent" if draft.edited(node.section) else "muted"
    for paths, mark, tone in (
        (errors, "!", "error"), (warnings, "?", "warning"), (edited, "*", "accent"),
    ):  # fmt: skip
        if count := sum(_holds(node, path) for path in paths):
            return f"{count}{mark}", tone
    return "", "muted"


def _nullable(draft: Draft, node: Node) -> bool:
    return draft.layout.section(node.section).nullable


def _holds(node: Node, path: str) -> bool:
    """Whether a path is shown under the node."""
    if node.kind == "item":
        return path == node.id or path.startswith(node.prefix)
    if node.kind == "add":
        return path == node.list_path
    info = find(path)
    if info is None:
        return node.kind == "section" and bool(node.prefix) and path.startswith(node.prefix[:-1])
    if info.section != node.section or "[" in path:
        return False
    return node.kind == "section" or info.group == node.group


def node_of(draft: Draft, nodes: Sequence[Node], path: str) -> Node | None:
    """The node that shows a path; a group before its section, an item before its list."""
    best = None
    for node in nodes:
        if node.kind in ("section", "group", "item") and _holds(node, path):
            best = node
    return best


def shown_count(draft: Draft, nodes: Sequence[Node], tier: str) -> tuple[int, int]:
    """How many options are shown at a tier, and how many there are now."""
    shown = total = 0
    for node in nodes:
        if node.kind not in ("section", "item"):
            continue
        infos = (
            draft.layout.item_options(node.list_path)
            if node.kind == "item"
            else draft.layout.options_of(node.section)
        )
        for info in infos:
            path = concrete(info, node)
            beyond = draft.beyond(info) is not None and not draft.is_set(path)
            if not draft.exists_now(info, path) or (beyond and tier != TIERS[-1]):
                continue
            total += 1
            quick = TIERS.index(info.tier) <= TIERS.index(tier)
            shown += quick or visible(draft, info, option_row(draft, info, path), tier)
    return shown, total


def summary(draft: Draft) -> tuple[str, str]:
    """Errors and warnings in words for the title, and their colour."""
    errors, warnings = draft.count("error"), draft.count("warning")
    parts = []
    if errors:
        parts.append(f"{errors} error{'s' if errors > 1 else ''}")
    if warnings:
        parts.append(f"{warnings} warning{'s' if warnings > 1 else ''}")
    return "  ".join(parts) or "valid", "error" if errors else "warning" if warnings else "success"


def same_row(one: Row | None, other: Row | None) -> bool:
    """Whether two rows stand for the same field."""
    return one is not None and other is not None and one.path == other.path
