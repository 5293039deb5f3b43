"""Pictures as sixel, the pixel format of the VT340 that xterm, foot, wezterm and mlterm draw.

A picture is cut into bands of six rows. For each colour of a band there is a line of characters,
one a column, whose six low bits say which of the six pixels have that colour. Python is quick
enough because nothing is done pixel by pixel: a band is compared with a colour by
`bytes.translate`, six rows become one line by shifting whole rows as one large number, and runs
are found by a regular expression.

Format: https://vt100.net/docs/vt3xx-gp/chapter14.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from PIL.Image import Image

BAND: Final = 6
COLOURS: Final = 256
EMPTY: Final = b"?"
"""The character of a column in which no pixel has the colour."""
_TO_TEXT: Final = bytes((value + 63) % 256 for value in range(256))
_RUN: Final = re.compile(rb"(.)\1{3,}", re.DOTALL)


def encode(image: Image, colours: int = COLOURS) -> str:
    """The escape sequence that draws an RGB picture at the cursor, pixel for pixel.

    Args:
        image: RGB; the terminal does not scale it.
        colours: size of the adaptive palette, at most 256.
    """
    indexed = _indexed(image, max(2, min(colours, COLOURS)))
    width, height = indexed.size
    pixels = indexed.tobytes()
    used = sorted(set(pixels))
    palette = indexed.getpalette() or []
    # 0;1: pixels that are not named keep what they show, so that an incomplete last band is cut.
    parts = [f'\x1bP0;1q"1;1;{width};{height}'.encode()]
    for colour in used:
        red, green, blue = (
            round(part * 100 / 255) for part in palette[3 * colour : 3 * colour + 3]
        )
        parts.append(f"#{colour};2;{red};{green};{blue}".encode())
    masks = {colour: bytes(colour) + b"\1" + bytes(255 - colour) for colour in used}
    bands = range(0, len(pixels), BAND * width)
    parts += [_band(pixels[at : at + BAND * width], width, masks) for at in bands]
    return b"".join([*parts, b"\x1b\\"]).decode("ascii")


def _indexed(image: Image, colours: int) -> Image:
    """The picture in colours of its own, dithered: previews are full of soft gradients.

    The octree is 20 times as fast as Pillow's median cut and no further from the picture.
    """
    from PIL.Image import Dither, Quantize

    palette = image.quantize(colours, Quantize.FASTOCTREE)
    return image.quantize(palette=palette, dither=Dither.FLOYDSTEINBERG)


def _band(pixels: bytes, width: int, masks: dict[int, bytes]) -> bytes:
    """Six rows of pixels: a line for each colour, `$` back to the left, `-` on to the next six."""
    lines = []
    for colour in sorted(set(pixels)):
        same = pixels.translate(masks[colour])
        bits = 0
        for row in range(len(pixels) // width):
            bits |= int.from_bytes(same[row * width : (row + 1) * width], "little") << row
        line = bits.to_bytes(width, "little").translate(_TO_TEXT).rstrip(EMPTY)
        lines.append(b"#%d" % colour + _RUN.sub(_counted, line))
    return b"$".join(lines) + b"-"


def _counted(run: re.Match[bytes]) -> bytes:
    """A run of one character as `!`, how often, and the character."""
    return b"!%d%s" % (len(run[0]), run[1])
