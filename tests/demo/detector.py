"""Finds shapes of known colour in a 64 x 64 picture: the judge of the demo's tests. Only numpy and
Pillow.

Colours are unmixed, not matched: a pixel belongs to a colour when it lies on the line from paper to
that colour, past the middle. So soft edges count half in, half out, and areas come out right.
Shapes are judged by overlap with masks that are computed here, not with the generator's drawings,
so that a fault of the generator cannot vouch for itself.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Mask = NDArray[np.bool_]

PAPER = np.array([244, 244, 240], dtype=np.float64)
INKS = {
    "red": (214, 40, 40),
    "green": (46, 160, 67),
    "blue": (38, 84, 214),
    "yellow": (246, 205, 36),
    "orange": (240, 124, 20),
    "black": (34, 34, 40),
    "purple": (140, 50, 190),
}
MAX_OFF_LINE = 48.0
"""How far in RGB a pixel may lie from its colour's line to paper; further off is no known colour.
"""


@dataclass(frozen=True)
class Found:
    """One shape: its colour, its name and its centre as fractions of width and height."""

    colour: str
    shape: str
    x: float
    y: float


@dataclass(frozen=True)
class Inks:
    """The picture split: one mask per known colour, and everything that is not paper."""

    by_colour: dict[str, Mask]
    any: Mask


def split_inks(image: Image.Image) -> Inks:
    """Give each pixel to paper, to the one colour on whose line it lies, or to no colour at all."""
    pixels = np.asarray(image.convert("RGB"), dtype=np.float64) - PAPER
    off_line, amount = [], []
    for ink in INKS.values():
        line = np.array(ink, dtype=np.float64) - PAPER
        share = pixels @ line / (line @ line)
        off_line.append(np.linalg.norm(pixels - share[..., None] * line, axis=-1))
        amount.append(share)
    nearest = np.argmin(off_line, axis=0)
    shares = np.take_along_axis(np.array(amount), nearest[None], 0)[0]
    on_line = np.min(off_line, axis=0) <= MAX_OFF_LINE
    known = on_line & (shares >= 0.5) & (shares <= 1.4)
    stray = ~on_line & (np.linalg.norm(pixels, axis=-1) > 60)
    masks = {name: known & (nearest == index) for index, name in enumerate(INKS)}
    return Inks(masks, known | stray)


def find_shape(image: Image.Image) -> Found | None:
    """Return the one flat shape of the picture, or None when there is not exactly one, clean and of
    one colour.
    """
    inks = split_inks(image)
    if inks.any.sum() < 80:
        return None
    colour, mask = max(inks.by_colour.items(), key=lambda item: int(item[1].sum()))
    if mask.sum() < 0.85 * inks.any.sum():
        return None
    templates = _flat_templates(_Frame.around(mask))
    scores = sorted(((_overlap(mask, t), name) for name, t in templates.items()), reverse=True)
    (best, shape), (second, _) = scores[:2]
    frame = _Frame.around(mask)
    if best < 0.80 or best - second < 0.04 or not 0.75 <= frame.width / frame.height <= 1.33:
        return None
    return Found(colour, shape, *frame.centre())


def find_zorb(image: Image.Image) -> Found | None:
    """Return the zorb of the picture: exactly one purple ring, paper inside it, a yellow dot in its
    middle, nothing else.
    """
    inks = split_inks(image)
    purple, yellow = inks.by_colour["purple"], inks.by_colour["yellow"]
    if purple.sum() < 80 or yellow.sum() < 12:
        return None
    frame = _Frame.around(purple)
    size = max(frame.width, frame.height)
    if not 0.8 <= frame.width / frame.height <= 1.25 or not 18 <= size <= 42:
        return None
    distance = frame.distance()
    ring, dot = (distance <= 1.0) & (distance >= 0.64), distance <= 0.34
    judgements = (
        _overlap(purple, ring) >= 0.70,
        _overlap(yellow, dot) >= 0.45,
        (yellow & (distance > 0.6)).sum() <= 0.2 * dot.sum(),
        (inks.any & (distance > 1.15)).sum() <= 0.06 * ring.sum(),
        _overlap(inks.any, ring | dot) >= 0.70,
    )
    return Found("purple", "zorb", *frame.centre()) if all(judgements) else None


@dataclass(frozen=True)
class _Frame:
    """The smallest upright box around a mask, in pixels."""

    left: int
    top: int
    width: int
    height: int
    canvas: tuple[int, int]

    @classmethod
    def around(cls, mask: Mask) -> "_Frame":
        """Box the rows and columns that hold at least two pixels of the mask: a lone speck does not
        stretch it.
        """
        rows, columns = np.flatnonzero(mask.sum(1) >= 2), np.flatnonzero(mask.sum(0) >= 2)
        if not len(rows) or not len(columns):
            return cls(0, 0, 1, 1, mask.shape)
        width, height = int(columns[-1] - columns[0]) + 1, int(rows[-1] - rows[0]) + 1
        return cls(int(columns[0]), int(rows[0]), width, height, mask.shape)

    def centre(self) -> tuple[float, float]:
        """Centre as fractions of the canvas' width and height."""
        rows, columns = self.canvas
        return (self.left + self.width / 2) / columns, (self.top + self.height / 2) / rows

    def grid(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Coordinates of every pixel's centre, -1 to 1 across the box."""
        rows, columns = self.canvas
        x = (np.arange(columns) + 0.5 - self.left) / self.width * 2 - 1
        y = (np.arange(rows) + 0.5 - self.top) / self.height * 2 - 1
        return x[None, :] + 0 * y[:, None], y[:, None] + 0 * x[None, :]

    def distance(self) -> NDArray[np.float64]:
        """Distance of every pixel from the centre, 1.0 on the ellipse that touches the sides."""
        return np.hypot(*self.grid())


def _flat_templates(frame: _Frame) -> dict[str, Mask]:
    x, y = frame.grid()
    inside = (abs(x) <= 1) & (abs(y) <= 1)
    return {
        "circle": frame.distance() <= 1,
        "square": inside,
        "triangle": inside & (abs(x) <= (y + 1) / 2),
        "cross": inside & ((abs(x) <= 0.36) | (abs(y) <= 0.36)),
        "ring": (frame.distance() <= 1) & (frame.distance() >= 0.64),
    }


def _overlap(found: Mask, wanted: Mask) -> float:
    """Intersection over union."""
    return float((found & wanted).sum() / max(1, (found | wanted).sum()))
