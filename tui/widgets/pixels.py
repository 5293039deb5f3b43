"""The part of the app that draws pixels: which protocol, and sixel pictures after each frame.

Textual knows nothing of pixels, so a picture that sixel draws must be drawn again whenever one of
its cells is written. `PixelApp` therefore appends, to each frame that Textual sends, those pictures
whose cells the frame touched: in the same write, so that nothing flickers. It takes Textual's
private `_display` for that; were it gone, half blocks would remain.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from textual._compositor import ChopsUpdate, CompositorUpdate
from textual.app import App
from textual.errors import NoWidget
from textual.geometry import Region
from textual.screen import Screen

from tui import settings as user_settings
from tui.cellsize import Cell, asked_cell, kernel_cell, parse_cell
from tui.terminal import tmux_lacks_sixel
from tui.widgets.rows import Rows
from tui.widgets.sharp import Kitty, Sharp, Sixels, places

if TYPE_CHECKING:
    from rich.console import Console

SIXEL: Final = "sixel"
Span = tuple[int, int, int]
"""Row, first cell, and cell behind the last, that a frame writes."""


class WithPictures(CompositorUpdate):
    """A frame, and behind it the pictures that it damaged."""

    def __init__(self, frame: CompositorUpdate, screen: Screen[Any], sixels: Sixels) -> None:
        self._frame, self._screen, self._sixels = frame, screen, sixels

    def render_segments(self, console: Console) -> str:
        """All that is sent to the terminal."""
        written = self._frame.render_segments(console)
        spans = self._frame.spans if isinstance(self._frame, ChopsUpdate) else None
        return written + damaged(self._screen, self._sixels, spans)


def damaged(screen: Screen[Any], sixels: Sixels, spans: Sequence[Span] | None) -> str:
    """What draws the pictures that a frame has written over; None: it has written everything."""
    made = []
    for widget in screen.query(Rows):
        if not widget.display or not widget.region:
            continue
        at = widget.content_region
        for place in places(widget.rows):
            area = Region(at.x + place.x, at.y + place.y, place.columns, place.rows)
            if (spans is None or _touched(area, spans)) and _in_the_open(screen, widget, area):
                made.append(sixels.drawn_at(place, area.x, area.y))
    return "".join(made)


def _touched(area: Region, spans: Sequence[Span]) -> bool:
    return any(
        area.y <= y < area.bottom and start < area.right and end > area.x for y, start, end in spans
    )


def _in_the_open(screen: Screen[Any], widget: Rows, area: Region) -> bool:
    """Whether no panel covers the area; the last row is left out, where terminals would scroll."""
    if area.bottom >= screen.size.height or area.right > screen.size.width:
        return False
    try:
        return all(
            screen.get_widget_at(x, y)[0] is widget
            for y in range(area.y, area.bottom)
            for x in (area.x, area.x + area.width // 2, area.right - 1)
        )
    except NoWidget:
        return False


class PixelApp(App[int]):
    """An app whose pictures may be pixels, by the user's settings."""

    settings: user_settings.Settings
    _asked: Cell | None = None
    _troubled = False

    def run(self, *args: Any, **kwargs: Any) -> int | None:
        """Ask for the size of a cell, if it is needed and cannot be had otherwise; then run."""
        if self.settings.images == SIXEL and not self._lack and self.cell_pixels() is None:
            self._asked = asked_cell()
        return super().run(*args, **kwargs)

    def cell_pixels(self) -> Cell | None:
        """Pixels of a cell: as set, as the kernel knows, or as the terminal answered."""
        return parse_cell(self.settings.cell_pixels) or kernel_cell() or self._asked

    @cached_property
    def _lack(self) -> str:
        return tmux_lacks_sixel()

    @cached_property
    def _sixels(self) -> Sixels:
        return Sixels(lambda: self.cell_pixels() or (10, 20))

    @cached_property
    def _kitty(self) -> Kitty:
        return Kitty(self._send)

    @property
    def sharp(self) -> Sharp | None:
        """The protocol that the user turned on, if it works here."""
        match self.settings.images:
            case "kitty":
                return self._kitty
            case "sixel" if not self.why_not_sixel():
                return self._sixels
        return None

    def why_not_sixel(self) -> str:
        """Why sixel is not drawn here, in words; empty when it is."""
        if self._lack:
            return self._lack
        if self.cell_pixels() is None:
            return "the size of a cell is unknown: set `cell_pixels: 10x20` in settings.yaml"
        return ""

    def picture_trouble(self) -> str:
        """Why half blocks are drawn though the user wants sixel; told once."""
        if self.settings.images != SIXEL or self._troubled:
            return ""
        words = self.why_not_sixel()
        self._troubled = bool(words)
        return f"half blocks, not sixel: {words}" if words else ""

    def _send(self, sequence: str) -> None:
        """Write to the terminal between two frames: the output queue takes whole strings."""
        if self._driver is not None and self._running:
            self._driver.write(sequence)

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        """Send a frame, with the pictures that it damages behind it."""
        wanted = self.settings.images == SIXEL and bool(self._sixels)
        if wanted and isinstance(renderable, CompositorUpdate):
            renderable = WithPictures(renderable, screen, self._sixels)
        super()._display(screen, renderable)
