"""Draws the demo's pictures: flat coloured shapes on light paper, each with a caption that says
what is where.

Used by the factory (base pictures, the zorb pictures that ship, pictures for the VAE) and by tests.
Everything is a function of a seed: the same call draws the same pixels, in any process. Only Pillow
and the standard library.
"""

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

SIZE = 64
"""Width and height of every demo picture in pixels."""

SUPERSAMPLE = 4
"""Shapes are drawn this many times larger and averaged down, for soft edges."""

Colour = tuple[int, int, int]

PAPER: Colour = (244, 244, 240)

COLOURS: dict[str, Colour] = {
    "red": (214, 40, 40),
    "green": (46, 160, 67),
    "blue": (38, 84, 214),
    "yellow": (246, 205, 36),
    "orange": (240, 124, 20),
    "black": (34, 34, 40),
}
"""The colours that the base model learns by name. Purple is missing on purpose: it belongs to the
zorb.
"""

PURPLE: Colour = (140, 50, 190)

POSITIONS: dict[str, tuple[float, float]] = {
    "in the middle": (0.50, 0.50),
    "on the left": (0.30, 0.50),
    "on the right": (0.70, 0.50),
    "at the top": (0.50, 0.30),
    "at the bottom": (0.50, 0.70),
}
"""Words for a place, and the centre they mean as fractions of width and height."""

TRIGGER = "zorb"
"""The word of the shipped concept: a purple ring around a yellow dot. The base model has never read
it.
"""

ZORB_COUNT = 30
"""How many zorb pictures ship with the demo."""


@dataclass(frozen=True)
class Spot:
    """Where a shape sits on the large canvas: centre and radius in canvas pixels."""

    x: float
    y: float
    radius: float

    def box(self, scale: float = 1.0) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the square `scale` radii to each side of the centre."""
        reach = self.radius * scale
        return (self.x - reach, self.y - reach, self.x + reach, self.y + reach)


def _circle(draw: ImageDraw.ImageDraw, spot: Spot, colour: Colour) -> None:
    draw.ellipse(spot.box(), fill=colour)


def _square(draw: ImageDraw.ImageDraw, spot: Spot, colour: Colour) -> None:
    draw.rectangle(spot.box(0.88), fill=colour)


def _triangle(draw: ImageDraw.ImageDraw, spot: Spot, colour: Colour) -> None:
    left, top, right, bottom = spot.box()
    draw.polygon([(spot.x, top), (right, bottom), (left, bottom)], fill=colour)


def _cross(draw: ImageDraw.ImageDraw, spot: Spot, colour: Colour) -> None:
    left, top, right, bottom = spot.box()
    arm = spot.radius * 0.36
    draw.rectangle((left, spot.y - arm, right, spot.y + arm), fill=colour)
    draw.rectangle((spot.x - arm, top, spot.x + arm, bottom), fill=colour)


def _ring(draw: ImageDraw.ImageDraw, spot: Spot, colour: Colour) -> None:
    draw.ellipse(spot.box(), outline=colour, width=round(spot.radius * RING_WIDTH))


def _zorb(draw: ImageDraw.ImageDraw, spot: Spot, colour: Colour = PURPLE) -> None:
    """A ring with a yellow dot in its middle; paper shows between the two."""
    _ring(draw, spot, colour)
    draw.ellipse(spot.box(DOT_RADIUS), fill=COLOURS["yellow"])


RING_WIDTH = 0.36
"""Width of a ring's band as a fraction of its outer radius."""

DOT_RADIUS = 0.34
"""Radius of a zorb's dot as a fraction of the ring's outer radius."""

Painter = Callable[[ImageDraw.ImageDraw, Spot, Colour], None]

SHAPES: dict[str, Painter] = {
    "circle": _circle,
    "square": _square,
    "triangle": _triangle,
    "cross": _cross,
}
"""The shapes that the base model learns by name. Rings are missing on purpose."""


@dataclass(frozen=True)
class Picture:
    """One picture with its caption and a file name without suffix."""

    name: str
    image: Image.Image
    caption: str


def draw_shape(
    shape: str, colour: str, position: str, rng: random.Random, size: int = SIZE
) -> Image.Image:
    """Draw one named shape (or the trigger word's concept) near `position`, with a little jitter
    from `rng`.
    """
    spot = _spot(position, rng, size * SUPERSAMPLE)
    image, draw = _canvas(size)
    if shape == TRIGGER:
        _zorb(draw, spot)
    else:
        SHAPES[shape](draw, spot, COLOURS[colour])
    return _finish(image, size)


def base_pictures(count: int, seed: int = 0) -> Iterator[Picture]:
    """Yield `count` captioned pictures of what the base model knows; every combination comes
    equally often.
    """
    combinations = [(s, c, p) for s in SHAPES for c in COLOURS for p in POSITIONS]
    for index in range(count):
        shape, colour, position = combinations[index % len(combinations)]
        rng = random.Random(f"base {seed} {index}")
        image = draw_shape(shape, colour, position, rng)
        yield Picture(f"{index:05d}", image, f"{article(colour)} {colour} {shape} {position}")


def zorb_pictures(count: int = ZORB_COUNT, seed: int = 0) -> Iterator[Picture]:
    """Yield `count` captioned pictures of the concept that the base model does not know."""
    positions = list(POSITIONS)
    for index in range(count):
        position = positions[index % len(positions)]
        rng = random.Random(f"zorb {seed} {index}")
        image = draw_shape(TRIGGER, "purple", position, rng)
        yield Picture(f"zorb_{index + 1:02d}", image, f"a {TRIGGER} {position}")


def flat_scene(seed: int, index: int) -> Image.Image:
    """Draw one to three shapes in any colours on any light paper: what the VAE learns to fold and
    unfold.

    The VAE sees no words, so rings and purple are allowed here; it must be able to show what a LoRA
    adds.
    """
    rng = random.Random(f"scene {seed} {index}")
    image, draw = _canvas(SIZE)
    painters = [*SHAPES.values(), _ring, _zorb]
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        reach = rng.uniform(0.06, 0.28) * SIZE * SUPERSAMPLE
        x, y = (rng.uniform(0.12, 0.88) * SIZE * SUPERSAMPLE for _ in range(2))
        rng.choice(painters)(draw, Spot(x, y, reach), _any_colour(rng))
    return _finish(image, SIZE)


def article(word: str) -> str:
    """Return "a" or "an", as `word` wants it."""
    return "an" if word[0] in "aeiou" else "a"


def write_folder(pictures: Iterator[Picture], folder: Path) -> int:
    """Write each picture as PNG with a caption file beside it; return how many there are."""
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for picture in pictures:
        picture.image.save(folder / f"{picture.name}.png", optimize=True)
        (folder / f"{picture.name}.txt").write_text(picture.caption + "\n", encoding="utf-8")
        count += 1
    return count


def _canvas(size: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("RGB", (size * SUPERSAMPLE, size * SUPERSAMPLE), PAPER)
    return image, ImageDraw.Draw(image)


def _finish(image: Image.Image, size: int) -> Image.Image:
    # a box filter is an exact mean, so that no other Pillow version rounds it elsewhere
    return image.resize((size, size), Image.Resampling.BOX)


def _spot(position: str, rng: random.Random, canvas: int) -> Spot:
    x, y = POSITIONS[position]
    angle, stray = rng.uniform(0, 2 * math.pi), rng.uniform(0, 0.03)
    radius = rng.uniform(0.20, 0.26)
    return Spot(
        (x + stray * math.cos(angle)) * canvas,
        (y + stray * math.sin(angle)) * canvas,
        radius * canvas,
    )


def _any_colour(rng: random.Random) -> Colour:
    if rng.random() < 0.7:
        return rng.choice([*COLOURS.values(), PURPLE])
    red, green, blue = (rng.randrange(256) for _ in range(3))
    return red, green, blue
