"""What a finding's suggestion does to the document: the step that a person may take with one key.

A suggestion is a value written as in YAML (`false`, `[0.9, 0.99]`), or for an unknown or older key
the name to use instead. `safe_text` takes all those that prove themselves: each is tried on a copy
and stays only if it leaves fewer findings and no new ones.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import yaml

from schema.catalogue import find, general
from schema.check import check_document
from schema.document import Document
from schema.findings import ConfigError, Finding
from schema.paths import absolute, parse, written
from schema.yaml_text import LOADER

_OF_KEYS: Final = {"unknown-key", "older-name", "given-twice"}
"""Codes whose suggestion is a key, not a value."""
_ASKS: Final = {"not-yet"}
"""Codes whose suggestion is the default because there is nothing else: a person decides."""
_WEIGHTY: Final = ("type", "model.arch", "model.name_or_path", "job", "config.name")
_ELSEWHERE: Final = re.compile(r"([a-z_][\w.]*(?:\[\d+\][\w.]*)*): (.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Repair:
    """One step: give `path` the value, move the value at `source` there, or take `source` out."""

    action: Literal["set", "move", "drop"]
    path: str
    value: Any = None
    source: str = ""

    @property
    def words(self) -> str:
        """What it does, for people."""
        if self.action == "set":
            return f"{self.path} = {_flow(self.value)}"
        if self.action == "move":
            return f"{self.source} becomes {self.path}"
        return f"{self.source} goes: {self.path} says it"

    def apply(self, document: Document) -> None:
        """Does it, as one or two edits of the document.

        Raises:
            ConfigError, KeyError, ValueError: it cannot be done on this text.
        """
        if self.action == "set":
            document.set(self.path, self.value)
            return
        value = document.value(self.source)
        document.unset(self.source)
        if self.action == "move":
            document.set(self.path, value)


def repair_of(document: Document, finding: Finding) -> Repair | None:
    """The step that a finding's suggestion means; None where it has none or the text is broken."""
    meant = finding.suggestion
    if meant is None or not finding.path or not document.editable:
        return None
    if finding.code in _OF_KEYS:
        return _of_key(document, finding.path, meant)
    if elsewhere := _ELSEWHERE.fullmatch(meant):
        path = _prefix(finding.path) + elsewhere[1]
        if find(path) is not None:
            return Repair("set", path, _value(elsewhere[2]))
    info = find(finding.path)
    textual = info is not None and info.type in ("str", "path", "enum") and meant != "null"
    value = _text(meant) if textual else _value(meant)
    if info is not None and info.type == "enum" and info.choices and value not in info.choices:
        value = _value(meant)
    return Repair("set", finding.path, value)


def _of_key(document: Document, path: str, meant: str) -> Repair | None:
    """A mistyped or older key becomes the right one; where both are given the older one goes."""
    keys = absolute(path)
    name = str(keys[-1])
    beside = written((*keys[:-1], meant))
    is_path = "." in meant or find(general(beside)) is None
    target = _prefix(path) + meant if is_path and "[]" not in meant else beside
    if "[]" in meant or target == path or (not is_path and name == meant):
        return None
    if _is_given(document, target):
        info = find(target)
        older = info is not None and name in info.aliases
        return Repair("drop", target, source=path) if older else None
    return Repair("move", target, source=path)


def _is_given(document: Document, path: str) -> bool:
    """Whether the file has this very key (older names of it do not count)."""
    value = document.raw
    for key in absolute(path):
        in_list = isinstance(value, list) and isinstance(key, int) and key < len(value)
        if not in_list and not (isinstance(value, dict) and key in value):
            return False
        value = value[key]
    return True


def safe_text(document: Document) -> tuple[str, int]:
    """The text after every repair that is safe, and how many they were.

    Safe is what needs no choice: the number of findings falls, none is new, and it is not about
    which model, process or job this is.
    """
    text, done = document.plain_text, 0
    tried: set[tuple[str, str, str | None]] = set()
    while True:
        now = Document.parse(text)
        found = check_document(now, files=False)
        step = _first_safe(now, found, tried)
        if step is None:
            return text, done
        text, done = step, done + 1


def _first_safe(
    document: Document, found: Sequence[Finding], tried: set[tuple[str, str, str | None]]
) -> str | None:
    before = {_key_of(finding) for finding in found}
    for finding in found:
        key = (finding.path, finding.code, finding.suggestion)
        if key in tried or is_weighty(finding):
            continue
        tried.add(key)
        repair = repair_of(document, finding)
        if repair is None:
            continue
        copy = Document.parse(document.plain_text)
        try:
            repair.apply(copy)
        except (ConfigError, KeyError, ValueError):
            continue
        after = {_key_of(one) for one in check_document(copy, files=False)}
        if after < before:
            return copy.plain_text
    return None


def is_weighty(finding: Finding) -> bool:
    """Whether the choice is a person's: which model, process, file or job, or what to do without.

    Paths of files are weighty too: the nearest name is a guess.
    """
    info = find(finding.path)
    about_files = info is not None and info.type == "path"
    return finding.code in _ASKS or general(finding.path) in _WEIGHTY or about_files


def _key_of(finding: Finding) -> tuple[str, str, str]:
    return finding.path, finding.code, finding.message


def _prefix(path: str) -> str:
    """`process[1].` of a path that leads into a later process."""
    keys = parse(path)
    return f"process[{keys[1]}]." if keys[0] == "process" and len(keys) > 1 else ""


def _value(text: str) -> Any:
    try:
        return yaml.load(text, Loader=LOADER)  # noqa: S506 - a subclass of the safe loader
    except yaml.YAMLError:
        return text


def _text(text: str) -> str:
    """A text, without the quotes of one that YAML would read as something else."""
    value = _value(text) if text[:1] in "\"'" and len(text) > 1 else text
    return value if isinstance(value, str) else text


def _flow(value: Any) -> str:
    dumped: str = yaml.safe_dump(value, default_flow_style=True, width=10**6, sort_keys=False)
    return dumped.removesuffix("...\n").strip()
