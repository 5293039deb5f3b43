"""Reading a document as the form needs it: what the file gives, which processes it has.

A form asks some hundred paths for every key press; this goes straight into the plain values.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from schema.catalogue import OptionInfo, find, general
from schema.compare import same
from schema.document import Document
from schema.families import FamilyRow
from schema.paths import absolute
from schema.pending import waits
from tui.form.layout import GENERAL

ABSENT: Any = object()
"""What stands for a value that the file does not give."""


def written_value(document: Document, path: str) -> Any:
    """The value in the file or `ABSENT`, without asking the document for what is not there."""
    value = document.raw
    for key in _keys(path):
        in_list = isinstance(value, list) and isinstance(key, int) and key < len(value)
        if in_list or (isinstance(value, dict) and key in value):
            value = value[key]
        else:
            # Perhaps under an older name, which the document knows.
            older = find(path)
            spelled = older is not None and older.aliases and document.is_set(path)
            return document.value(path) if spelled else ABSENT
    return value


@lru_cache(8192)
def _keys(path: str) -> tuple[Any, ...]:
    return absolute(path)


def kinds_of(document: Document) -> list[str]:
    """The process types; the general trainer's for a missing or unknown one."""
    config = document.raw.get("config") if isinstance(document.raw, dict) else None
    processes = config.get("process") if isinstance(config, dict) else None
    return [_kind(process) for process in processes] if isinstance(processes, list) else []


def _kind(process: Any) -> str:
    info, value = find("type"), process.get("type") if isinstance(process, dict) else None
    if info is None or not isinstance(value, str):
        return GENERAL
    value = info.synonyms.get(value, value)
    return value if value in (info.choices or (GENERAL,)) else GENERAL


def lacking(row: FamilyRow | None, info: OptionInfo, kind: str, path: str) -> str | None:
    """Why an option cannot be used: the model lacks it, or the engine does, so far; else None."""
    if row is not None and (reason := row.lacks(info.applies_to)):
        return reason
    if words := waits(info.path, kind) or (waits(general(path), kind) if path else None):
        return f"not in the engine yet: {words}"
    return None


def came_or_went(now: Any, before: Any) -> bool:
    """Whether of two values one is there and the other is not, or a list changed its length."""
    if isinstance(now, list) and isinstance(before, list):
        return len(now) != len(before)
    gone = (None, ABSENT)
    return (now in gone) != (before in gone)


def changed_paths(document: Document, saved: Document, *, but: int) -> list[str]:
    """What differs between two texts in the processes of a job, without one of them."""
    count = max(len(kinds_of(document)), len(kinds_of(saved)))
    if count < 2 and len(kinds_of(saved)) < 2:
        return []
    out = []
    for index in range(count):
        now, before = (written_value(one, f"process[{index}]") for one in (document, saved))
        if index != but and not same(now, before):
            out += _differing(now, before, f"process[{index}]" if index else "")
    return out


def _differing(now: Any, before: Any, path: str) -> list[str]:
    """Paths of the values that differ; the whole where one side has none."""
    if not isinstance(now, dict) or not isinstance(before, dict):
        return [path or "process[0]"]
    out = []
    for key in dict.fromkeys([*now, *before]):
        one, other = now.get(key), before.get(key)
        here = f"{path}.{key}" if path else str(key)
        if not same(one, other):
            out += _differing(one, other, here) if isinstance(one, dict) else [here]
    return out
