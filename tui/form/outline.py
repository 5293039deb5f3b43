"""The sidebar's rows: the sections of the config, their groups, their list items.

Everything comes from the schema's sections and options; nothing here names an option except
through them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import PurePath
from typing import TYPE_CHECKING, Literal

from schema.catalogue import OptionInfo, SectionInfo, options_for, sections

if TYPE_CHECKING:
    from tui.draft import Draft

SPLIT_FROM = 20
"""A section with more options than this lists its groups in the sidebar."""

NodeKind = Literal["section", "group", "item", "add", "virtual"]


@dataclass(frozen=True)
class Node:
    """One row of the sidebar.

    `prefix` starts the paths of its options (`train.`, `datasets[0].`); an item also has the
    list it is in and its place there. `group` narrows a section to one group.
    """

    id: str
    title: str
    depth: int
    kind: NodeKind
    prefix: str = ""
    group: str = ""
    list_path: str = ""
    index: int = -1
    section: str = ""


PROBLEMS = Node("#problems", "Problems", 0, "virtual")
CHANGED = Node("#changed", "Changed", 0, "virtual")
YAML = Node("#yaml", "YAML", 0, "virtual")


class Layout:
    """The options of one process type, sorted into what the form shows; made once for each."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.sections: tuple[SectionInfo, ...] = sections(kind)
        self.everything: tuple[OptionInfo, ...] = options_for(kind)
        self.by_path = {info.path: info for info in self.everything}
        self.options = tuple(info for info in self.everything if self._has_row(info))
        self._of: dict[str, tuple[OptionInfo, ...]] = {}
        self._items: dict[str, tuple[OptionInfo, ...]] = {}

    def _has_row(self, info: OptionInfo) -> bool:
        """No plain containers, no lists that are in the sidebar, nothing retired.

        A list of sections inside an item (augmentations of a dataset) is one row, typed as YAML.
        """
        nested = info.path.count("[]")
        start = (f"{info.path}.", f"{info.path}[].")
        holds_rows = info.type == "object" and any(p.startswith(start[0]) for p in self.by_path)
        items = info.type == "list" and any(p.startswith(start[1]) for p in self.by_path)
        hidden = holds_rows or (items and not nested) or nested > 1 or info.path == "config.process"
        return not hidden and info.status == "live"

    def section(self, name: str) -> SectionInfo:
        """A section by its name."""
        return next(row for row in self.sections if row.name == name)

    def options_of(self, section: str) -> tuple[OptionInfo, ...]:
        """The options of a section that are not part of a list below it."""
        if section not in self._of:
            depth = self.section(section).prefix.count("[]")
            self._of[section] = tuple(
                info
                for info in self.options
                if info.section == section and info.path.count("[]") == depth
            )
        return self._of[section]

    def groups_of(self, section: str) -> tuple[str, ...]:
        """Group names in the order of the declarations."""
        return tuple(dict.fromkeys(info.group for info in self.options_of(section)))

    def item_options(self, list_path: str) -> tuple[OptionInfo, ...]:
        """The options of an item of a list such as `datasets` or `sample.samples`."""
        if list_path not in self._items:
            start = f"{list_path}[]."
            self._items[list_path] = tuple(
                info for info in self.options if info.path.startswith(start)
            )
        return self._items[list_path]

    def lists_below(self, section: str) -> list[OptionInfo]:
        """Lists inside a section whose items are in the sidebar: items of sections, or prompts."""
        return [
            info
            for info in self.everything
            if info.section == section
            and info.type == "list"
            and info.status == "live"
            and "[]" not in info.path
            and info.path != "config.process"
            and (self.item_options(info.path) or info.editor == "prompt")
        ]


@cache
def layout(kind: str) -> Layout:
    """The layout of a process type."""
    return Layout(kind)


def outline(draft: Draft, *, everything: bool = True) -> list[Node]:
    """The sidebar for this draft, top to bottom.

    Without `everything`, sections and groups that the engine does not know yet, and that the file
    does not use, are left out.
    """
    out: list[Node] = []
    for section in draft.layout.sections:
        if section.many:
            out += _items(draft, section.name, section.name, _singular(section.label), depth=0)
        elif everything or draft.value(section.name) or not _all_wait(draft, section.name):
            out += _single(draft, section, everything=everything)
    return [*out, PROBLEMS, CHANGED, YAML]


def _all_wait(draft: Draft, section: str, group: str = "") -> bool:
    """Whether nothing of a section (or of one of its groups) can be used yet."""
    infos = draft.layout.options_of(section)
    return all(
        draft.beyond(info) and not draft.is_set(info.path) and info.path not in draft.revealed
        for info in infos
        if not group or info.group == group
    )


def _single(draft: Draft, section: SectionInfo, *, everything: bool) -> Iterator[Node]:
    yield Node(section.name, section.label, 0, "section", section.prefix, section=section.name)
    groups = draft.layout.groups_of(section.name)
    if not everything:
        groups = tuple(group for group in groups if not _all_wait(draft, section.name, group))
    off = section.nullable and draft.value(section.name) is None
    usable = sum(not draft.beyond(info) for info in draft.layout.options_of(section.name))
    if not off and usable > SPLIT_FROM and len(groups) > 1:
        for group in groups:
            name = f"{section.name}/{group}"
            yield Node(name, group, 1, "group", section.prefix, group, section=section.name)
    for info in _lists_in_use(draft, section.name):
        if everything or draft.value(info.path) or not draft.beyond(info):
            word = "prompt" if info.editor == "prompt" else _singular(info.label)
            yield from _items(draft, info.path, section.name, word, depth=1)


def _items(draft: Draft, path: str, section: str, word: str, depth: int) -> Iterator[Node]:
    values = draft.value(path)
    for index, item in enumerate(values if isinstance(values, list) else []):
        name = f"{path}[{index}]"
        title = f"{word.capitalize()} {index + 1} {_name_of(draft, path, item)}".rstrip()
        yield Node(name, title, depth, "item", f"{name}.", "", path, index, section)
    yield Node(f"{path}+", f"+ add {word}", depth, "add", "", "", path, -1, section)


def _lists_in_use(draft: Draft, section: str) -> list[OptionInfo]:
    """Of lists that exclude each other (prompts, samples) the one in use, else the first."""
    lists = draft.layout.lists_below(section)
    used = [info for info in lists if draft.value(info.path)]
    return used or lists[:1]


def _name_of(draft: Draft, list_path: str, item: object) -> str:
    """What an item is known by: its text, or the value that it must have (a folder's last part)."""
    if isinstance(item, str):
        return item
    if isinstance(item, dict):
        for info in draft.layout.item_options(list_path):
            if info.required and (value := item.get(info.name)):
                return PurePath(str(value)).name if info.type == "path" else str(value)
    return ""


def _singular(label: str) -> str:
    word = label.lower()
    return word.removesuffix("s") if not word.endswith("ss") else word
