"""What can be said in a config but not done by the engine yet: one table, read by everyone.

Nothing may be accepted and then ignored: `check` refuses such an option away from its default,
`explain`, `options --json` and the form say what it waits for. A row goes when the engine learns
it.

Rows live in modules called `schema/pending_<part>.py`, each with a mapping `ROWS`. A key is a
catalogue path, which covers everything below it too, optionally with a value after `=` and the
process type before a colon; the text says in the user's words what is missing:

    "train.do_cfg": "guidance while training",
    "train.optimizer=prodigy": "the prodigy optimizer",
    "slider:train.steps": "slider training",
"""

import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

import schema
from schema.option import Section, meta_of


@dataclass(frozen=True, slots=True)
class Row:
    """One row: a path, the value and process type that it is limited to, and the words."""

    path: str
    value: str | None
    process: str | None
    words: str

    def holds(self, value: Any, process: str) -> bool:
        """Whether the row is about this value (of a list: any item) in this kind of process."""
        if self.process not in (None, process):
            return False
        items = value if isinstance(value, list) else [value]
        return self.value is None or self.value in map(spelled, items)


@dataclass(frozen=True, slots=True)
class Found:
    """A value that waits: its concrete path, the words, and the default to go back to."""

    path: str
    words: str
    default: str | None
    """As YAML writes it; None where there is no plain one."""


def spelled(value: Any) -> str:
    """A plain value as it stands in YAML."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


@cache
def rows() -> tuple[Row, ...]:
    """The rows of all parts. Raises ValueError where two parts say the same."""
    found: dict[str, Row] = {}
    for part in sorted(module.name for module in pkgutil.iter_modules(schema.__path__)):
        if part.startswith("pending_"):
            table: Mapping[str, str] = import_module(f"schema.{part}").ROWS
            for key, words in table.items():
                if key in found:
                    raise ValueError(f"two rows for {key}")
                found[key] = _row(key, words)
    return tuple(found.values())


def _row(key: str, words: str) -> Row:
    left, equals, value = key.partition("=")
    process, colon, path = left.rpartition(":")
    return Row(path, value if equals else None, process if colon else None, words)


@cache
def _by_path() -> Mapping[str, tuple[Row, ...]]:
    table: dict[str, tuple[Row, ...]] = {}
    for row in rows():
        table[row.path] = (*table.get(row.path, ()), row)
    return table


def waits(path: str, process: str = "sd_trainer") -> str | None:
    """What the option at a catalogue path waits for, whatever its value; None if it works."""
    for place in _and_above(path):
        for row in _by_path().get(place, ()):
            if row.value is None and row.process in (None, process):
                return row.words
    return None


def waiting_values(path: str, process: str = "sd_trainer") -> dict[str, str]:
    """The values of an option that wait for something, and for what."""
    return {
        row.value: row.words
        for row in _by_path().get(path, ())
        if row.value is not None and row.process in (None, process)
    }


def _and_above(path: str) -> Iterator[str]:
    """`a.b[].c`, `a.b[]`, `a.b`, `a`."""
    while path:
        yield path
        if path.endswith("[]"):
            path = path[:-2]
        else:
            path = path.rpartition(".")[0]


def pending_in(process: Section, kind: str) -> Iterator[Found]:
    """The values of a process that wait for something and are not the default."""
    yield from _below(process, "", "", kind)


def _below(section: Section, path: str, general: str, kind: str) -> Iterator[Found]:
    """Only what the config gives can differ from the default: pydantic remembers which that is."""
    for name, info in type(section).model_fields.items():
        if name not in section.model_fields_set:
            continue
        value = getattr(section, name)
        here, row_path = f"{path}{name}", f"{general}{name}"
        meta = meta_of(info)
        defaults = [
            None if info.is_required() else info.default,
            *(meta.family_defaults or {}).values(),
            *(meta.process_defaults or {}).values(),
        ]
        descend = isinstance(value, Section) and isinstance(info.default, Section | dict)
        if not descend and not any(_same(value, default) for default in defaults):
            row = _holding(row_path, value, kind)
            if row is not None:
                yield Found(here, row.words, _written(defaults[0], info.is_required()))
                continue
        if isinstance(value, Section):
            yield from _below(value, f"{here}.", f"{row_path}.", kind)
        elif isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, Section):
                    yield from _below(item, f"{here}[{index}].", f"{row_path}[].", kind)


def _holding(path: str, value: Any, kind: str) -> Row | None:
    """The row that is about a changed value: its own path with that value, or a path above."""
    for place in _and_above(path):
        for row in _by_path().get(place, ()):
            if (place == path or row.value is None) and row.holds(value, kind):
                return row
    return None


def _same(value: Any, default: Any) -> bool:
    return type(value) is type(default) and bool(value == default)


def _written(default: Any, required: bool) -> str | None:
    if required or isinstance(default, Section | dict | list):
        return None
    return spelled(default) if default != "" else '""'
