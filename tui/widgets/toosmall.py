"""What a terminal under 60x16 shows: a few plain lines, and under 40x8 what size is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.strip import Strip
from textual.widget import Widget

from tui.widgets.lines import clip, look_of, strip_of

if TYPE_CHECKING:
    from tui.views.frame import View

SMALLEST = (40, 8)
WANTED = (60, 16)


class TooSmall(Widget):
    """Plain text, still live: drawn from `View.plain_lines`."""

    DEFAULT_CSS = "TooSmall { width: 1fr; height: 1fr; }"
    can_focus = False

    def __init__(self) -> None:
        super().__init__(id="too-small")

    def render_line(self, y: int) -> Strip:
        """One plain line."""
        look, size = look_of(self), self.app.size
        lines = cast("View", self.screen).plain_lines()
        have = f"{size.width}x{size.height}"
        if size.width < SMALLEST[0] or size.height < SMALLEST[1]:
            lines = [f"need {SMALLEST[0]}x{SMALLEST[1]}, have {have}"]
        else:
            lines = [*lines, "", f"{WANTED[0]}x{WANTED[1]} shows the rest (now {have})", "^q quits"]
        text = lines[y] if y < len(lines) else ""
        fill = look.style("foreground")
        return strip_of([(clip(f" {text}", self.size.width), fill)], self.size.width, fill)
