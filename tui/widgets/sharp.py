"""Pictures in pixels: what the protocols have in common, and the two that the app speaks.

A `Sharp` turns a picture into rows of cells and sees to it that the terminal draws pixels there.
Views, the loader and its cache know nothing else of a protocol. With kitty the cells themselves
name the picture. With sixel the cells are half blocks, marked with the number of the picture, and
the pixels are drawn over them after each frame that touched one of them (`Sixels.after`); so
where the pixels cannot be drawn, half blocks are seen, and a cell that shows something else wipes
the pixels under it.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from rich.cells import cell_len

from tui.widgets import kitty, sixel
from tui.widgets.rows import Row, fit, row, width_of

if TYPE_CHECKING:
    from PIL.Image import Image

    from tui.cellsize import Cell

LARGEST_PIXELS: Final = 1000
"""xterm draws no sixel picture that is wider or taller, unless told to."""
_MARK: Final = "!px"


class Sharp(Protocol):
    """A way to draw pixels into cells; all methods may be called from any thread."""

    @property
    def cell(self) -> Cell:
        """Pixels of a cell; pictures must be drawn again when it changes."""

    def place(self, image: Image, columns: int, rows: int) -> list[Row]:
        """Rows, at most that many and wide, on which the RGB picture is seen."""

    def forget(self, rows: Sequence[Row]) -> None:
        """Free what was kept for rows made by `place`, which are not shown any more."""


def box(
    image: Image, columns: int, rows: int, cell: Cell, largest: tuple[int, int]
) -> tuple[int, int]:
    """Columns and rows, the picture's shape kept to the nearest cell, within two limits."""
    columns, rows = min(columns, largest[0]), min(rows, largest[1])
    scale = min(columns * cell[0] / image.width, rows * cell[1] / image.height)
    return (
        max(1, min(columns, round(image.width * scale / cell[0]))),
        max(1, min(rows, round(image.height * scale / cell[1]))),
    )


class Kitty:
    """The Kitty protocol: a picture is sent once, its cells are text."""

    cell = kitty.CELL_PIXELS

    def __init__(self, send: Callable[[str], object]) -> None:
        """`send` writes to the terminal, between two frames."""
        self._send = send

    def place(self, image: Image, columns: int, rows: int) -> list[Row]:
        """Send the picture; its cells."""
        most = len(kitty.ACCENTS)
        columns, rows = box(image, columns, rows, self.cell, (most, most))
        number = kitty.next_number()
        self._send(kitty.transmit(image, number, columns, rows))
        return kitty.cells(number, columns, rows)

    def forget(self, rows: Sequence[Row]) -> None:
        """Free the picture in the terminal."""
        for number in {kitty.number_of(role) for line in rows for _, role in line}:
            if number is not None:
                self._send(kitty.forget(number))


@dataclass(frozen=True)
class Place:
    """Where marked cells of a picture stand, in cells from the corner of their widget."""

    number: int
    x: int
    y: int
    columns: int
    rows: int


@dataclass(frozen=True)
class _Kept:
    """A picture as sixel, and the cells it fills."""

    sequence: str
    columns: int
    rows: int


class Sixels:
    """Sixel: pictures encoded by number, to be drawn over the half blocks that carry the number."""

    def __init__(self, cell: Callable[[], Cell]) -> None:
        """`cell` tells the present size of a cell in pixels."""
        self._cell = cell
        self._kept: dict[int, _Kept] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    @property
    def cell(self) -> Cell:
        """Pixels of a cell, as it is now."""
        return self._cell()

    def place(self, image: Image, columns: int, rows: int) -> list[Row]:
        """Encode the picture for exactly its cells; half blocks with its number on them."""
        from PIL.Image import Resampling

        from tui.widgets.thumbs import block_rows

        across, down = self.cell
        largest = (LARGEST_PIXELS // across, LARGEST_PIXELS // down)
        columns, rows = box(image, columns, rows, (across, down), largest)
        pixels = image.resize((columns * across, rows * down), Resampling.LANCZOS)
        with self._lock:
            number = next(self._numbers)
        self._kept[number] = _Kept(sixel.encode(pixels), columns, rows)
        small = image.resize((columns, rows * 2), Resampling.BOX)
        return block_rows(small, f"{_MARK}{number}")

    def forget(self, rows: Sequence[Row]) -> None:
        """Free the encoded picture."""
        for place in places(rows):
            self._kept.pop(place.number, None)

    def drawn_at(self, place: Place, x: int, y: int) -> str:
        """What draws the picture at a cell of the screen; nothing when not all of it shows."""
        kept = self._kept.get(place.number)
        if kept is None or (kept.columns, kept.rows) != (place.columns, place.rows):
            return ""
        return f"\x1b[{y + 1};{x + 1}H{kept.sequence}"

    def __bool__(self) -> bool:
        """Whether there is any picture."""
        return bool(self._kept)


def places(rows: Sequence[Row]) -> list[Place]:
    """The pictures whose marked cells are a full rectangle."""
    corners: dict[int, tuple[int, int]] = {}
    widths: dict[int, set[int]] = {}
    lines: dict[int, set[int]] = {}
    for y, line in enumerate(rows):
        x = 0
        ends: dict[int, tuple[int, int]] = {}
        for text, role in line:
            right = x + cell_len(text)
            _, mark, number = role.partition(_MARK)
            if mark:
                ends[int(number)] = (ends.get(int(number), (x, x))[0], right)
            x = right
        for found, (left, right) in ends.items():
            corners.setdefault(found, (left, y))
            lines.setdefault(found, set()).add(y)
            widths.setdefault(found, set()).update((right - left,))
    return [
        Place(number, *corners[number], max(widths[number]), len(lines[number]))
        for number in corners
        if len(widths[number]) == 1
    ]


def centred(rows: Sequence[Row], columns: int, height: int) -> list[Row]:
    """Rows of a picture in the middle of a block that is exactly `columns` x `height` cells."""
    left = " " * ((columns - max(map(width_of, rows), default=0)) // 2)
    made = [fit(row(left, *line), columns) for line in rows]
    return made + [fit((), columns)] * (height - len(made))
