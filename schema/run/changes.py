"""What differs between the config of an existing run and the one it is to go on with, and what that
means.

Each option declares (`on_resume`) whether changing it keeps the run what it is ("safe"), turns it
into another one from here on ("new-trajectory"), or makes going on impossible ("refused").
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from schema.catalogue import find, general, options
from schema.option import OnResume, Section
from schema.paths import Keys, written

# Where results lie and what they are called is found by the caller, who looked the folder up by
# them.
_IGNORED = {("config", "name"), ("config", "process", 0, "training_folder"), ("meta",)}
_WEIGHT: tuple[OnResume, ...] = ("safe", "new-trajectory", "refused")


@dataclass(frozen=True)
class Change:
    """One option with two values."""

    path: str
    before: Any
    after: Any
    on_resume: OnResume

    def sentence(self) -> str:
        """`train.lr: 0.0001 -> 0.001`."""
        return f"{self.path}: {_word(self.before)} -> {_word(self.after)}"


def changes(before: Section, after: Section) -> list[Change]:
    """The options in which two typed configs differ, defaults filled in, in order."""
    found = _differences(before.model_dump(mode="json"), after.model_dump(mode="json"), ())
    return [
        Change(written(keys), old, new, on_resume(written(keys)))
        for keys, old, new in found
        if not any(keys[: len(skip)] == skip for skip in _IGNORED)
    ]


def on_resume(path: str) -> OnResume:
    """What changing the option at `path`, or the section or list item, does to an existing run.

    A section that comes or goes weighs as much as the weightiest option in it.
    """
    while path:
        option = find(path)
        if option is not None:
            return option.on_resume
        inside = [info.on_resume for info in options() if info.path.startswith(f"{general(path)}.")]
        if inside:
            return max(inside, key=_WEIGHT.index)
        path = path.rpartition(".")[0]
    return "refused"


def _differences(old: Any, new: Any, keys: Keys) -> Iterator[tuple[Keys, Any, Any]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys([*new, *old]):
            yield from _differences(old.get(key), new.get(key), (*keys, key))
    elif _holds_sections(old) and _holds_sections(new):
        for index in range(max(len(old), len(new))):
            left, right = (side[index] if index < len(side) else None for side in (old, new))
            yield from _differences(left, right, (*keys, index))
    elif old != new:
        yield keys, old, new


def _holds_sections(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(part, dict) for part in value)


def _word(value: Any) -> str:
    if value is None:
        return "(not set)"
    return "(given)" if isinstance(value, dict) else str(value)
