"""Rows gathered from all sections and processes: search results, what was changed, problems."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from schema.catalogue import OptionInfo, find, search
from schema.findings import Finding
from tui.form.layout import container_kind
from tui.form.places import WHOLE, process_of, repeats, within
from tui.form.row import Row
from tui.form.rows import option_row

if TYPE_CHECKING:
    from tui.draft import Draft

Pair = tuple[OptionInfo, str]


def expand(draft: Draft, path: str) -> list[str]:
    """`datasets[].flip_x` for every dataset there is; the path itself where it is in no list."""
    head, mark, rest = path.partition("[]")
    if not mark:
        return [head]
    items = draft.value(head)
    count = len(items) if isinstance(items, list) else 0
    return [one for index in range(count) for one in expand(draft, f"{head}[{index}]{rest}")]


def every_path(draft: Draft, infos: Iterable[OptionInfo]) -> list[Pair]:
    """Options with their paths in the process that is edited, one for each item of their list.

    Also where a section repeats the options of another one and is used.
    """
    infos = list(infos)
    out = [(info, path) for info in infos for path in expand(draft, draft.here(info.path))]
    for section, other in repeats().items():
        if (holder := draft.layout.by_path.get(section)) is None:
            continue
        mark = "[]" if container_kind(holder) == "list" else ""
        for place in expand(draft, f"{draft.here(section)}{mark}"):
            if isinstance(draft.value(place), dict):
                own = [info for info in infos if info.path.startswith(f"{other}.")]
                out += [
                    (info, path)
                    for info in own
                    for path in expand(draft, f"{place}.{info.path.removeprefix(f'{other}.')}")
                ]
    return out


def edited_paths(draft: Draft) -> list[Pair]:
    """What differs from the last save in the process that is edited.

    Of lists and sections their coming and going alone: what is in them counts by itself.
    """
    out = []
    for info, path in every_path(draft, draft.layout.options):
        if container_kind(info) in ("list", "object") or info.type == "object":
            if draft.presence_changed(path):
                out.append((info, path))
        elif draft.edited(path):
            out.append((info, path))
    return out


def changed_rows(draft: Draft) -> list[Row]:
    """All that was changed since the last save, in all processes."""
    out: list[Row] = []
    for index in range(max(1, len(draft.kinds))):
        with draft.visiting(index):
            pairs = [pair for pair in edited_paths(draft) if index == 0 or _own(pair)]
            out += _grouped_by_section(draft, pairs) if pairs else []
    return out or [Row("text", "Nothing is changed.")]


def _own(pair: Pair) -> bool:
    """Whether an option is of a process, not of the whole job (which the first one lists)."""
    return process_of(pair[1]) != WHOLE


def search_rows(draft: Draft, query: str) -> list[Row]:
    """Rows of every section that fit; operators `changed: error: tier:expert type:bool`.

    The process that is edited comes first, then the others.
    """
    words, keep = [], []
    for word in query.split():
        name, colon, wanted = word.partition(":")
        if colon and name in ("changed", "error", "tier", "type", "set"):
            keep.append((name, wanted))
        else:
            words.append(word)
    found = [info.path for info in search(" ".join(words))]
    order = [draft.process, *(k for k in range(len(draft.kinds)) if k != draft.process)]
    out: list[Row] = []
    for index in order:
        with draft.visiting(index):
            pairs = _matches(draft, found, keep)
            if index != draft.process or index != order[0]:
                pairs = [pair for pair in pairs if _own(pair)]
            out += _grouped_by_section(draft, pairs) if pairs else []
    return out or [Row("text", "Nothing found.")]


def _matches(draft: Draft, found: Sequence[str], keep: Sequence[tuple[str, str]]) -> list[Pair]:
    own = {info.path: info for info in draft.layout.options}
    pairs = [
        (info, path)
        for info, path in every_path(draft, [own[path] for path in found if path in own])
        if (draft.exists_now(info, path) and info.status == "live") or draft.is_set(path)
        if all(_passes(draft, info, path, name, wanted) for name, wanted in keep)
    ]
    # What can be used comes first.
    return sorted(pairs, key=lambda pair: draft.beyond(*pair) is not None)


def _passes(draft: Draft, info: OptionInfo, path: str, name: str, wanted: str) -> bool:
    if name == "changed":
        return draft.edited(path)
    if name == "set":
        return draft.is_set(path)
    if name == "error":
        return any(finding.severity == "error" for finding in draft.findings_at(path))
    return (info.tier if name == "tier" else info.type).startswith(wanted)


def section_title(draft: Draft, path: str) -> str:
    """`Datasets 1`, `Train`, and `2 lora: Train` in a job of several processes."""
    section, _ = section_of(path)
    labels = {row.name: row.label for row in draft.layout.sections}
    title = labels.get(section or "", section or "")
    inner = within(path)
    if "[" in inner and inner.partition("[")[2][:1].isdigit():
        title += f" {int(inner.partition('[')[2].partition(']')[0]) + 1}"
    index = process_of(path)
    if len(draft.kinds) > 1 and index != WHOLE:
        title = f"{index + 1} {draft.kind_of(index)}: {title}"
    return title


def section_of(path: str) -> tuple[str | None, str | None]:
    """Section and group of the option at a path: those of the section that repeats, if it does."""
    from tui.form.places import repeated_at

    info = find(repeated_at(path) or path)
    return (info.section, info.group) if info is not None else (None, None)


def _grouped_by_section(draft: Draft, pairs: Sequence[Pair]) -> list[Row]:
    """Rows under a heading for each section; the sections in the order of their best match."""
    groups: dict[str, list[Row]] = {}
    for info, path in pairs:
        groups.setdefault(section_title(draft, path), []).append(option_row(draft, info, path))
    out: list[Row] = []
    for title, rows in groups.items():
        out += [Row("heading", title), *rows]
    return out


def problem_rows(draft: Draft) -> list[Row]:
    """One row a finding, errors first."""
    order = {"error": 0, "warning": 1, "hint": 2}
    found = sorted(draft.findings, key=lambda finding: (order[finding.severity], finding.line))
    rows = [problem_row(draft, finding) for finding in found]
    return rows or [Row("text", "No problems.")]


def problem_row(draft: Draft, finding: Finding) -> Row:
    """The row of one finding."""
    marks = {"error": "!", "warning": "?", "hint": " "}
    tones = {"error": "error", "warning": "warning", "hint": "muted"}
    info = draft.find(finding.path) if finding.path else None
    label = info.label if info else finding.path or f"line {finding.line}"
    index = process_of(finding.path) if finding.path else WHOLE
    if len(draft.kinds) > 1 and index != WHOLE and info is not None:
        label = f"{index + 1} {label}"
    note = f"a: use {finding.suggestion}" if finding.suggestion else ""
    return Row("problem", label, finding.path, info, finding.message, note,
               marks[finding.severity], tones[finding.severity], finding=finding)  # fmt: skip
