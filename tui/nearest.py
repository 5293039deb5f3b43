"""The nearest colour of a terminal's palette, by perceived distance.

Rich's own conversion to 256 colours turns dark greys into navy; this filter does it before Rich
sees the colour. At 16 colours it maps to the standard sixteen.
"""

from __future__ import annotations

from functools import lru_cache

from rich.color import Color as RichColor
from rich.color_triplet import ColorTriplet
from rich.palette import Palette
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

from tui.terminal import Depth

STANDARD = (
    (0, 0, 0), (170, 0, 0), (0, 170, 0), (170, 85, 0), (0, 0, 170), (170, 0, 170), (0, 170, 170),
    (170, 170, 170), (85, 85, 85), (255, 85, 85), (85, 255, 85), (255, 255, 85), (85, 85, 255),
    (255, 85, 255), (85, 255, 255), (255, 255, 255),
)  # fmt: skip
LEVELS = (0, 95, 135, 175, 215, 255)
CUBE = [(red, green, blue) for red in LEVELS for green in LEVELS for blue in LEVELS]
GREYS = [(level, level, level) for level in range(8, 248, 10)]
PALETTES = {"16": Palette(STANDARD), "256": Palette(CUBE + GREYS)}
FIRST = {"16": 0, "256": 16}  # slots 0-15 are the user's own colours: never a match at 256


@lru_cache(4096)
def nearest(color: tuple[int, int, int], depth: Depth) -> int:
    """The number of the palette colour that looks most like `color`."""
    return FIRST[depth] + PALETTES[depth].match(color)


def shown_as(color: tuple[int, int, int], depth: Depth) -> tuple[int, int, int]:
    """The RGB that a terminal of that depth shows for `color`."""
    if depth not in PALETTES:
        return color
    palette = STANDARD if depth == "16" else (*STANDARD, *CUBE, *GREYS)
    return palette[nearest(color, depth)]


@lru_cache(4096)
def _matched(style: Style, depth: Depth) -> Style:
    return style + Style(color=_slot(style.color, depth), bgcolor=_slot(style.bgcolor, depth))


def _slot(color: RichColor | None, depth: Depth) -> RichColor | None:
    triplet: ColorTriplet | None = color.triplet if color is not None else None
    return None if triplet is None else RichColor.from_ansi(nearest(tuple(triplet), depth))


class NearestColors(LineFilter):
    """Replaces RGB colours by the nearest of the terminal's palette."""

    def __init__(self, depth: Depth) -> None:
        super().__init__(enabled=depth in PALETTES)
        self.depth: Depth = depth

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same segments in palette colours."""
        depth = self.depth
        return [
            Segment(text, _matched(style, depth) if style else style, control)
            for text, style, control in segments
        ]
