"""The edited config: the document with its undo, the text on disk, and the autosaved copy.

The document itself, its comments and its findings belong to `schema.document`; this module knows
files and what the form asks: is this set, what is its default, was it changed since the last save.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from schema.catalogue import OptionInfo, find, plain, under
from schema.check import check_document
from schema.conditions import needs
from schema.document import Document
from schema.families import FamilyRow, arch_of, family
from schema.findings import Finding
from tui.autosave import Autosave
from tui.documents import ABSENT, came_or_went, changed_paths, kinds_of, lacking, written_value
from tui.form import places
from tui.form.entries import entry_info
from tui.form.layout import GENERAL, Layout, layout


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
        self.process = 0
        """The process of the job that the form edits."""
        self._kinds: list[str] = []
        self._families: dict[int, FamilyRow | None] = {}
        self._off: dict[tuple[int, str, str], str | None] = {}

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
        self._kinds, self._families, self._off = kinds_of(self.document), {}, {}
        self.process = min(self.process, max(0, len(self._kinds) - 1))
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
        starts = (f"{path}[", f"{path}.")
        inside = [f for at, found in self._by_path.items() if at.startswith(starts) for f in found]
        return [*own, *inside]

    def count(self, severity: str) -> int:
        """How many findings of that severity."""
        return sum(finding.severity == severity for finding in self.findings)

    def value(self, path: str) -> Any:
        """The value in the file; None where there is none."""
        value = self._given(path)
        return None if value is ABSENT else value

    def is_set(self, path: str) -> bool:
        """Whether the file gives the option."""
        return self._given(path) is not ABSENT

    def _given(self, path: str) -> Any:
        """The value in the file or `ABSENT`; asked some hundred times for every key press."""
        self._refresh()
        if (known := self._values.get(path, self)) is self:
            known = self._values[path] = written_value(self.document, path)
        return known

    @property
    def kinds(self) -> Sequence[str]:
        """The types of the job's processes; the general trainer's where one names none."""
        self._refresh()
        return self._kinds

    @property
    def kind(self) -> str:
        """The type of the process that is edited."""
        return self.kind_of(self.process)

    def kind_of(self, process: int) -> str:
        """The type of a process; the general trainer's for what is not there."""
        return self.kinds[process] if 0 <= process < len(self.kinds) else GENERAL

    def here(self, path: str) -> str:
        """A path relative to a process as one into the process that is edited."""
        return places.into(path, self.process)

    @contextmanager
    def visiting(self, process: int) -> Iterator[None]:
        """Reads another process for a moment, as if it were the one that is edited."""
        before, self.process = self.process, process
        try:
            yield
        finally:
            self.process = before

    @property
    def layout(self) -> Layout:
        """The options of this type of process, as the form sorts them."""
        return layout(self.kind)

    def find(self, path: str) -> OptionInfo | None:
        """The option at a path as the type of its process declares it; also a mapping's entry."""
        index = places.process_of(path)
        kinds = self.kinds or (GENERAL,)
        of = kinds if index == places.WHOLE else [self.kind_of(index)]
        info = next((known for kind in of if (known := find(path, kind)) is not None), None)
        if info is None and places.repeated_at(path) is not None:
            info = find(path)
        return info or entry_info(self, path)

    def beyond(self, info: OptionInfo, path: str = "") -> str | None:
        """Why an option cannot be used at all: the model lacks it, or the engine does, so far."""
        self._refresh()
        key = (self.process, info.path, path)
        if key not in self._off:
            self._off[key] = lacking(self.family(), info, self.kind, path)
        return self._off[key]

    def default(self, info: OptionInfo, path: str) -> Any:
        """The default as it is here: by the deciding sibling, the family, the process type."""
        info = self.variant(info, path)
        row = self.family()
        if row is not None and row.arch in info.family_defaults:
            return info.family_defaults[row.arch]
        return plain(info.default)

    def variant(self, info: OptionInfo, path: str) -> OptionInfo:
        """The declaration that holds here: that of the chosen optimizer, schedule and so on."""
        if info.when is None or (decider := self._beside(info.when[0], path)) is None:
            return info
        return under(info, self.effective(*decider))

    def _beside(self, other: str, path: str) -> tuple[OptionInfo, str] | None:
        """Another option and its path in the same process, item and repeated section as `path`."""
        info = find(other)
        return None if info is None else (info, places.beside(other, path))

    def effective(self, info: OptionInfo, path: str) -> Any:
        """The value that counts: the file's, else the default, else the inherited one."""
        value = self.value(path) if self.is_set(path) else self.default(info, path)
        if value is None and info.inherits:
            parent = self._beside(info.inherits, path)
            return self.effective(*parent) if parent else None
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
                before = self._before[path] = written_value(self._saved, path)
            known = self._edited[path] = type(now) is not type(before) or bool(now != before)
        return known

    def presence_changed(self, path: str) -> bool:
        """Whether a section came or went, or a list got longer or shorter, since the last save."""
        return came_or_went(self._given(path), written_value(self._saved, path))

    def changed_elsewhere(self) -> list[str]:
        """Paths that were changed in the other processes of the job."""
        return changed_paths(self.document, self._saved, but=self.process)

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
        """The model family that the process names."""
        self._refresh()
        if self.process not in self._families:
            model = self.value(self.here("model"))
            arch = arch_of(model if isinstance(model, dict) else {})
            self._families[self.process] = family(arch)
        return self._families[self.process]

    def exists_now(self, info: OptionInfo, path: str) -> bool:
        """Whether the option exists under the present optimizer, schedule and so on."""
        if info.when is None or (decider := self._beside(info.when[0], path)) is None:
            return True
        return self.effective(*decider) in info.when[1]

    def not_applicable(self, info: OptionInfo, path: str) -> str | None:
        """Why the option does nothing right now, in words; None when it counts."""
        if reason := self.beyond(info, path):
            return reason
        for condition in info.requires:
            if reason := self._unmet(condition, path):
                return reason
        return None

    def _unmet(self, condition: str, path: str) -> str | None:
        unmet = []
        for need in needs(condition):
            info, here = find(need.path), places.beside(need.path, path)
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
    def kept(self) -> Autosave:
        """The unsaved copy, with its undo history."""
        return Autosave.of(self.path)

    def autosave(self) -> bool:
        """Keeps the unsaved text and its history; false where nothing can be written."""
        return self.kept.write(self.document)

    def autosaved(self) -> tuple[str, float] | None:
        """Text and time of an unsaved copy that is newer than the file and differs from it."""
        return self.kept.read(self.path if self.on_disk else None, self.saved_text)

    def restore(self, text: str) -> int:
        """The unsaved copy becomes the document, its undo history comes back with it.

        What was saved stays the base of the marks. Returns the number of steps to undo.
        """
        self.stop_trial(keep=False)
        if not self.kept.give_history(self.document, text):
            self.document.replace_text(text, name="restore unsaved edits")
        self.revision += 1
        return len(self.document.history())

    def forget_autosaved(self) -> None:
        """Removes the unsaved copy."""
        self.kept.forget()
