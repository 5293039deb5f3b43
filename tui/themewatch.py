"""The colours in use: giving the app another theme, and following the user's file while it is
edited.

A broken file leaves the colours as they were and says which line is wrong.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tui.settings import theme_folder
from tui.theme import Look, ThemeError

if TYPE_CHECKING:
    from tui.app import FineTuiApp

EVERY = 1.0
"""Seconds between two looks at the theme's file: one call of the system, nothing is drawn."""


def give(app: FineTuiApp, look: Look) -> None:
    """Draws everything in these colours from now on."""
    app.look = look
    app.register_theme(look.textual())
    app.theme = look.name
    app.refresh_css(animate=False)  # a theme of the same name with other colours counts too
    for widget in app.screen.walk_children():
        widget.refresh()


class ThemeWatch:
    """Notices that the user's file of the theme in use was written."""

    def __init__(self, app: FineTuiApp) -> None:
        self.app = app
        self._seen = self._state()

    def start(self) -> None:
        """Looks from time to time."""
        self.app.set_interval(EVERY, self.look, name="theme file")

    def _file(self) -> Path:
        return theme_folder() / f"{self.app.look.name}.yaml"

    def _state(self) -> tuple[str, float, int] | None:
        """The file, its time and size; None for a theme that is not the user's."""
        try:
            state = self._file().stat()
        except OSError:
            return None
        return str(self._file()), state.st_mtime, state.st_size

    def look(self) -> None:
        """Takes the colours over where the file is another one than before."""
        before, self._seen = self._seen, self._state()
        if self._seen is None or self._seen == before:
            return
        same_file = before is not None and before[0] == self._seen[0]
        if before is not None and not same_file:
            return  # another theme was chosen, which has been read just now
        try:
            give(self.app, self.app.read_look(self.app.look.name))
        except ThemeError as error:
            self.app.say(str(error), "error")
            return
        self.app.say(f"theme {self.app.look.name} read again", "success")
