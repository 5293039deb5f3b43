"""YAML text to plain values and places, through PyYAML's C composer; every fault is a finding.

`check` uses nothing else, so this module must not import ruamel. The dialect and the limits are
those of `schema.yaml_loader`.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from schema.findings import Finding, Severity
from schema.paths import Keys, written
from schema.yaml_loader import (
    FLOAT,
    LOADER,
    MAX_BYTES,
    MAX_DEPTH,
    MAX_NODES,
    MERGE,
    RecursiveError,
    TooDeepError,
    TooManyError,
    composed,
)

__all__ = ["FLOAT", "LOADER", "MAX_BYTES", "MAX_DEPTH", "MAX_NODES", "Reading", "read"]

_VALUE: Final = "tag:yaml.org,2002:value"
_STR: Final = "tag:yaml.org,2002:str"
_SCALAR_TAGS: Final = {
    f"tag:yaml.org,2002:{name}": f"construct_yaml_{name}"
    for name in ("null", "bool", "int", "float", "timestamp", "str")
}
_COLLECTION_TAGS: Final = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")

_CONSTRUCTOR: Final = yaml.constructor.SafeConstructor()
_LONGEST_KEY: Final = 1000
_LONGEST_NUMBER: Final = 500
"""Characters; Python itself takes seconds over numbers of a million digits."""
_WIDEST_NUMBER: Final = 1024
"""Bits of a whole number: as large as the largest float."""


@dataclass(slots=True)
class Reading:
    """A text that was read: its plain value (None if it cannot be read), its faults, its nodes."""

    data: Any = None
    findings: list[Finding] = field(default_factory=list)
    root: Any = None
    _keys: dict[int, dict[Any, tuple[Any, Any]]] = field(default_factory=dict)

    def place(self, keys: Keys, *, key: bool = False) -> tuple[int, int]:
        """Line and column, from 1, of the value at `keys` or of its key; (0, 0) in an empty file.

        Where there is no such value, the place of the nearest mapping or list above it.
        """
        node, mark = self.root, None
        for step in keys:
            key_node, child = self._child(node, step)
            if child is None:
                break
            node, mark = child, key_node
        else:
            if key and mark is not None:
                node = mark
            mark = node
        found = mark if mark is not None else node
        if found is None:
            return (0, 0)
        return found.start_mark.line + 1, found.start_mark.column + 1

    def _child(self, node: Any, step: Any) -> tuple[Any, Any]:
        """Key node and value node one step below `node`; (None, None) where there is no such."""
        if isinstance(node, yaml.SequenceNode):
            known = isinstance(step, int) and step < len(node.value)
            return (node.value[step], node.value[step]) if known else (None, None)
        if not isinstance(node, yaml.MappingNode):
            return None, None
        if id(node) not in self._keys:
            self._keys[id(node)] = _own_keys(node)
        if step in self._keys[id(node)]:
            return self._keys[id(node)][step]
        for key_node, value_node in node.value:
            if key_node.tag == MERGE:
                several = isinstance(value_node, yaml.SequenceNode)
                for source in value_node.value if several else [value_node]:
                    found = self._child(source, step)
                    if found != (None, None):
                        return found
        return None, None


def read(source: bytes | str) -> Reading:
    """Read a config's text. Never raises: what is wrong is in the findings."""
    reading = Reading()
    text = source if isinstance(source, str) else _decoded(source, reading)
    if text is None:
        return reading
    if len(text) > MAX_BYTES:
        _fault(reading, "file-too-large", f"the file has {len(text) // 1_000_000} MB; not a config")
        return reading
    try:
        root = composed(text.removeprefix("\ufeff"))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        _fault(reading, *_explained(error, _character(text, mark)), mark=mark)
    except yaml.reader.ReaderError as error:
        _not_text(text, error, reading)
    except (RecursionError, TooDeepError):
        _fault(reading, "yaml-depth", f"more than {MAX_DEPTH} levels are nested; not a config")
    except TooManyError as error:
        _fault(reading, *_too_many(error.count))
    except RecursiveError as error:
        mark = error.node.start_mark
        _fault(reading, "yaml-recursive", "this anchor contains itself", mark=mark)
    else:
        reading.root = root
        if root is None:
            _fault(reading, "empty-file", "the file is empty")
        else:
            reading.data = _Builder(reading).build(root, ())
    return reading


def _too_many(count: int | None) -> tuple[str, str]:
    """Code and message for a file that is too large in values, not in bytes."""
    if count is None:
        return "file-too-large", f"more than {MAX_NODES} keys and values; not a config"
    return "yaml-aliases", f"the aliases expand to {count} values; not a config"


def _decoded(source: bytes, reading: Reading) -> str | None:
    """The bytes as text: UTF-8, or UTF-16 with its mark; otherwise a finding with the place."""
    if source.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    else:
        encoding = "utf-8"
    try:
        return source.decode(encoding)
    except UnicodeDecodeError as error:
        before = source[: error.start]
        line = before.count(b"\n") + 1
        column = error.start - (before.rfind(b"\n") + 1) + 1
        if b"\x00" in source:
            message, repair = "this is a binary file, not a config", None
        else:
            message = f"byte 0x{source[error.start]:02x} is not UTF-8"
            repair = "save the file as UTF-8"
        code = "binary-file" if b"\x00" in source else "not-utf8"
        reading.findings.append(Finding("", "", line, column, "error", code, message, repair))
        return None


def _not_text(text: str, error: yaml.reader.ReaderError, reading: Reading) -> None:
    """A character that YAML does not allow: the place is found by hand, the error has none."""
    position = next((at for at, char in enumerate(text) if ord(char) == error.character), 0)
    line = text.count("\n", 0, position) + 1
    column = position - (text.rfind("\n", 0, position) + 1) + 1
    code = "binary-file" if "\x00" in text else "yaml-character"
    message = (
        "this is a binary file, not a config"
        if code == "binary-file"
        else f"the character {error.character!r} may not stand in a YAML file"
    )
    reading.findings.append(Finding("", "", line, column, "error", code, message))


def _character(text: str, mark: Any) -> str:
    """The character that a parser's mark points at; empty at the end of the text."""
    lines = text.splitlines()
    if mark is None or mark.line >= len(lines):
        return ""
    line, column = lines[int(mark.line)], int(mark.column)
    return line[column : column + 1]


def _explained(error: yaml.MarkedYAMLError, character: str) -> tuple[str, str]:
    """Code and message for what the parser said, in plainer words where we know the cause."""
    problem = str(error.problem or "not valid YAML")
    if character == "\t" and "cannot start any token" in problem:
        return "yaml-tab", "a tab is used for indentation; YAML allows spaces only"
    if "expected a single document" in (error.context or ""):
        return "yaml-documents", "the file holds several documents; a config is one"
    if "undefined alias" in problem:
        return "yaml-alias", f"{problem}: no such anchor before this line"
    if "mapping values are not allowed" in problem:
        return "yaml-syntax", "a second ': ' on one line; put quotes around the text"
    if "could not find expected ':'" in problem:
        return "yaml-syntax", "a key without ': ' after it"
    context = f" {error.context}" if error.context else ""
    return "yaml-syntax", f"{problem}{context}"


def _fault(
    reading: Reading,
    code: str,
    message: str,
    *,
    mark: Any = None,
    keys: Keys = (),
    severity: Severity = "error",
) -> None:
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (0, 0)
    reading.findings.append(Finding("", written(keys), line, column, severity, code, message))


class _Builder:
    """Nodes to plain values. Aliased nodes share one value, as PyYAML's own constructor does."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.built: dict[int, Any] = {}

    def build(self, node: Any, keys: Keys) -> Any:
        if id(node) not in self.built:
            self.built[id(node)] = self._new(node, keys)
        return self.built[id(node)]

    def _new(self, node: Any, keys: Keys) -> Any:
        if node.tag not in _SCALAR_TAGS and node.tag not in (*_COLLECTION_TAGS, MERGE, _VALUE):
            message = f"the tag {node.tag.rsplit(':', 1)[-1]!r} has no meaning in a config"
            _fault(self.reading, "yaml-tag", message, mark=node.start_mark, keys=keys)
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, keys)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(child, (*keys, i)) for i, child in enumerate(node.value)]
        return self._scalar(node, keys)

    def _scalar(self, node: Any, keys: Keys) -> Any:
        if node.tag in (_VALUE, MERGE, _STR):
            return node.value
        kind = "date" if node.tag.endswith("timestamp") else "number"
        try:
            if len(node.value) <= _LONGEST_NUMBER:
                value = getattr(_CONSTRUCTOR, _SCALAR_TAGS[node.tag])(node)
                if not isinstance(value, int) or value.bit_length() <= _WIDEST_NUMBER:
                    return value
        except (ValueError, KeyError, yaml.YAMLError, OverflowError, AttributeError, IndexError):
            pass
        else:
            message = f"{_short(node.value)} is no number that can be computed with"
            _fault(self.reading, "yaml-scalar", message, mark=node.start_mark, keys=keys)
            return None
        message = f"{_short(node.value)} looks like a {kind} but is none; put quotes around text"
        _fault(self.reading, "yaml-scalar", message, mark=node.start_mark, keys=keys)
        return None

    def _mapping(self, node: Any, keys: Keys) -> dict[Any, Any]:
        result: dict[Any, Any] = {}
        for source in self._merged(node, keys):
            result.update(source)
        own: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == MERGE:
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                message = "a key must be a plain word, not a list or mapping"
                _fault(self.reading, "yaml-key", message, mark=key_node.start_mark, keys=keys)
                continue
            if len(key_node.value) > _LONGEST_KEY:
                message = f"a key of {len(key_node.value)} characters; not a config"
                _fault(self.reading, "yaml-key", message, mark=key_node.start_mark, keys=keys)
                continue
            key = self.build(key_node, keys)
            if key in own:
                message = f"'{key}' is given twice; the first is on line {own[key]}"
                mark = key_node.start_mark
                _fault(self.reading, "yaml-duplicate-key", message, mark=mark, keys=(*keys, key))
            own[key] = key_node.start_mark.line + 1
            result[key] = self.build(value_node, (*keys, key))
        return result

    def _merged(self, node: Any, keys: Keys) -> Iterator[dict[Any, Any]]:
        """The mappings that `<<` brings in, the one that counts least first."""
        for key_node, value_node in node.value:
            if key_node.tag != MERGE:
                continue
            several = isinstance(value_node, yaml.SequenceNode)
            for source in reversed(value_node.value if several else [value_node]):
                value = self.build(source, keys)
                if isinstance(value, dict):
                    yield value
                else:
                    message = "'<<' merges mappings, this is none"
                    _fault(self.reading, "yaml-merge", message, mark=source.start_mark, keys=keys)


def _own_keys(node: Any) -> dict[Any, tuple[Any, Any]]:
    """The keys of a mapping as they are written and as they read (`on` is the key True)."""
    table: dict[Any, tuple[Any, Any]] = {}
    for key_node, value_node in node.value:
        if key_node.tag == MERGE or not isinstance(key_node, yaml.ScalarNode):
            continue
        table.setdefault(key_node.value, (key_node, value_node))
        if key_node.tag in _SCALAR_TAGS and len(key_node.value) <= _LONGEST_NUMBER:
            with suppress(ValueError, KeyError, yaml.YAMLError, OverflowError, AttributeError):
                value = getattr(_CONSTRUCTOR, _SCALAR_TAGS[key_node.tag])(key_node)
                table.setdefault(value, (key_node, value_node))
    return table


def _short(text: str) -> str:
    return repr(text[:40])
