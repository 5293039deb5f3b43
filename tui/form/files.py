"""The config as a file: saving, the autosaved copy and its offer, the editor outside, file checks.

Everything slow runs in a thread and comes back with the revision it looked at.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from textual.timer import Timer
from textual.worker import get_current_worker

from schema.document import Document
from schema.findings import Finding
from tui.form.acts import Act
from tui.form.listing import every_path
from tui.form.looks import Look
from tui.form.pathedit import path_words
from tui.threads import hand_over
from tui.widgets.statusline import Question

if TYPE_CHECKING:
    from tui.views.config import ConfigView

AUTOSAVE_AFTER = 2.0
"""Seconds from the last change to the autosaved copy and the look at the files."""


class Files:
    """Saving and what belongs to it."""

    def __init__(self, view: ConfigView) -> None:
        self.view = view
        self.looked = False
        self._timer: Timer | None = None
        self._autosaved_at: float | None = None
        self._pixels = ""

    def table(self) -> dict[str, Act]:
        """Acts by key id."""
        return {
            "save": self.save,
            "editor": self.outside_editor,
            "copy-value": self.copy_value,
            "copy-path": self.copy_path,
            "launch": self.launch,
        }

    def why_not(self, key_id: str) -> str | None:
        """Why an act does nothing now."""
        if key_id in ("copy-value", "copy-path") and self.view.row is None:
            return "no option here"
        if key_id == "editor" and not os.environ.get("VISUAL", os.environ.get("EDITOR")):
            return "set $EDITOR to your editor first"
        return None

    def resting(self) -> str:
        """What the status line says when nothing else is said."""
        if self._pixels:
            return self._pixels
        if self._autosaved_at is not None and self.view.draft.unsaved:
            at = time.strftime("%H:%M:%S", time.localtime(self._autosaved_at))
            return f"unsaved edits, kept safe at {at}"
        path = self.view.draft.path
        return str(path) if path else "not saved yet: ctrl+s"

    # -- autosave, restore ---------------------------------------------------------------------

    def opened(self) -> None:
        """Offers unsaved edits of an earlier session; looks at the files."""
        self.check()
        found = self.view.draft.autosaved()
        if found is None:
            return
        text, written = found
        at = time.strftime("%d %b %H:%M", time.localtime(written))
        self.view.ask(
            Question(
                f"Unsaved edits of {at}:",
                {
                    "r": ("restore", lambda: self._restore(text)),
                    "d": ("discard", self.view.draft.forget_autosaved),
                    "escape": ("ask again later", lambda: None),
                },
            )
        )

    def _restore(self, text: str) -> None:
        steps = self.view.draft.restore(text)
        self.view.refresh_form()
        undo = f", {steps} step{'s' if steps != 1 else ''} to undo" if steps > 1 else ""
        self.view.say(f"restored{undo}; d shows what is different from the file", "success")

    def touched(self) -> None:
        """After a change: the copy is written and the files are looked at when it is quiet."""
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.view.set_timer(AUTOSAVE_AFTER, self.flush)

    def flush(self) -> None:
        """Writes the copy now."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        draft = self.view.draft
        if not draft.unsaved:
            draft.forget_autosaved()
            self._autosaved_at = None
        elif draft.autosave():
            self._autosaved_at = time.time()
        self.check()
        self.view.redraw_frame()

    # -- files that the config names -----------------------------------------------------------

    def check(self) -> None:
        """Looks at models, folders and pictures in a thread; the findings join the others."""
        draft = self.view.draft
        text, file, base = draft.document.text(), str(draft.path or ""), self.view.base
        paths = [
            str(draft.value(path))
            for info, path in every_path(draft, draft.layout.options)
            if info.type == "path" and draft.is_set(path)
        ]

        def found(findings: list[Finding]) -> None:
            words = {value: path_words(value, base) for value in paths}
            hand_over(self.view.app, self._checked, text, findings, words)

        def progress(words: str) -> None:
            hand_over(self.view.app, self._reading, words)

        def look() -> None:
            worker = get_current_worker()
            Look(text, file, found, progress, lambda: worker.is_cancelled).run()

        self.view.run_worker(look, thread=True, exclusive=True, group="check", exit_on_error=False)

    def stop_reading(self) -> None:
        """Ends the reading of pixels; what was read is remembered, training reads the rest."""
        self.view.workers.cancel_group(self.view, "check")
        self._reading("")

    @property
    def reads(self) -> bool:
        """Whether pixels are being read, and have been for a while."""
        return bool(self._pixels)

    def _reading(self, words: str) -> None:
        self._pixels = words
        if self.view.is_mounted:
            self.view.redraw_frame()

    def _checked(self, text: str, found: list[Finding], words: dict[str, str]) -> None:
        draft = self.view.draft
        if not self.view.is_mounted or text != draft.document.text():
            return
        self.looked = True
        draft.set_file_findings(found, words)
        if not self.view.editing and self.view.panes.searching is None:
            self.view.refresh_form()

    # -- save ----------------------------------------------------------------------------------

    def save(self) -> bool:
        """Writes the file; asks first when somebody else has written it meanwhile."""
        draft = self.view.draft
        if draft.path is None:
            self.view.frame.open_palette("w ")
            return False
        if draft.changed_on_disk():
            self.view.ask(
                Question(
                    f"{draft.name} was changed on disk by somebody else.",
                    {
                        "w": ("write over it", lambda: self.write(draft.path)),
                        "o": ("open that version", self.reload),
                        "escape": ("leave it", lambda: None),
                    },
                )
            )
            return False
        return self.write(draft.path)

    def write(self, path: Path | None) -> bool:
        """Writes to a path, without asking."""
        draft = self.view.draft
        draft.stop_trial(keep=True)
        try:
            target = draft.save(path)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            self.view.say(f"not saved: {reason} ({path})", "error")
            return False
        self.view.frame.remember(target)
        self._autosaved_at = None
        self.view.refresh_form()
        errors = draft.count("error")
        rest = f", with {errors} error{'s' if errors > 1 else ''}" if errors else ""
        self.view.say(f"saved {target}{rest}", "warning" if errors else "success")
        return True

    def reload(self) -> None:
        """The version on disk becomes the text; undo brings the own one back."""
        draft = self.view.draft
        if draft.path is None:
            return
        text = Document.load(draft.path).text()
        draft.change(lambda document: document.replace_text(text, name="open the version on disk"))
        self.view.refresh_form()
        self.touched()

    def outside_editor(self) -> None:
        """The text in the user's editor, the app suspended; read again on return."""
        draft, view = self.view.draft, self.view
        command = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
        file = draft.kept.file.with_suffix(".edit.yaml")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(draft.document.text(), encoding="utf-8")
        line = draft.document.place(view.row.path)[0] if view.row and view.row.path else 1
        at_line = [f"+{line}"] if Path(command[0]).name in ("vi", "vim", "nvim", "nano") else []
        try:
            with view.app.suspend():
                code = subprocess.call([*command, *at_line, str(file)])
        except OSError as error:
            view.say(f"{command[0]}: {error.strerror}", "error")
            return
        text = Document.load(file).text()
        file.unlink(missing_ok=True)
        if code == 0 and text != draft.document.text():
            draft.change(lambda document: document.replace_text(text, name="edit in editor"))
            self.touched()
        view.refresh_form()

    # -- others --------------------------------------------------------------------------------

    def copy_value(self) -> None:
        """The value under the cursor into the clipboard."""
        row = self.view.row
        assert row is not None
        value = self.view.draft.effective(row.option, row.path) if row.option else row.value
        self.view.frame.copy_text(str(value))

    def copy_path(self) -> None:
        """The path of the option into the clipboard."""
        assert self.view.row is not None
        self.view.frame.copy_text(self.view.row.path)

    def launch(self) -> None:
        """To the launch view."""
        self.view.frame.action_view("launch")
