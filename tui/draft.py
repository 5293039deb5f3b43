"""The edited config: the document with its undo, the text on disk, and the autosaved copy.

The document itself, its comments and its findings belong to `schema.document`; this module knows
files and what the form asks: is this set, what is its default, was it changed since the last save.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from schema.atomic import write_atomic
from schema.catalogue import OptionInfo, find, plain, under
from schema.check import check_document
from schema.conditions import needs
from schema.document import Document
from schema.families import FamilyRow, arch_of, family
from schema.findings import Finding
from schema.home import state_dir
from schema.paths import absolute
from schema.pending import waits
from tui.form.outline import Layout, layout

_ABSENT: Any = object()
GENERAL = "sd_trainer"


class Draft:
    """A config being edited."""

    def __init__(self, document: Document, path: Path | None, *, on_disk: bool) -> None:
        self.path = path
        self.on_disk = on_disk
        self.document = document
        self.revision = 0
        self.file_findings: list[Finding] = []
        self.path_words: dict[str, str] = {}
        self.revealed: set[str] = set()
        self._saved = Document.parse(document.text())
        self._trial = False
        self._seen = -1
        self._findings: list[Finding] = []
        self._by_path: dict[str, list[Finding]] = {}
        self._edited: dict[str, bool] = {}
        self._values: dict[str, Any] = {}
        self._before: dict[str, Any] = {}
        self._kind = ""
        self._cache: dict[str, FamilyRow | None] = {}

    @classmethod
    def open(cls, path: Path) -> Draft:
        """The config in a file.

        Raises:
            OSError: it cannot be read.
        """
        return cls(Document.load(path), path, on_disk=True)

    @classmethod
    def new(cls, text: str, path: Path | None = None) -> Draft:
        """A config that is not on disk yet, from a preset say."""
        return cls(Document.parse(text, file=str(path or "")), path, on_disk=False)

    # -- reading -------------------------------------------------------------------------------

    def _refresh(self) -> None:
        if self._seen == self.revision:
            return
        self._seen = self.revision
        self._edited, self._values = {}, {}
        self._kind, self._cache = _kind(self.document), {}
        own = check_document(self.document, files=False)
        known = {(finding.path, finding.code, finding.message) for finding in own}
        more = [f for f in self.file_findings if (f.path, f.code, f.message) not in known]
        self._findings = [*own, *more]
        by_path: dict[str, list[Finding]] = defaultdict(list)
        for finding in self._findings:
            by_path[finding.path].append(finding)
        self._by_path = by_path

    @property
    def findings(self) -> list[Finding]:
        """Everything that is wrong, from the schema and from the last look at the files."""
        self._refresh()
        return self._findings

    def set_file_findings(self, found: list[Finding], words: dict[str, str]) -> None:
        """What a look at the files has found, and words on each path; kept until the next look."""
        self.file_findings, self.path_words = found, words
        self.revision += 1

    def findings_at(self, path: str) -> Sequence[Finding]:
        """What is wrong with one field; for a list or mapping also with what is in it."""
        self._refresh()
        own = self._by_path.get(path, [])
        inside = [
            f for at, found in self._by_path.items() if at.startswith(f"{path}[") for f in found
        ]
        return [*own, *inside]

    def count(self, severity: str) -> int:
        """How many findings of that severity."""
        return sum(finding.severity == severity for finding in self.findings)

    def value(self, path: str) -> Any:
        """The value in the file; None where there is none."""
        value = self._given(path)
        return None if value is _ABSENT else value

    def is_set(self, path: str) -> bool:
        """Whether the file gives the option."""
        return self._given(path) is not _ABSENT

    def _given(self, path: str) -> Any:
        """The value in the file or `_ABSENT`; asked some hundred times for every key press."""
        self._refresh()
        if (known := self._values.get(path, self)) is self:
            known = self._values[path] = _written(self.document, path)
        return known

    @property
    def kind(self) -> str:
        """The type of the process that is edited; the general trainer's where it names none."""
        self._refresh()
        return self._kind

    @property
    def layout(self) -> Layout:
        """The options of this type of process, as the form sorts them."""
        return layout(self.kind)

    def find(self, path: str) -> OptionInfo | None:
        """The option at a path as this type of process declares it."""
        return find(path, self.kind)

    def beyond(self, info: OptionInfo) -> str | None:
        """Why an option cannot be used at all: the model lacks it, or the engine does, so far."""
        row = self.family()
        if row is not None and (reason := row.lacks(info.applies_to)):
            return reason
        if words := waits(info.path, self.kind):
            return f"not in the engine yet: {words}"
        return None

    def default(self, info: OptionInfo, path: str) -> Any:
        """The default as it is here: by the deciding sibling, the family, the process type."""
        info = self.variant(info)
        row = self.family()
        if row is not None and row.arch in info.family_defaults:
            return info.family_defaults[row.arch]
        return plain(info.default)

    def variant(self, info: OptionInfo) -> OptionInfo:
        """The declaration that holds here: that of the chosen optimizer, schedule and so on."""
        if info.when is None or (decider := self.find(info.when[0])) is None:
            return info
        return under(info, self.effective(decider, info.when[0]))

    def effective(self, info: OptionInfo, path: str) -> Any:
        """The value that counts: the file's, else the default, else the inherited one."""
        value = self.value(path) if self.is_set(path) else self.default(info, path)
        if value is None and info.inherits:
            parent = self.find(info.inherits)
            return self.effective(parent, info.inherits) if parent else None
        return value

    def saved_value(self, path: str, info: OptionInfo) -> Any:
        """The value as last saved; its default where the file did not give it."""
        return self._saved.value(path) if self._saved.is_set(path) else self.default(info, path)

    def saved_section(self, path: str) -> Any:
        """A section or list as last saved; None where there was none."""
        return self._saved.value(path) if self._saved.is_set(path) else None

    def edited(self, path: str) -> bool:
        """Whether the field differs from what was saved last."""
        self._refresh()
        if (known := self._edited.get(path)) is None:
            now, before = self._given(path), self._before.get(path, self)
            if before is self:
                before = self._before[path] = _written(self._saved, path)
            known = self._edited[path] = type(now) is not type(before) or bool(now != before)
        return known

    @property
    def unsaved(self) -> bool:
        """Whether the text differs from the saved one."""
        return self.document.text() != self._saved.text()

    @property
    def saved_text(self) -> str:
        """The text as read from disk, or as last saved."""
        return self._saved.text()

    @property
    def name(self) -> str:
        """What the title calls it."""
        return self.path.name if self.path else "new config"

    def family(self) -> FamilyRow | None:
        """The model family that the config names."""
        if "family" not in self._cache:
            model = self.value("model")
            self._cache["family"] = family(arch_of(model if isinstance(model, dict) else {}))
        return self._cache["family"]

    def exists_now(self, info: OptionInfo, path: str) -> bool:
        """Whether the option exists under the present optimizer, schedule and so on."""
        if info.when is None:
            return True
        decider = self.find(info.when[0])
        return decider is None or self.effective(decider, info.when[0]) in info.when[1]

    def not_applicable(self, info: OptionInfo, path: str) -> str | None:
        """Why the option does nothing right now, in words; None when it counts."""
        if reason := self.beyond(info):
            return reason
        for condition in info.requires:
            if reason := self._unmet(condition, path):
                return reason
        return None

    def _unmet(self, condition: str, path: str) -> str | None:
        unmet = []
        for need in needs(condition):
            info = find(need.path)
            here = need.path.replace("[]", path[path.find("[") : path.find("]") + 1], 1)
            if "[]" in here:
                return None
            value = self.effective(info, here) if info is not None else self.value(here)
            if need.met(value):
                return None
            label = info.label.lower() if info is not None else need.path
            unmet.append(label if need.value is None else f"{label} = {need.value}")
        return f"needs {' or '.join(unmet)}"

    # -- editing -------------------------------------------------------------------------------

    def set(self, path: str, value: Any) -> None:
        """Writes a value into the document; one step of undo.

        Raises:
            ConfigError: the text is no YAML that can be edited.
        """
        self.stop_trial(keep=False)
        self._forget_files(path)
        self.document.set(path, value)
        self.revision += 1

    def reset(self, path: str) -> None:
        """Takes an option out of the file, so that its default counts; one step of undo."""
        self.stop_trial(keep=False)
        self.document.unset(path)
        self.revision += 1

    def change(self, edit: Callable[[Document], object]) -> None:
        """Any other edit of the document: inserting, removing, a whole new text."""
        self.stop_trial(keep=False)
        edit(self.document)
        self.revision += 1

    def attempt(self, path: str, value: Any) -> None:
        """Shows how a half-typed value would do; replaced by the next attempt or `stop_trial`."""
        self._take_back()
        self._forget_files(path)
        steps = len(self.document.history())
        self.document.set(path, value)
        self._trial = len(self.document.history()) > steps
        self.revision += 1

    def _forget_files(self, path: str) -> None:
        """What the files said about a value that is being replaced is no longer true."""
        self.file_findings = [finding for finding in self.file_findings if finding.path != path]

    def stop_trial(self, *, keep: bool) -> None:
        """Ends the attempts: the last one stays, or everything is as before."""
        if not keep:
            self._take_back()
        self._trial = False

    def _take_back(self) -> None:
        if self._trial:
            self.document.undo()
            self._trial = False
            self.revision += 1

    def undo(self) -> str | None:
        """One step back; its name, None when there is none."""
        self.stop_trial(keep=False)
        name = self.document.undo()
        self.revision += 1
        return name

    def redo(self) -> str | None:
        """One step forth; its name, None when there is none."""
        name = self.document.redo()
        self.revision += 1
        return name

    # -- files ---------------------------------------------------------------------------------

    def save(self, path: Path | None = None) -> Path:
        """Writes the file and forgets the autosaved copy.

        Raises:
            ValueError: there is no path.
            OSError: it cannot be written.
        """
        target = path or self.path
        if target is None:
            raise ValueError("no file name")
        self.document.save(target)
        self.forget_autosaved()
        self.path, self.on_disk = target, True
        self._saved, self._before = Document.parse(self.document.text()), {}
        self.revision += 1
        return target

    def changed_on_disk(self) -> bool:
        """Whether somebody else has written the file since it was read or saved here."""
        if self.path is None or not self.on_disk:
            return False
        try:
            return Document.load(self.path).text() != self._saved.text()
        except OSError:
            return False

    @property
    def autosave_file(self) -> Path:
        """Where the unsaved copy lies."""
        name = str(self.path.resolve()) if self.path else "new config"
        digest = hashlib.sha256(name.encode()).hexdigest()[:16]
        return state_dir() / "drafts" / f"{digest}.yaml"

    def autosave(self) -> bool:
        """Keeps the unsaved text; false where nothing can be written."""
        file = self.autosave_file
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(file, self.document.text())
        except OSError:
            return False
        return True

    def autosaved(self) -> tuple[str, float] | None:
        """Text and time of an unsaved copy that is newer than the file and differs from it."""
        try:
            written = self.autosave_file.stat().st_mtime
            text = Document.load(self.autosave_file).text()
            older = self.on_disk and self.path is not None and self.path.stat().st_mtime > written
        except OSError:
            return None
        return None if older or text == self.saved_text else (text, written)

    def restore(self, text: str) -> None:
        """The unsaved copy becomes the document; what was saved stays the base of the marks."""
        self.change(lambda document: document.replace_text(text, name="restore unsaved edits"))

    def forget_autosaved(self) -> None:
        """Removes the unsaved copy."""
        self.autosave_file.unlink(missing_ok=True)


def _written(document: Document, path: str) -> Any:
    """The value in the file or `_ABSENT`, without asking the document for what is not there."""
    value = document.raw
    for key in _keys(path):
        in_list = isinstance(value, list) and isinstance(key, int) and key < len(value)
        if in_list or (isinstance(value, dict) and key in value):
            value = value[key]
        else:
            # Perhaps under an older name, which the document knows.
            older = find(path)
            spelled = older is not None and older.aliases and document.is_set(path)
            return document.value(path) if spelled else _ABSENT
    return value


@lru_cache(8192)
def _keys(path: str) -> tuple[Any, ...]:
    return absolute(path)


def _kind(document: Document) -> str:
    """The process type; the general trainer's for a missing or unknown one."""
    info, value = find("type"), _written(document, "type")
    if info is None or not isinstance(value, str):
        return GENERAL
    value = info.synonyms.get(value, value)
    return value if value in (info.choices or (GENERAL,)) else GENERAL
