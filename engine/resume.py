"""Going on from a checkpoint: what may have changed in the config since, and what follows from it.

Every option says in its declaration what a change means for a run that goes on: `safe`, a
`new-trajectory` (allowed, but no longer the run it would have been), or `refused`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.errors import ConfigError
from schema.catalogue import find, general

MISSING = object()


@dataclass(frozen=True)
class Change:
    """One option that differs from the checkpoint's config."""

    path: str
    before: Any
    now: Any
    on_resume: str

    def __str__(self) -> str:
        return f"{self.path} ({_word(self.before)} -> {_word(self.now)})"


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[Change]:
    """The differences between two process configs as plain values, in the order of the paths."""
    old, new = dict(_flat(before)), dict(_flat(now))
    found = []
    for path in sorted(old.keys() | new.keys()):
        was, value = old.get(path, MISSING), new.get(path, MISSING)
        if was != value:
            info = find(general(path))
            # A section that came or went (network: null) is another kind of training altogether.
            kind = info.on_resume if info is not None else "refused"
            found.append(Change(path, was, value, kind))
    return found


def judge(found: list[Change]) -> list[str]:
    """Sentences for the changes that make it another run; raises ConfigError for a refused one."""
    refused = [change for change in found if change.on_resume == "refused"]
    if refused:
        listed = ", ".join(map(str, refused))
        raise ConfigError(
            refused[0].path,
            f"a run that goes on cannot change {listed}.",
            repair="Set it back, or give the run another name.",
        )
    new = [change for change in found if change.on_resume == "new-trajectory"]
    if not new:
        return []
    listed = ", ".join(map(str, new))
    return [f"The run goes on with {listed} changed: it is no longer the run it would have been."]


def _flat(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Leaves by option path; a list of sections is walked, a list of values is a value."""
    if isinstance(tree, Mapping) and tree:
        for key, value in tree.items():
            yield from _flat(value, f"{path}.{key}" if path else str(key))
    elif isinstance(tree, list) and tree and isinstance(tree[0], Mapping):
        for index, value in enumerate(tree):
            yield from _flat(value, f"{path}[{index}]")
    elif not isinstance(tree, Mapping):
        yield path, tree


def _word(value: Any) -> str:
    return "nothing" if value is MISSING or value is None else str(value)
