"""The pictures of the guided set-up: looked at in a thread while their folder is being typed.

A folder on a sleeping disk must not stop the keys: what was seen comes when it comes, and counts
only for the folder that is still meant.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from textual.timer import Timer

from schema.advice import Pictures
from schema.advice.pictures import look
from tui import guided
from tui.form.editors import LineEditor
from tui.threads import hand_over

if TYPE_CHECKING:
    from tui.views.wizard import WizardView

QUIET = 0.3
"""Seconds without a key before a folder is looked at."""


class PictureFolder:
    """The folder that is meant, and what was seen in it."""

    def __init__(self, view: WizardView) -> None:
        self.view = view
        self.seen: Pictures | None = None
        self._timer: Timer | None = None

    def typed(self, text: str) -> None:
        """Looks when it has been quiet for a moment."""
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.view.set_timer(QUIET, lambda: self.look(text))

    def kept(self, text: str) -> str:
        """The folder as it is kept; it is looked at now unless that was done."""
        folder = plain(text)
        if self.seen is None or self.seen.folder != folder:
            self.look(folder)
        return folder

    def look(self, text: str) -> None:
        """Looks at a folder in a thread; relative ones count from where the file will lie."""
        view, folder = self.view, plain(text)

        def work() -> None:
            found = look(view.base / Path(folder).expanduser()) if folder else None
            named = replace(found, folder=folder) if found is not None else None
            hand_over(view.app, self._looked, folder, named)

        view.run_worker(work, thread=True, exclusive=True, group="pictures")

    def _looked(self, folder: str, found: Pictures | None) -> None:
        view = self.view
        if not view.is_shown:
            return
        question = view.question
        editor = view.panel.editor
        typing = question is not None and question.name == "folder" and editor is not None
        if folder != plain(editor.text if typing and editor is not None else view.answers.folder):
            return
        before = guided.suggested_trigger(view.answers, self.seen)
        self.seen = found
        about_word = question is not None and question.name == "trigger"
        if about_word and isinstance(editor, LineEditor) and editor.text == before:
            # suggested before the pictures were seen
            editor.replace(guided.suggested_trigger(view.answers, found))
        view.show_words() if view.asking else view.show()


def plain(text: str) -> str:
    """A typed folder without the slash that completion leaves at its end."""
    bare = text.strip()
    return bare.rstrip("/") or bare[:1]
