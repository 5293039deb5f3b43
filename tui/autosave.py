"""The unsaved copy of a config: its text and its undo history, kept where a crash cannot reach.

Two files a config in the state folder: the text as it would be saved, and the history as
`schema.edit_log` packs it. The text alone is enough; a history that is missing, broken or of
another text is left aside.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from schema import edit_log
from schema.atomic import write_atomic
from schema.document import Document
from schema.home import state_dir


@dataclass(frozen=True)
class Autosave:
    """The two files of one config."""

    file: Path

    @classmethod
    def of(cls, config: Path | None) -> Autosave:
        """The copy of a config file; all configs without a file share one."""
        name = str(config.resolve()) if config else "new config"
        digest = hashlib.sha256(name.encode()).hexdigest()[:16]
        return cls(state_dir() / "drafts" / f"{digest}.yaml")

    @property
    def history(self) -> Path:
        """Where the undo history lies."""
        return self.file.with_suffix(".undo.json")

    def write(self, document: Document) -> bool:
        """Keeps text and history; false where nothing can be written."""
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            # The history names the text it belongs to, so the order of the two does not matter.
            write_atomic(self.history, json.dumps(edit_log.packed(document)))
            write_atomic(self.file, document.text())
        except OSError:
            return False
        return True

    def read(self, config: Path | None, saved_text: str) -> tuple[str, float] | None:
        """Text and time of a copy that is newer than the config's file and differs from it."""
        try:
            written = self.file.stat().st_mtime
            text = Document.load(self.file).text()
            older = config is not None and config.stat().st_mtime > written
        except OSError:
            return None
        return None if older or text == saved_text else (text, written)

    def give_history(self, document: Document, text: str) -> bool:
        """Turns `document` into the copy with its history; false where that is not to be had.

        A history that began at another text than the one on disk now stays usable: the steps are
        those of the copy.
        """
        copy = Document.parse(text)
        try:
            data = json.loads(self.history.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        if not edit_log.unpacked(copy, data):
            return False
        document.take_edits(*copy.edits)
        return True

    def forget(self) -> None:
        """Removes both."""
        self.file.unlink(missing_ok=True)
        self.history.unlink(missing_ok=True)
