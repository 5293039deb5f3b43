"""The sidebar's rows: processes, the sections of the one that is edited, their groups and items.

Everything comes from the schema's sections and options; nothing here names an option except
through them. Lists and mappings inside a list item unfold where they hold something or are open.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Literal

from schema.catalogue import OptionInfo, SectionInfo, general
from tui.form.layout import Layout, container_kind, layout
from tui.form.places import WHOLE, item_label, process_of, singular, within

if TYPE_CHECKING:
    from tui.draft import Draft

__all__ = ["CHANGED", "PROBLEMS", "YAML", "Layout", "Node", "layout", "outline"]

SPLIT_FROM = 20
"""A section with more options than this lists its groups in the sidebar."""
LONG_WORD = 14
"""Letters from which on an item is called by its number and name alone."""
PROCESSES = "config.process"
ADD_PROCESS = "process+"

NodeKind = Literal["section", "group", "item", "add", "mapping", "object", "process", "virtual"]


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
    process: int = 0
    shared: bool = False
    """Whether the keys of the job as a whole stand here."""

    @property
    def container(self) -> str:
        """The catalogue path of what holds its options: `datasets[]`, `adapter.lora_config`."""
        return general(self.id)


PROBLEMS = Node("#problems", "Problems", 0, "virtual", process=WHOLE)
CHANGED = Node("#changed", "Changed", 0, "virtual", process=WHOLE)
YAML = Node("#yaml", "YAML", 0, "virtual", process=WHOLE)
JOB = Node("#job", "Whole job", 0, "section", section="job", process=WHOLE, shared=True)


def outline(draft: Draft, *, everything: bool = True, opened: str = "") -> list[Node]:
    """The sidebar for this draft, top to bottom.

    Without `everything`, sections and groups that the engine does not know yet, and that the file
    does not use, are left out. `opened` is the list item or mapping that is looked at.
    """
    maker = _Maker(draft, everything=everything, opened=opened)
    several = len(draft.kinds) > 1
    out: list[Node] = []
    if several:
        out.append(JOB)
        for index in range(len(draft.kinds)):
            out.append(_process(draft, index))
            out += maker.sections(1) if index == draft.process else ()
    else:
        out += maker.sections(0)
    if several or everything:
        out.append(Node(ADD_PROCESS, "+ add process", 0, "add", "", "", PROCESSES, process=WHOLE))
    return [*out, PROBLEMS, CHANGED, YAML]


def _process(draft: Draft, index: int) -> Node:
    path = f"process[{index}]"
    title = f"{index + 1} {draft.value(f'{path}.name') or draft.kind_of(index)}"
    prefix = "" if index == 0 else f"{path}."
    return Node(path, title, 0, "process", prefix, "", PROCESSES, index, "job", index)


class _Maker:
    """Makes the nodes of the process that is edited."""

    def __init__(self, draft: Draft, *, everything: bool, opened: str) -> None:
        self.draft = draft
        self.everything = everything
        self.opened = opened
        self.process = draft.process

    def sections(self, depth: int) -> Iterator[Node]:
        """All sections; the bare keys stand under the process where there are several."""
        draft = self.draft
        for section in draft.layout.sections:
            path = draft.here(section.name)
            if section.many:
                word = singular(section.label)
                yield from self.items(path, section.name, word, depth, always=True)
            elif self.everything or draft.value(path) or not _all_wait(draft, section.name):
                yield from self._single(section, depth)

    def _single(self, section: SectionInfo, depth: int) -> Iterator[Node]:
        draft, path = self.draft, self.draft.here(section.name)
        is_process = section.name == "job" and depth > 0
        prefix = draft.here(section.prefix.removesuffix(".") or "")
        prefix = f"{prefix}." if prefix else ""
        if not is_process:
            yield Node(path, section.label, depth, "section", prefix, section=section.name,
                       process=self.process, shared=section.name == "job")  # fmt: skip
        groups = draft.layout.groups_of(section.name)
        if not self.everything:
            groups = tuple(group for group in groups if not _all_wait(draft, section.name, group))
        off = section.nullable and draft.value(path) is None
        usable = sum(not draft.beyond(info) for info in draft.layout.options_of(section.name))
        below = depth if is_process else depth + 1
        shared = section.name == "job" and depth == 0
        if not off and usable > SPLIT_FROM and len(groups) > 1:
            for group in groups:
                yield Node(f"{path}/{group}", group, below, "group", prefix, group,
                           section=section.name, process=self.process, shared=shared)  # fmt: skip
        for info, shown in _containers_in_use(draft, section.name):
            here = draft.here(info.path)
            if self.everything or draft.value(here) or not draft.beyond(info) or self.open(here):
                yield from self.container(info, here, section.name, below, always=shown)

    def open(self, path: str) -> bool:
        """Whether what is looked at is at a path or below it."""
        opened = self.opened
        return opened == path or opened.startswith((f"{path}.", f"{path}[", f"{path}+"))

    def container(
        self, info: OptionInfo, path: str, section: str, depth: int, *, always: bool = False
    ) -> Iterator[Node]:
        """A list with its items, a mapping that is open, a repeated section that is used."""
        value, kind = self.draft.value(path), container_kind(info)
        if kind == "mapping":
            if self.open(path):
                yield from self._mapping(info.label, path, section, depth)
        elif kind == "object":
            if value is not None or self.open(path):
                yield Node(path, info.label, depth, "object", f"{path}.", section=section,
                           process=self.process)  # fmt: skip
                yield from self._below(general(path), path, section, depth + 1)
        elif value or always or self.open(path):
            word = "prompt" if info.editor == "prompt" else item_label(info)
            yield from self.items(path, section, word, depth, always=always)

    def _mapping(self, title: str, path: str, section: str, depth: int) -> Iterator[Node]:
        yield Node(path, title, depth, "mapping", f"{path}.", "", path, section=section,
                   process=self.process)  # fmt: skip
        from tui.form.entries import entry_paths

        for inner in entry_paths(self.draft, path):
            if self.open(inner) and isinstance(self.draft.value(inner), dict | list):
                info = self.draft.find(inner)
                if info is not None and info.type == "dict":
                    yield from self._mapping(info.label, inner, section, depth + 1)

    def items(
        self, path: str, section: str, word: str, depth: int, *, always: bool
    ) -> Iterator[Node]:
        """The items of a list, and the line that adds one."""
        values = self.draft.value(path)
        for index, item in enumerate(values if isinstance(values, list) else []):
            name = f"{path}[{index}]"
            known = _name_of(self.draft, general(name), item)
            short = known and len(word) > LONG_WORD
            title = f"{index + 1} {known}" if short else f"{word.capitalize()} {index + 1} {known}"
            yield Node(name, title.rstrip(), depth, "item", f"{name}.", "", path, index, section,
                       self.process)  # fmt: skip
            yield from self._below(general(name), name, section, depth + 1)
        if always or self.open(path):
            yield Node(f"{path}+", f"+ add {word}", depth, "add", "", "", path, -1, section,
                       self.process)  # fmt: skip

    def _below(self, container: str, path: str, section: str, depth: int) -> Iterator[Node]:
        """Lists, mappings and sections inside an item."""
        for info, rest in self.draft.layout.containers(container):
            yield from self.container(info, f"{path}.{rest}", section, depth)


def _all_wait(draft: Draft, section: str, group: str = "") -> bool:
    """Whether nothing of a section (or of one of its groups) can be used yet."""
    infos = draft.layout.options_of(section)
    for info in infos:
        path = draft.here(info.path)
        if group and info.group != group:
            continue
        unused = draft.beyond(info) or info.status != "live"
        if not unused or draft.is_set(path) or path in draft.revealed:
            return False
    return True


def _containers_in_use(draft: Draft, section: str) -> list[tuple[OptionInfo, bool]]:
    """The lists, mappings and repeated sections, and whether each has its line to add at all times.

    Of several lists that line is shown for those in use, else for the first: prompts and samples
    exclude each other, and a section of five empty lists says nothing.
    """
    found = draft.layout.containers_of(section)
    lists = [info for info in found if info.type == "list" and info.status == "live"]
    used = [info for info in lists if draft.value(draft.here(info.path))]
    shown = used or lists[:1]
    return [(info, info in shown) for info in found]


def _name_of(draft: Draft, container: str, item: Any) -> str:
    """What an item is known by: its text, or the value that it must have (a folder's last part)."""
    if isinstance(item, str):
        return item
    if isinstance(item, dict):
        for info, rest in draft.layout.inside(container):
            if info.required and (value := item.get(rest)):
                return PurePath(str(value)).name if info.type == "path" else str(value)
    return ""


def holds(node: Node, path: str, section: str | None, group: str | None) -> bool:
    """Whether a path is shown under a node.

    `section` and `group` are those of its option; None for a path that no option has.
    """
    if node.kind in ("item", "object", "mapping"):
        return path == node.id or path.startswith((f"{node.id}.", f"{node.id}["))
    if node.kind == "add":
        return path == node.list_path
    if node.process == WHOLE or process_of(path) == WHOLE:
        return node.shared and process_of(path) == WHOLE and _in_group(node, group)
    if process_of(path) != node.process:
        return False
    inner = within(path)
    if section is None:
        start = within(node.prefix).removesuffix(".")
        alone = not start and "." not in inner and "[" not in inner
        return node.kind in ("section", "process") and (
            alone or (bool(start) and (inner == start or inner.startswith(f"{start}.")))
        )
    if "[" in inner or section != node.section:
        return node.kind == "process" and inner in ("", node.id)
    return _in_group(node, group)


def _in_group(node: Node, group: str | None) -> bool:
    return node.kind in ("section", "process") or group == node.group
