"""Which options a run has read: the proof, at every start, that none is accepted and ignored.

While the parts of a run are built, every attribute that is looked up on a section of the config is
noted. An option that the config sets away from its default, that nobody looked at, and about which
`check` said nothing (such as "has no effect with this model") was silently ignored: the run fails
before its first step, naming it. Nothing is noted afterwards, so a step pays nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from engine.errors import ConfigError
from schema.option import Section, meta_of

_WHOLE = "model_dump"
"""Who takes a section as a mapping reads all of it."""

ELSEWHERE = frozenset({"type", "training_folder"})
"""Options of a process that other parts of the program obey, before the engine starts."""


class Reading:
    """What was looked up on the sections of one process while it was being built."""

    def __init__(self, process: Section) -> None:
        self._process = process
        self._names: dict[int, set[str]] = {id(section): set() for section in _below(process)}

    @contextlib.contextmanager
    def noted(self) -> Iterator[None]:
        """Note what is looked up inside the block, by whatever thread."""
        names = self._names

        def look_up(section: Section, name: str) -> Any:
            seen = names.get(id(section))
            if seen is not None:
                seen.add(name)
            return object.__getattribute__(section, name)

        setattr(Section, "__getattribute__", look_up)  # noqa: B010
        try:
            yield
        finally:
            delattr(Section, "__getattribute__")

    def unread(self) -> list[str]:
        """Paths of options that are set away from their default and were not looked at."""
        return list(self._unread(self._process, ""))

    def _unread(self, section: Section, prefix: str) -> Iterator[str]:
        seen = self._names[id(section)]
        if _WHOLE in seen:
            return
        for name in section.model_fields_set:
            info = type(section).model_fields.get(name)
            if info is None:  # a parameter beyond those that are declared
                continue
            value = getattr(section, name)
            if value == info.default or (not prefix and name in ELSEWHERE):
                continue
            if isinstance(value, Section):
                yield from self._unread(value, f"{prefix}{name}.")
            elif isinstance(value, list | tuple) and any(isinstance(v, Section) for v in value):
                for index, item in enumerate(value):
                    yield from self._unread(item, f"{prefix}{name}[{index}].")
            elif name not in seen and meta_of(info).status == "live":
                yield f"{prefix}{name}"


def refuse_ignored(reading: Reading, told: frozenset[str]) -> None:
    """Raise ConfigError when an option would be ignored.

    `told` are the options and sections that the user knows to have no effect: `check` said so, or
    a switch of the config turns the whole section off.
    """
    ignored = [path for path in reading.unread() if not _above(path) & told]
    if ignored:
        others = f" (and {', '.join(ignored[1:])})" if len(ignored) > 1 else ""
        raise ConfigError(
            ignored[0],
            f"the engine does not use it here{others}, so the run would not be what it says.",
            repair="Remove it, or report the fault.",
        )


def _above(path: str) -> set[str]:
    """`a.b.c`, `a.b`, `a`."""
    names = path.split(".")
    return {".".join(names[: count + 1]) for count in range(len(names))}


def _below(section: Section) -> Iterator[Section]:
    yield section
    for name in type(section).model_fields:
        value = getattr(section, name)
        for item in value if isinstance(value, list | tuple) else (value,):
            if isinstance(item, Section):
                yield from _below(item)
