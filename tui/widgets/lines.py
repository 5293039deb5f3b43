"""One-line widgets drawn as strips: the base of the title, status and key-hint lines."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from tui.theme import Look

if TYPE_CHECKING:
    from tui.app import FineTuiApp

Piece = tuple[str, Style]


def look_of(widget: Widget) -> Look:
    """The theme in use, as Rich styles."""
    return cast("FineTuiApp", widget.app).look


def clip(text: str, width: int) -> str:
    """`text` in at most `width` cells, with an ellipsis where something was cut."""
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, max(0, width - 1)).rstrip() + "…" if width > 0 else ""


def clip_middle(text: str, width: int) -> str:
    """A path in at most `width` cells: the middle goes, start and file name stay."""
    if cell_len(text) <= width:
        return text
    tail = width * 2 // 3
    head = width - tail - 1
    return f"{text[:head]}…{text[-tail:]}" if head > 0 else clip(text, width)


def strip_of(pieces: Iterable[Piece], width: int, fill: Style) -> Strip:
    """Pieces of text as one strip of exactly `width` cells; `fill` shows through where they end."""
    strip = Strip([Segment(text, style) for text, style in pieces])
    return strip.adjust_cell_length(width, fill).apply_style(fill)


class OneLine(Widget):
    """A line that draws itself from pieces; it never takes the focus."""

    DEFAULT_CSS = "OneLine { height: 1; width: 1fr; }"
    ON = "background"

    def pieces(self, look: Look, width: int) -> list[Piece]:
        """What to draw, left to right."""
        raise NotImplementedError

    def render_line(self, y: int) -> Strip:
        """Draws the one line there is."""
        look, width = look_of(self), self.size.width
        return strip_of(self.pieces(look, width), width, look.style("foreground", self.ON))


def spread(left: list[Piece], right: list[Piece], width: int, fill: Style) -> list[Piece]:
    """Left pieces at the left end, right pieces at the right end; the right ones go first."""
    used = sum(cell_len(text) for text, _ in left)
    tail = sum(cell_len(text) for text, _ in right)
    if used + tail + 1 > width:
        return left
    return [*left, (" " * (width - used - tail), fill), *right]
