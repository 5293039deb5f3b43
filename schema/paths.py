"""Paths of values: as people write them (`train.lr`, `datasets[0].flip_x`) and as keys and indexes.

A path is relative to the first process of the job; `job`, `meta`, `config.name` are of the file;
keys of a later process begin with `process[1].`. A key with a dot or a bracket in it (the name of
a layer) is quoted: `network.network_kwargs.modules_dim["mid.0"]`.
"""

import json
import re
from typing import Any, Final

Keys = tuple[Any, ...]
"""Mapping keys and list indexes from the root of the file down to a value."""

_ROOT_KEYS: Final = ("job", "config", "meta")
_PART: Final = re.compile(r"([^.\[\]]+)|\[(\d+)\]|\[(\"(?:[^\"\\]|\\.)*\")\]")
_PLAIN: Final = re.compile(r"[^.\[\]]+")
_INDEX: Final = re.compile(r"\[\d*\]")
_PROCESS: Final = re.compile(r"^(config\.)?process\[\d*\]\.")
_FIRST: Final = ("config", "process", 0)


def parse(path: str) -> Keys:
    """The keys that a written path leads through. Raises ValueError on a path that is none."""
    keys: list[Any] = []
    position = 0
    for match in _PART.finditer(path):
        gap = path[position : match.start()]
        if gap not in ("", ".") or (gap == "" and match.group(1) and position):
            raise ValueError(f"'{path}' is not a path such as train.lr or datasets[0].flip_x")
        keys.append(_key(*match.groups()))
        position = match.end()
    if not keys or position != len(path):
        raise ValueError(f"'{path}' is not a path such as train.lr or datasets[0].flip_x")
    return tuple(keys)


def _key(name: str | None, index: str | None, quoted: str | None) -> Any:
    if quoted is not None:
        return json.loads(quoted)
    return name if name is not None else int(index or 0)


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
        text += below(text, key)
    return text


def general(path: str) -> str:
    """The catalogue path of a concrete one: `process[1].train.lr` -> `train.lr`."""
    return _INDEX.sub("[]", _PROCESS.sub("", path))


def below(path: str, key: Any) -> str:
    """What a key or index adds to a written path: `.lr`, `[0]`, `["mid.0"]`."""
    if isinstance(key, int) and not isinstance(key, bool):
        return f"[{key}]"
    if isinstance(key, str) and path and not _PLAIN.fullmatch(key):
        return f"[{json.dumps(key, ensure_ascii=False)}]"
    return f".{key}" if path else str(key)
