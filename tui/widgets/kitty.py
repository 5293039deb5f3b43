"""Sharp pictures through the Kitty graphics protocol, where the user turned them on.

A picture is sent once under a number; what stands on the screen are ordinary cells, each holding a
placeholder character whose accents name a row and a column of the picture and whose colour names
the picture. So Textual, tmux and scrolling move it as they move text, and a repaint costs no
picture data. Works in kitty and ghostty; inside tmux with `allow-passthrough on`. Nothing is asked
of the terminal: over a slow link an answer would arrive as key presses.

Protocol: https://sw.kovidgoyal.net/kitty/graphics-protocol/ (Unicode placeholders).
"""

from __future__ import annotations

import base64
import io
import itertools
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from tui.widgets.rows import Row

if TYPE_CHECKING:
    from PIL.Image import Image

PLACEHOLDER: Final = "\U0010eeee"
CHUNK: Final = 4096
CELL_PIXELS: Final = (10, 20)
"""Pixels sent for a cell: enough for most fonts; the terminal scales."""
FIRST_NUMBER, LAST_NUMBER = 16, 255
"""Picture numbers that one palette colour can name, so that 256 colours suffice."""
# The protocol's own table of accents for row and column numbers (rowcolumn-diacritics.txt): its
# first 120 entries, so larger pictures are cut to 120 cells.
_CODES: Final = (
    "0305030D030E03100312033D033E033F0346034A034B034C0350035103520357035B036303640365"
    "0366036703680369036A036B036C036D036E036F0483048404850486048705920593059405950597"
    "05980599059C059D059E059F05A005A105A805A905AB05AC05AF05C4061006110612061306140615"
    "06160617065706580659065A065B065D065E06D606D706D806D906DA06DB06DC06DF06E006E106E2"
    "06E406E706E806EB06EC07300732073307350736073A073D073F074007410743074507470749074A"
    "07EB07EC07ED07EE07EF07F007F107F30816081708180819081B081C081D081E081F082008210822"
)
ACCENTS: Final = "".join(chr(int(_CODES[at : at + 4], 16)) for at in range(0, len(_CODES), 4))
_numbers = itertools.cycle(range(FIRST_NUMBER, LAST_NUMBER + 1))


def next_number() -> int:
    """A number for a picture; the oldest are given out again."""
    return next(_numbers)


def transmit(
    image: Image, number: int, columns: int, rows: int, environ: Mapping[str, str] | None = None
) -> str:
    """The escape sequences that send a picture, to be shown in a box of so many cells."""
    width, height = columns * CELL_PIXELS[0], rows * CELL_PIXELS[1]
    small = image.copy()
    small.thumbnail((width, height))
    file = io.BytesIO()
    small.save(file, "PNG")
    data = base64.standard_b64encode(file.getvalue()).decode()
    pieces = [data[at : at + CHUNK] for at in range(0, len(data), CHUNK)]
    # q=2: the terminal answers nothing, not even errors.
    first = f"a=T,U=1,i={number},f=100,q=2,c={columns},r={rows}"
    made = []
    for at, piece in enumerate(pieces):
        more = 0 if at == len(pieces) - 1 else 1
        keys = f"{first},m={more}" if at == 0 else f"q=2,m={more}"
        made.append(_wrapped(f"\x1b_G{keys};{piece}\x1b\\", environ))
    return "".join(made)


def forget(number: int, environ: Mapping[str, str] | None = None) -> str:
    """The escape sequence that frees a picture in the terminal."""
    return _wrapped(f"\x1b_Ga=d,d=I,i={number},q=2\x1b\\", environ)


def cells(number: int, columns: int, rows: int) -> list[Row]:
    """The rows of placeholder cells that show a picture."""
    columns, rows = min(columns, len(ACCENTS)), min(rows, len(ACCENTS))
    role = f"color({number})"
    return [
        (("".join(PLACEHOLDER + ACCENTS[y] + ACCENTS[x] for x in range(columns)), role),)
        for y in range(rows)
    ]


def number_of(role: str) -> int | None:
    """The picture that a cell of this colour belongs to."""
    inside = role.removeprefix("color(").removesuffix(")")
    return int(inside) if inside != role and inside.isdigit() else None


def _wrapped(sequence: str, environ: Mapping[str, str] | None) -> str:
    """Inside tmux a sequence for the terminal outside is wrapped, its escapes doubled."""
    if not (os.environ if environ is None else environ).get("TMUX"):
        return sequence
    doubled = sequence.replace("\x1b", "\x1b\x1b")
    return f"\x1bPtmux;{doubled}\x1b\\"
