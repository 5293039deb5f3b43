"""The options of one process type, sorted into what the form shows; made once for each type.

Everything comes from the catalogue; nothing here names an option except through it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Literal

from schema.catalogue import OptionInfo, SectionInfo, options_for, sections
from tui.form.places import repeated_at, repeats

GENERAL = "sd_trainer"
ContainerKind = Literal["list", "mapping", "object"]
Field = tuple[OptionInfo, str]
"""An option and its path below the container that holds it."""


def container_kind(info: OptionInfo) -> ContainerKind | None:
    """What opens a form of its own: a list of sections, a free mapping, a repeated section."""
    if info.type == "dict":
        return "mapping"
    if info.type == "object" and info.same_as:
        return "object"
    holds_sections = info.shape.item is not None and info.shape.item.kind == "object"
    return "list" if info.type == "list" and holds_sections else None


class Layout:
    """The options of one process type."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.sections: tuple[SectionInfo, ...] = sections(kind)
        self.everything: tuple[OptionInfo, ...] = options_for(kind)
        self.by_path = {info.path: info for info in self.everything}
        self.options = tuple(info for info in self.everything if self._has_row(info))
        self._of: dict[str, tuple[OptionInfo, ...]] = {}
        self._inside: dict[str, tuple[Field, ...]] = {}

    def _has_row(self, info: OptionInfo) -> bool:
        """Everything but plain sections, whose options have rows, and the list of processes."""
        if info.type == "object" and not info.same_as and not info.nullable:
            return not any(path.startswith(f"{info.path}.") for path in self.by_path)
        return info.path != "config.process"

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
                if not _is_repeated(info.path)
            )
        return self._of[section]

    def groups_of(self, section: str) -> tuple[str, ...]:
        """Group names in the order of the declarations."""
        return tuple(dict.fromkeys(info.group for info in self.options_of(section)))

    def inside(self, container: str) -> tuple[Field, ...]:
        """The options of an item (`datasets[]`) or of a repeated section, with their short paths.

        What is in a list further below is that list's.
        """
        if (name := repeated_at(container)) is not None:
            rest = container.removeprefix(name).removeprefix("[]").removeprefix(".")
            return layout(GENERAL).inside(f"{repeats()[name]}.{rest}")
        if container not in self._inside:
            start = f"{container}."
            own = [
                (info, info.path.removeprefix(start))
                for info in self.options
                if info.path.startswith(start) and "[]" not in info.path.removeprefix(start)
            ]
            if (other := repeats().get(container.removesuffix("[]"))) is not None:
                own += [(info, info.path.removeprefix(f"{other}.")) for info in _general(other)]
            self._inside[container] = tuple(own)
        return self._inside[container]

    def containers(self, container: str) -> list[Field]:
        """Of those the ones that open forms of their own."""
        return [(info, rest) for info, rest in self.inside(container) if container_kind(info)]

    def containers_of(self, section: str) -> list[OptionInfo]:
        """The same of a section; also lists of prompts, each of which is an item."""
        return [
            info
            for info in self.options_of(section)
            if container_kind(info) or (info.type == "list" and info.editor == "prompt")
        ]


def _is_repeated(path: str) -> bool:
    return any(path.startswith(f"{name}.") for name in repeats())


def _general(section: str) -> Sequence[OptionInfo]:
    """The options of a section of the general trainer."""
    general = layout(GENERAL)
    if any(row.name == section and not row.many for row in general.sections):
        return general.options_of(section)
    return [info for info, _ in general.inside(section)]


@cache
def layout(kind: str) -> Layout:
    """The layout of a process type."""
    return Layout(kind)
