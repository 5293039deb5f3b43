"""What the sidebar and the title say about the draft: errors, changes, off, counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tui.form import outline
from tui.form.listing import edited_paths, section_of
from tui.form.outline import Node
from tui.form.rows import TIERS, fields_of, visible

if TYPE_CHECKING:
    from tui.draft import Draft

State = tuple[str, str]
Spot = tuple[str, str | None, str | None]
"""A path with the section and group of its option."""


def node_states(draft: Draft, nodes: Sequence[Node]) -> dict[str, State]:
    """Words and colour for each node: `1!` errors win over `2*` changes over `off`."""
    errors = [_spot(f.path) for f in draft.findings if f.severity == "error"]
    warnings = [_spot(f.path) for f in draft.findings if f.severity == "warning"]
    edited = [_spot(path) for _, path in edited_paths(draft)]
    texts = [node for node in nodes if node.kind == "item" and _text_edited(draft, node)]
    edited += [(node.id, None, None) for node in texts]
    edited += [_spot(path) for path in draft.changed_elsewhere()]
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


def _spot(path: str) -> Spot:
    return (path, *section_of(path))


def _text_edited(draft: Draft, node: Node) -> bool:
    """Whether an item that is one text, such as a prompt, was changed."""
    return not draft.layout.inside(node.container) and draft.edited(node.id)


def _state(
    draft: Draft, node: Node, errors: list[Spot], warnings: list[Spot], edited: list[Spot]
) -> State:
    off = node.kind == "section" and _nullable(draft, node) and draft.value(node.id) is None
    if off and not any(outline.holds(node, *spot) for spot in errors):
        return "off", "accent" if draft.edited(node.id) else "muted"
    for spots, mark, tone in (
        (errors, "!", "error"), (warnings, "?", "warning"), (edited, "*", "accent"),
    ):  # fmt: skip
        if count := sum(outline.holds(node, *spot) for spot in spots):
            return f"{count}{mark}", tone
    return "", "muted"


def _nullable(draft: Draft, node: Node) -> bool:
    return draft.layout.section(node.section).nullable


def node_of(nodes: Sequence[Node], path: str) -> Node | None:
    """The node that shows a path; a group before its section, an item before its list."""
    best, spot = None, _spot(path)
    for node in nodes:
        if node.kind not in ("virtual", "add") and outline.holds(node, *spot):
            best = node
    # A list or mapping has a row of its own, in the node above the form that it opens.
    if best is not None and best.id == path and best.kind in ("mapping", "object"):
        above = [node for node in nodes if node.id != path and outline.holds(node, *spot)]
        return above[-1] if above else best
    return best


def shown_count(draft: Draft, nodes: Sequence[Node], tier: str) -> tuple[int, int]:
    """How many options are shown at a tier, and how many there are now."""
    shown = total = 0
    for node in nodes:
        if node.kind not in ("section", "item", "object", "process"):
            continue
        if node.kind == "process" and node.index != draft.process:
            continue
        for info, path in fields_of(draft, node):
            beyond = draft.beyond(info, path) is not None or info.status != "live"
            if beyond and tier != TIERS[-1] and not draft.is_set(path):
                continue
            if not draft.exists_now(info, path):
                continue
            total += 1
            shown += visible(draft, info, path, tier)
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
