"""A config as text and as typed values: read with places, edited with undo, saved with comments.

The text is the truth: every edit makes a new text that is read again, so that values, findings and
places always fit what would be saved. Reading uses the C parser only; ruamel is imported when an
edit needs it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from schema import yaml_write
from schema.atomic import write_atomic
from schema.catalogue import find
from schema.compare import same
from schema.config_file import read_config
from schema.findings import ConfigError, Finding, has_errors, ordered
from schema.option_at import option_at
from schema.paths import Keys, absolute, general, written
from schema.placeholders import expanded
from schema.sections.job import JobFile
from schema.sections.processes import process_name
from schema.shape_check import shape_findings
from schema.yaml_text import Reading, read

_ABSENT: Any = object()


@dataclass(frozen=True, slots=True)
class Edit:
    """A step of the undo history: what it was, in words, and the texts before and after."""

    name: str
    before: str
    after: str


class _State:
    """Everything that follows from one text, worked out when asked for."""

    def __init__(self, text: str, source: bytes | str | None = None) -> None:
        self.text = text
        self.reading: Reading = read(text if source is None else source)

    @cached_property
    def _expanded(self) -> tuple[Any, list[Finding]]:
        return expanded(self.reading.data, self.reading)

    @property
    def data(self) -> Any:
        """The values with their placeholders replaced."""
        return self._expanded[0]

    @cached_property
    def findings(self) -> list[Finding]:
        faults = list(self.reading.findings)
        if self.reading.data is not None:
            faults += self._expanded[1]
            faults += shape_findings(self.data, self.reading)
        elif not faults:
            faults += shape_findings(None, self.reading)
        return ordered(faults)

    @cached_property
    def typed(self) -> JobFile:
        if has_errors(self.findings):
            raise ConfigError([f for f in self.findings if f.severity == "error"])
        return JobFile.model_validate(self.data)


class Document:
    """One config. Paths are as in `schema.paths`: `train.lr`, `datasets[0].flip_x`."""

    def __init__(self, text: str, *, file: str = "", source: bytes | None = None) -> None:
        self.file = file
        self._newline = "\r\n" if "\r\n" in text else "\n"
        self._bom = text.startswith("\ufeff")
        self._state = _State(_clean(text), _clean_source(source))
        self._saved = self._state
        self._done: list[Edit] = []
        self._undone: list[Edit] = []

    @classmethod
    def load(cls, path: Path | str) -> "Document":
        """Read a file. Raises OSError if it cannot be read; every other fault is a finding."""
        source = read_config(path)
        return cls(source.decode("utf-8", errors="replace"), file=str(path), source=source)

    @classmethod
    def parse(cls, text: str, *, file: str = "") -> "Document":
        """A document from text."""
        return cls(text, file=file)

    @classmethod
    def create(cls, data: dict[str, Any], *, file: str = "") -> "Document":
        """A document from plain values."""
        return cls(yaml_write.document(data), file=file)

    # reading

    @property
    def findings(self) -> list[Finding]:
        """Faults of syntax and shape, in the order of the file."""
        return [finding.at(self.file) for finding in self._state.findings]

    @property
    def reading(self) -> Reading:
        """The nodes and places behind the current text."""
        return self._state.reading

    @property
    def data(self) -> Any:
        """The values as plain data, placeholders replaced."""
        return self._state.data

    @property
    def raw(self) -> Any:
        """The values as plain data, placeholders as written."""
        return self._state.reading.data

    @property
    def editable(self) -> bool:
        """Whether the text is YAML that edits can be made on."""
        return isinstance(self.raw, dict) and not self._state.reading.findings

    def typed(self) -> JobFile:
        """The typed config. Raises ConfigError with all findings if there are errors of shape."""
        try:
            return self._state.typed
        except ConfigError as error:
            raise ConfigError([finding.at(self.file) for finding in error.findings]) from None

    def text(self) -> str:
        """The text as it would be saved."""
        text = self._state.text
        if self._newline != "\n":
            text = text.replace("\n", self._newline)
        return f"\ufeff{text}" if self._bom else text

    def is_set(self, path: str) -> bool:
        """Whether the file gives a value at `path` (under an older name too)."""
        return self._written_value(self._located(path)) is not _ABSENT

    def value(self, path: str) -> Any:
        """The value in the file as written, else the option's default; None for an unknown path."""
        value = self._written_value(self._located(path))
        if value is not _ABSENT:
            return value
        info = find(path, self.process_type(path)) or find(path)
        if info is None:
            return None
        if info.variants and info.when is not None:
            decider = self.value(path.rsplit(".", 2)[0] + "." + info.when[0].rsplit(".", 1)[-1])
            info = info.variants.get(str(decider).lower(), info)
        return info.default

    def process_type(self, path: str = "") -> str:
        """The type of the process that a path leads into, the first one's for other paths."""
        return self._kind(absolute(path) if path else ())

    def place(self, path: str) -> tuple[int, int]:
        """Line and column, from 1, of the value at `path`, or of what is nearest above it."""
        return self._state.reading.place(self._located(path))

    # editing

    def set(self, path: str, value: Any, *, name: str | None = None) -> None:
        """Write a value (plain data). `datasets[n]` with n the length appends.

        Raises ConfigError if the text is not YAML that can be edited, ValueError for no path,
        KeyError for a list item that does not exist.
        """
        keys = self._located(path)
        current = self._written_value(keys)
        if current is not _ABSENT and same(current, value) and _same_key(keys, path):
            return
        self._edit(name or f"set {path}", "set", keys, value)
        if not _same_key(keys, path) and current is not _ABSENT:
            self._rename(keys, absolute(path)[-1])

    def unset(self, path: str, *, name: str | None = None) -> None:
        """Take a key or list item out of the file; nothing happens if it is not there."""
        keys = self._located(path)
        if self._written_value(keys) is not _ABSENT:
            self._edit(name or f"reset {path}", "unset", keys, None)

    def insert(self, path: str, index: int, value: Any, *, name: str | None = None) -> None:
        """Put a new item into the list at `path`, which is made if it does not exist."""
        keys = self._located(path)
        if not isinstance(self._written_value(keys), list):
            self._edit(name or f"add to {path}", "set", keys, [value])
            return
        self._edit(name or f"add to {path}", "insert", (*keys, index), value)

    def swap(self, path: str, index: int, *, name: str | None = None) -> None:
        """Exchange two neighbouring items of the list at `path`, with their comments."""
        keys = self._located(path)
        if not self.editable:
            raise ConfigError(self.findings)
        from schema.edit_swap import swapped

        before = self._state.text
        self._push(Edit(name or f"move in {path}", before, swapped(before, keys, index)))

    def replace_text(self, text: str, *, name: str = "edit text") -> None:
        """Take a whole new text, from a text editor say; it may have faults."""
        self._push(Edit(name, self._state.text, _clean(text)))

    def undo(self) -> str | None:
        """Take back the last edit; returns its name, None if there is none."""
        if not self._done:
            return None
        edit = self._done.pop()
        self._undone.append(edit)
        self._state = _State(edit.before)
        return edit.name

    def redo(self) -> str | None:
        """Do the last undone edit again; returns its name, None if there is none."""
        if not self._undone:
            return None
        edit = self._undone.pop()
        self._done.append(edit)
        self._state = _State(edit.after)
        return edit.name

    def history(self) -> list[str]:
        """The names of the edits that undo would take back, the latest last."""
        return [edit.name for edit in self._done]

    def future(self) -> list[str]:
        """The names of the edits that redo would do again, the next last."""
        return [edit.name for edit in self._undone]

    @property
    def plain_text(self) -> str:
        """The text that edits are made on: line feeds alone, no byte order mark."""
        return self._state.text

    @property
    def edits(self) -> tuple[tuple[Edit, ...], tuple[Edit, ...]]:
        """The steps that undo would take back, and those that redo would do again, in order."""
        return tuple(self._done), tuple(self._undone)

    def take_edits(self, done: Sequence[Edit], undone: Sequence[Edit]) -> None:
        """Go on from an earlier session's steps: the text becomes that after the last done one."""
        text = done[-1].after if done else undone[-1].before if undone else self._state.text
        self._state = _State(text)
        self._done, self._undone = list(done), list(undone)

    # saving

    @property
    def changed(self) -> bool:
        """Whether the text differs from what was loaded or last saved."""
        return self._state.text != self._saved.text

    def changed_paths(self) -> list[str]:
        """Paths of values that differ from what was loaded or last saved, removed ones included."""
        return sorted({written(keys) for keys in _differences(self._saved.reading.data, self.raw)})

    def save(self, path: Path | str | None = None) -> None:
        """Write the text, atomically. Raises OSError; the old file is then untouched."""
        target = Path(path or self.file)
        write_atomic(target, self.text())
        self.file = str(target)
        self._saved = self._state

    # inside

    def _located(self, path: str) -> Keys:
        """The keys in the file: an older key name where that is what the file has."""
        keys = absolute(path)
        info = option_at(general(path), self._kind(keys))
        parent = self._written_value(keys[:-1])
        if info is not None and isinstance(parent, dict) and keys[-1] not in parent:
            older = next((alias for alias in info.aliases if alias in parent), None)
            return (*keys[:-1], older) if older is not None else keys
        return keys

    def _kind(self, keys: Keys) -> str:
        index = keys[2] if keys[:2] == ("config", "process") and len(keys) > 2 else 0
        return process_name(self._written_value(("config", "process", index, "type")))

    def _written_value(self, keys: Keys) -> Any:
        value = self.raw
        for key in keys:
            if not _has(value, key):
                return _ABSENT
            value = value[key]
        return value

    def _edit(self, name: str, action: str, keys: Keys, value: Any) -> None:
        if not self.editable:
            raise ConfigError(self.findings)
        from schema.edit import edited  # ruamel may be needed behind it

        before = self._state.text
        self._push(Edit(name, before, edited(before, action, keys, value)))

    def _rename(self, keys: Keys, name: str) -> None:
        """Give an older key its present name, as part of the edit just made."""
        from schema.edit import edited

        edit = self._done.pop()
        text = edited(edit.after, "rename", keys, name)
        self._push(Edit(edit.name, edit.before, text))

    def _push(self, edit: Edit) -> None:
        if edit.after != edit.before:
            self._state = _State(edit.after)
            self._done.append(edit)
            self._undone.clear()


def _clean(text: str) -> str:
    return text.removeprefix("\ufeff").replace("\r\n", "\n")


def _clean_source(source: bytes | None) -> bytes | None:
    """Bytes that are not plain UTF-8 keep their findings; all else is read from the text."""
    if source is None:
        return None
    try:
        source.decode("utf-8")
    except UnicodeDecodeError:
        return source
    return None


def _has(value: Any, key: Any) -> bool:
    if isinstance(value, list):
        return isinstance(key, int) and key < len(value)
    return isinstance(value, dict) and key in value


def _same_key(keys: Keys, path: str) -> bool:
    return keys == absolute(path)


def _differences(before: Any, after: Any, keys: Keys = ()) -> Iterator[Keys]:
    """The keys of the leaves that differ; a whole list item or mapping that came or went."""
    if isinstance(after, dict) and after and before is _ABSENT:
        before = {}
    if isinstance(before, dict) and before and after is _ABSENT:
        after = {}
    if isinstance(before, dict) and isinstance(after, dict):
        for key in [*before, *(key for key in after if key not in before)]:
            yield from _differences(before.get(key, _ABSENT), after.get(key, _ABSENT), (*keys, key))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, pair in enumerate(zip(before, after)):
            yield from _differences(*pair, (*keys, index))
    elif not same(before, after):
        yield keys
