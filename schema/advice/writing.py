"""A config from advised values: YAML in the usual order, a reason beside each value.

Short reasons stand behind the value, long ones above it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from schema.advice.facts import Help
from schema.advice.sheet import Advised
from schema.paths import absolute
from schema.yaml_write import scalar

WIDTH: Final = 100
_ORDER: Final = (
    "type", "training_folder", "device", "trigger_word", "model", "network", "adapter", "slider",
    "datasets", "train", "save", "sample",
)  # fmt: skip
_OF_THE_CASE: Final = ("memory", "pictures", "machine", "answer", "you")
"""Reasons that are told to those who know the rest."""

Keys = tuple[str | int, ...]


def nested(values: Sequence[Advised]) -> dict[str, Any]:
    """The config as plain values, sections in their usual order."""
    root: dict[str, Any] = {"job": "extension", "config": {"name": "", "process": [{}]}}
    for one in values:
        _put(root, absolute(one.path), one.value)
    process = root["config"]["process"][0]
    known = {name: process.pop(name) for name in _ORDER if name in process}
    root["config"]["process"][0] = {**known, **process}
    return root


def _put(root: Any, keys: Keys, value: Any) -> None:
    for key, following in pairwise(keys):
        empty: Any = [] if isinstance(following, int) else {}
        if isinstance(root, list):
            while len(root) <= int(key):
                root.append(type(empty)())
            root = root[int(key)]
        else:
            root = root.setdefault(key, empty)
    root[keys[-1]] = value


def written(values: Sequence[Advised], help: Help, head: Sequence[str]) -> str:
    """The YAML text, with the reasons that the asker wants."""
    reasons = {
        absolute(one.path): one.why
        for one in values
        if help == "lots" or (help == "some" and one.origin in _OF_THE_CASE)
    }
    lines = [f"# {line}" for text in head for line in textwrap.wrap(text, WIDTH - 2)]
    if help == "none":
        lines = lines[:1]
    return "\n".join([*lines, *_mapping(nested(values), (), 0, reasons)]) + "\n"


def _mapping(
    data: Mapping[str, Any], at: Keys, indent: int, reasons: Mapping[Keys, str]
) -> Iterator[str]:
    for key, value in data.items():
        here = (*at, key)
        why = reasons.get(here, "")
        if isinstance(value, dict) and value:
            yield from _line(f"{' ' * indent}{key}:", why, indent)
            yield from _mapping(value, here, indent + 2, reasons)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            yield from _line(f"{' ' * indent}{key}:", why, indent)
            for number, item in enumerate(value):
                first, *rest = _mapping(item, (*here, number), indent + 4, reasons)
                while first.lstrip().startswith("#"):
                    yield first[:indent] + first[indent + 2 :]
                    first, *rest = rest
                yield f"{' ' * (indent + 2)}- {first[indent + 4 :]}"
                yield from rest
        else:
            yield from _line(f"{' ' * indent}{key}: {scalar(value)}", why, indent)


def _line(text: str, why: str, indent: int) -> Iterator[str]:
    """A line with its reason behind it, or above it where there is no room."""
    beside = f"{text}  # {_as_note(why)}"
    if not why:
        yield text
    elif len(beside) <= WIDTH:
        yield beside
    else:
        yield from (f"{' ' * indent}# {line}" for line in textwrap.wrap(why, WIDTH - 2 - indent))
        yield text


def _as_note(why: str) -> str:
    """A sentence as a remark: without its full stop, the first letter small unless a name."""
    text = why.rstrip(".")
    first, second = text[:1], text[1:2]
    return text if second.isupper() or second == "-" or _is_name(text) else first.lower() + text[1:]


def _is_name(text: str) -> bool:
    """Whether a sentence begins with a name, which keeps its capital."""
    return text.split(" ", 1)[0] in ("Stable", "Adam's", "Segmind", "DreamBooth", "Min-SNR")
