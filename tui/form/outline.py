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

from schema.catalogue import OptionInfo, SectionInfo, options, sections

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


@cache
def shown_options() -> tuple[OptionInfo, ...]:
    """The options that get a row: no plain containers, nothing retired."""
    everything = options()
    inner = {info.path for info in everything}
    out = []
    for info in everything:
        holds_rows = info.type == "object" and any(
            path.startswith(f"{info.path}.") for path in inner
        )
        items = info.type == "list" and any(path.startswith(f"{info.path}[].") for path in inner)
        processes = info.path == "config.process"
        if not (holds_rows or items or processes) and info.status == "live":
            out.append(info)
    return tuple(out)


@cache
def options_of(section: str) -> tuple[OptionInfo, ...]:
    """The options of a section that are not part of a list below it."""
    row = next(row for row in sections() if row.name == section)
    depth = row.prefix.count("[]")
    return tuple(
        info
        for info in shown_options()
        if info.section == section and info.path.count("[]") == depth
    )


@cache
def groups_of(section: str) -> tuple[str, ...]:
    """Group names in the order of the declarations."""
    return tuple(dict.fromkeys(info.group for info in options_of(section)))


@cache
def item_options(list_path: str) -> tuple[OptionInfo, ...]:
    """The options of an item of a list such as `datasets` or `sample.samples`."""
    start = f"{list_path}[]."
    return tuple(info for info in shown_options() if info.path.startswith(start))


@cache
def lists_below(section: str) -> tuple[OptionInfo, ...]:
    """Lists inside a section whose items are rows of the sidebar: items of sections, or prompts."""
    return tuple(
        info
        for info in options()
        if info.section == section
        and info.type == "list"
        and "[]" not in info.path
        and info.path != "config.process"
        and (item_options(info.path) or info.editor == "prompt")
    )


def outline(draft: Draft) -> list[Node]:
    """The sidebar for this draft, top to bottom."""
    out: list[Node] = []
    for section in sections():
        out += _many(draft, section) if section.many else _single(draft, section)
    return [*out, PROBLEMS, CHANGED, YAML]


def _single(draft: Draft, section: SectionInfo) -> Iterator[Node]:
    yield Node(section.name, section.label, 0, "section", section.prefix, section=section.name)
    if len(options_of(section.name)) > SPLIT_FROM:
        for group in groups_of(section.name):
            name = f"{section.name}/{group}"
            yield Node(name, group, 1, "group", section.prefix, group, section=section.name)
    for info in _lists_in_use(draft, section.name):
        word = "prompt" if info.editor == "prompt" else _singular(info.label)
        yield from _items(draft, info.path, section.name, word, depth=1)


def _many(draft: Draft, section: SectionInfo) -> Iterator[Node]:
    return _items(draft, section.name, section.name, _singular(section.label), depth=0)


def _items(draft: Draft, path: str, section: str, word: str, depth: int) -> Iterator[Node]:
    values = draft.value(path)
    for index, item in enumerate(values if isinstance(values, list) else []):
        name = f"{path}[{index}]"
        title = f"{word.capitalize()} {index + 1} {_name_of(path, item)}".rstrip()
        yield Node(name, title, depth, "item", f"{name}.", "", path, index, section)
    yield Node(f"{path}+", f"+ add {word}", depth, "add", "", "", path, -1, section)


def _lists_in_use(draft: Draft, section: str) -> list[OptionInfo]:
    """Of lists that exclude each other (prompts, samples) the one in use, else the first."""
    lists = lists_below(section)
    used = [info for info in lists if draft.value(info.path)]
    return used or list(lists[:1])


def _name_of(list_path: str, item: object) -> str:
    """What an item is known by: its text, or the value that it must have (a folder's last part)."""
    if isinstance(item, str):
        return item
    if isinstance(item, dict):
        for info in item_options(list_path):
            if info.required and (value := item.get(info.name)):
                return PurePath(str(value)).name if info.type == "path" else str(value)
    return ""


def _singular(label: str) -> str:
    word = label.lower()
    return word.removesuffix("s") if not word.endswith("ss") else word
