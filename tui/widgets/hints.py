"""The last line: the keys that do something here, as many as fit, each clickable."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from rich.cells import cell_len
from textual import events

from tui.keys import Key, shown
from tui.theme import Look
from tui.widgets.lines import OneLine, Piece

if TYPE_CHECKING:
    from tui.views.frame import View


def fitting(rows: list[Key], width: int) -> list[Key]:
    """The rows that fit into `width`, dropping the highest ranks first, order kept."""
    kept: set[str] = set()
    room = width - 1
    for row in sorted(rows, key=lambda row: row.rank):
        if (need := cell_len(f"{shown(row.key)} {row.hint}  ")) <= room + 2:
            kept.add(row.id)
            room -= need
    return [row for row in rows if row.id in kept]


class KeyHints(OneLine):
    """Draws `View.hints()`; keys with a reason not to work are dim."""

    ON = "panel"
    can_focus = False

    def __init__(self) -> None:
        super().__init__(id="hints")
        self._places: list[tuple[int, int, Key]] = []

    def pieces(self, look: Look, width: int) -> list[Piece]:
        """Key in colour, word in text colour, two spaces between."""
        view = cast("View", self.screen)
        out: list[Piece] = [(" ", look.style("foreground", "panel"))]
        self._places, x = [], 1
        for row in fitting(view.hints(), width):
            off = view.why_not(row.id) is not None
            key, words = shown(row.key), f" {row.hint}  "
            out.append((key, look.style("muted" if off else "primary", "panel", bold=not off)))
            out.append((words, look.style("muted" if off else "foreground", "panel")))
            end = x + cell_len(key + words)
            self._places.append((x, end - 2, row))
            x = end
        return out

    async def on_click(self, event: events.Click) -> None:
        """Clicking a hint does what its key does."""
        for start, end, row in self._places:
            if start <= event.x < end:
                await cast("View", self.screen).run_key(row)
                return
