"""Paths of values: as people write them (`train.lr`, `datasets[0].flip_x`) and as keys and indexes.

A path is relative to the first process of the job; `job`, `meta`, `config.name` are of the file;
keys of a later process begin with `process[1].`.
"""

import re
from typing import Any, Final

Keys = tuple[Any, ...]
"""Mapping keys and list indexes from the root of the file down to a value."""

_ROOT_KEYS: Final = ("job", "config", "meta")
_PART: Final = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
_FIRST: Final = ("config", "process", 0)


def parse(path: str) -> Keys:
    """The keys that a written path leads through. Raises ValueError on a path that is none."""
    keys: list[Any] = []
    position = 0
    for match in _PART.finditer(path):
        gap = path[position : match.start()]
        if gap not in ("", ".") or (gap == "" and match.group(1) and position):
            raise ValueError(f"'{path}' is not a path such as train.lr or datasets[0].flip_x")
        keys.append(match.group(1) if match.group(1) is not None else int(match.group(2)))
        position = match.end()
    if not keys or position != len(path):
        raise ValueError(f"'{path}' is not a path such as train.lr or datasets[0].flip_x")
    return tuple(keys)


def absolute(path: str) -> Keys:
    """The keys from the root of the file to the value that a written path means."""
    keys = parse(path)
    if keys[0] in _ROOT_KEYS:
        return keys
    if keys[0] == "process" and len(keys) > 1:
        return ("config", *keys)
    return (*_FIRST, *keys)


def written(keys: Keys) -> str:
    """The shortest path that leads to the value at `keys`; empty for the file itself."""
    if keys[:3] == _FIRST and len(keys) > 3:
        return _joined(keys[3:])
    if keys[:2] == ("config", "process") and len(keys) > 2:
        return _joined(keys[1:])
    return _joined(keys)


def _joined(keys: Keys) -> str:
    text = ""
    for key in keys:
        indexed = isinstance(key, int) and not isinstance(key, bool)
        text += f"[{key}]" if indexed else f".{key}" if text else str(key)
    return text
