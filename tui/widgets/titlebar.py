"""The first line: what is open at the left, the views with their digits at the right."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from rich.cells import cell_len

from tui.theme import Look
from tui.widgets.lines import OneLine, Piece, clip, spread

if TYPE_CHECKING:
    from tui.app import FineTuiApp
    from tui.views.frame import View

TABS = (("1", "config"), ("2", "launch"), ("3", "run"), ("4", "samples"), ("5", "jobs"))


class TitleBar(OneLine):
    """Draws the view's title and, where there is room, the tabs."""

    ON = "panel"
    can_focus = False

    def __init__(self) -> None:
        super().__init__(id="title")
        self._tabs_shown = ""

    def pieces(self, look: Look, width: int) -> list[Piece]:
        """Title at the left; tabs at the right, or digits only, or nothing when it is narrow."""
        fill = look.style("foreground", "panel")
        title = [
            (text, look.style(color, "panel", bold=color == "primary"))
            for text, color in cast("View", self.screen).title_pieces()
        ]
        here = cast("FineTuiApp", self.app).current_mode
        full = self._tabs(look, here, words=True)
        short = self._tabs(look, here, words=False)
        used = sum(cell_len(text) for text, _ in title)
        for name, tabs in (("full", full), ("short", short)):
            if used + sum(cell_len(text) for text, _ in tabs) + 2 <= width:
                self._note(name)
                return spread(title, tabs, width, fill)
        self._note("none")
        return _clipped(title, width)

    def _note(self, tabs: str) -> None:
        """A view may repaint only the cells of its own words: other tabs need the whole line."""
        if self._tabs_shown not in ("", tabs):
            self.call_later(self.refresh)
        self._tabs_shown = tabs

    def _tabs(self, look: Look, here: str, *, words: bool) -> list[Piece]:
        out: list[Piece] = []
        for digit, mode in TABS:
            active = mode == here
            name = f" {mode}" if words or active else ""
            style = look.style("primary", "panel", bold=True, underline=True)
            if not active:
                style = look.style("muted", "panel")
            out += [(f"{digit}{name}", style), (" ", look.style("foreground", "panel"))]
        return out


def _clipped(pieces: list[Piece], width: int) -> list[Piece]:
    out: list[Piece] = []
    for text, style in pieces:
        out.append((clip(text, width), style))
        width -= cell_len(text)
        if width <= 0:
            break
    return out
