"""A small drawing surface made of characters: braille dots, block quarters or plain ASCII.

The chart draws into it in dots; a cell shows the topmost layer that has a dot in it, wholly in that
layer's role, since a terminal cell has one foreground colour. So a smoothed line stays readable on
top of a filled band, also without colours: it appears as a thin line cut into the band.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tui.widgets.rows import Row, Span


@dataclass(frozen=True)
class DotSet:
    """How many dots a cell holds and which character shows which of them.

    `bits[row][column]` is the bit of that dot; `chars[mask]` the character of a set of dots.
    """

    name: str
    bits: tuple[tuple[int, ...], ...]
    chars: str | None

    @property
    def across(self) -> int:
        """Dots per cell, left to right."""
        return len(self.bits[0])

    @property
    def down(self) -> int:
        """Dots per cell, top to bottom."""
        return len(self.bits)

    def char(self, mask: int) -> str:
        """The character that shows exactly these dots."""
        return chr(0x2800 + mask) if self.chars is None else self.chars[mask]


BRAILLE: Final = DotSet(
    "braille", ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80)), chars=None
)
BLOCK: Final = DotSet("block", ((1, 2), (4, 8)), chars=" ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█")
ASCII: Final = DotSet("ascii", ((1,), (2,), (4,)), chars=" '-\"._:|")
DOT_SETS: Final[Mapping[str, DotSet]] = {s.name: s for s in (BRAILLE, BLOCK, ASCII)}


class Canvas:
    """`columns` x `rows` cells; dots are addressed from the top left."""

    def __init__(self, columns: int, rows: int, dots: DotSet = BRAILLE) -> None:
        """Start blank."""
        self.columns, self.rows, self.dots = max(0, columns), max(0, rows), dots
        self.width, self.height = self.columns * dots.across, self.rows * dots.down
        self._layers: dict[str, list[int]] = {}

    def _layer(self, role: str) -> list[int]:
        layer = self._layers.get(role)
        if layer is None:
            layer = self._layers[role] = [0] * (self.columns * self.rows)
        return layer

    def column(self, x: int, top: int, bottom: int, role: str) -> None:
        """Fill the dots of column `x` from `top` to `bottom`, both included."""
        if not 0 <= x < self.width:
            return
        top, bottom = max(0, min(top, bottom)), min(self.height - 1, max(top, bottom))
        cells, bits = self._layer(role), self.dots.bits
        down, bit_at = self.dots.down, x % self.dots.across
        cell_x = x // self.dots.across
        for y in range(top, bottom + 1):
            cells[(y // down) * self.columns + cell_x] |= bits[y % down][bit_at]

    def line(self, x0: int, y0: int, x1: int, y1: int, role: str) -> None:
        """A connected line between two dots, column by column."""
        if x1 <= x0:
            self.column(x0, y0, y1, role)
            return
        last = y0
        for x in range(x0, x1 + 1):
            y = y0 + round((y1 - y0) * (x - x0) / (x1 - x0))
            if abs(y - last) > 1:
                # Two neighbours meet half-way: a steep line has no gaps and no double width.
                middle = (last + y) // 2
                self.column(x - 1, last, middle, role)
                last = middle + (1 if y > last else 0)
            else:
                last = y
            self.column(x, last, y, role)
            last = y

    def draw(self) -> list[Row]:
        """The rows; layers were drawn bottom to top in the order of their first dot."""
        layers = list(self._layers.items())[::-1]
        rows: list[Row] = []
        for y in range(self.rows):
            spans: list[Span] = []
            text, role = "", ""
            for x in range(self.columns):
                at = y * self.columns + x
                char, owner = " ", role
                for name, cells in layers:
                    if cells[at]:
                        char, owner = self.dots.char(cells[at]), name
                        break
                if owner != role:
                    spans.append((text, role))
                    text, role = "", owner
                text += char
            spans.append((text, role))
            rows.append(tuple(span for span in spans if span[0]))
        return rows
