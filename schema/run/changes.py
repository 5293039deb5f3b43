"""What differs between the config of an existing run and the one it is to go on with, and what that
means.

Each option declares (`on_resume`) whether changing it keeps the run what it is ("safe"), turns it
into another one from here on ("new-trajectory"), or makes going on impossible ("refused").
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from schema.catalogue import find
from schema.option import OnResume, Section
from schema.paths import Keys, written

# Where results lie and what they are called is found by the caller, who looked the folder up by
# them.
_IGNORED = {("config", "name"), ("config", "process", 0, "training_folder"), ("meta",)}
_ABSENT = object()


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
    old = dict(_leaves(before.model_dump(mode="json")))
    new = dict(_leaves(after.model_dump(mode="json")))
    found: list[Change] = []
    for keys in dict.fromkeys([*new, *old]):
        left, right = old.get(keys, _ABSENT), new.get(keys, _ABSENT)
        if left != right and not any(keys[: len(skip)] == skip for skip in _IGNORED):
            path = written(keys)
            found.append(Change(path, _plain(left), _plain(right), on_resume(path)))
    return found


def on_resume(path: str) -> OnResume:
    """What changing the option at `path`, or the one it is a part of, does to an existing run."""
    while path:
        option = find(path)
        if option is not None:
            return option.on_resume
        path = path.rpartition(".")[0]
    # Whole sections that come or go, such as `network`: another training altogether.
    return "refused"


def _leaves(value: Any, keys: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    if isinstance(value, dict) and value:
        for key, part in value.items():
            yield from _leaves(part, (*keys, key))
    elif isinstance(value, list) and any(isinstance(part, dict) for part in value):
        for index, part in enumerate(value):
            yield from _leaves(part, (*keys, index))
    else:
        yield keys, value


def _plain(value: Any) -> Any:
    return None if value is _ABSENT else value


def _word(value: Any) -> str:
    return "(not set)" if value is None else str(value)
