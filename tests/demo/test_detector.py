"""The judge is judged first: it must find what is drawn, and nothing that merely resembles it."""

import math
import random
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from engine.demo import pictures
from tests.demo.detector import find_shape, find_zorb

YELLOW = pictures.COLOURS["yellow"]


def drawn(paint: Callable[[ImageDraw.ImageDraw], object]) -> Image.Image:
    """A demo-sized picture painted on a canvas of 256 pixels."""
    image = Image.new("RGB", (256, 256), pictures.PAPER)
    paint(ImageDraw.Draw(image))
    return image.resize((64, 64), Image.Resampling.BOX)


def ring(draw: ImageDraw.ImageDraw, colour: pictures.Colour, x: int = 128, r: int = 60) -> None:
    draw.ellipse((x - r, 128 - r, x + r, 128 + r), outline=colour, width=round(r * 0.36))


def dot(draw: ImageDraw.ImageDraw, colour: pictures.Colour, x: int = 128, r: int = 21) -> None:
    draw.ellipse((x - r, 128 - r, x + r, 128 + r), fill=colour)


def purple_ring_yellow_dot(draw: ImageDraw.ImageDraw) -> None:
    ring(draw, pictures.PURPLE)
    dot(draw, YELLOW)


def two_zorbs(draw: ImageDraw.ImageDraw) -> None:
    for x in (60, 190):
        ring(draw, pictures.PURPLE, x, 45)
        dot(draw, YELLOW, x, 15)


def purple_disc_yellow_dot(draw: ImageDraw.ImageDraw) -> None:
    dot(draw, pictures.PURPLE, r=60)
    dot(draw, YELLOW)


def purple_frame_yellow_dot(draw: ImageDraw.ImageDraw) -> None:
    draw.rectangle((68, 68, 188, 188), outline=pictures.PURPLE, width=22)
    dot(draw, YELLOW)


def purple_ring_yellow_square(draw: ImageDraw.ImageDraw) -> None:
    ring(draw, pictures.PURPLE)
    draw.rectangle((98, 98, 158, 158), fill=YELLOW)


def half_a_ring(draw: ImageDraw.ImageDraw) -> None:
    draw.arc((68, 68, 188, 188), 0, 200, fill=pictures.PURPLE, width=22)
    dot(draw, YELLOW)


def zorb_beside_a_disc(draw: ImageDraw.ImageDraw) -> None:
    ring(draw, pictures.PURPLE, 80)
    dot(draw, YELLOW, 80)
    dot(draw, pictures.COLOURS["red"], 200, 25)


NOT_ZORBS: dict[str, Callable[[ImageDraw.ImageDraw], object]] = {
    "nothing": lambda draw: None,
    "a blue ring": lambda draw: (ring(draw, pictures.COLOURS["blue"]), dot(draw, YELLOW)),
    "a red ring": lambda draw: (ring(draw, pictures.COLOURS["red"]), dot(draw, YELLOW)),
    "colours swapped": lambda draw: (ring(draw, YELLOW), dot(draw, pictures.PURPLE)),
    "no dot": lambda draw: ring(draw, pictures.PURPLE),
    "an orange dot": lambda draw: (
        ring(draw, pictures.PURPLE),
        dot(draw, pictures.COLOURS["orange"]),
    ),
    "a dot outside": lambda draw: (ring(draw, pictures.PURPLE, 90), dot(draw, YELLOW, 200)),
    "a dot off the middle": lambda draw: (ring(draw, pictures.PURPLE), dot(draw, YELLOW, 152, 16)),
    "a tiny one": lambda draw: (ring(draw, pictures.PURPLE, r=24), dot(draw, YELLOW, r=8)),
    "no ring": lambda draw: dot(draw, YELLOW),
    "two zorbs": two_zorbs,
    "a disc": purple_disc_yellow_dot,
    "a square frame": purple_frame_yellow_dot,
    "a square dot": purple_ring_yellow_square,
    "half a ring": half_a_ring,
    "a zorb and something else": zorb_beside_a_disc,
}


def test_finds_the_zorb_in_every_picture_that_ships() -> None:
    for picture in pictures.zorb_pictures():
        found = find_zorb(picture.image)
        assert found is not None, picture.name
        wanted = pictures.POSITIONS[picture.caption.removeprefix("a zorb ")]
        assert math.dist((found.x, found.y), wanted) < 0.06, picture.caption


def test_finds_a_zorb_that_the_generator_did_not_draw() -> None:
    assert find_zorb(drawn(purple_ring_yellow_dot)) is not None


@pytest.mark.parametrize("name", NOT_ZORBS)
def test_refuses_what_is_not_a_zorb(name: str) -> None:
    assert find_zorb(drawn(NOT_ZORBS[name])) is None


def test_sees_no_zorb_in_what_the_base_model_knows() -> None:
    assert not any(find_zorb(picture.image) for picture in pictures.base_pictures(120))


def test_sees_nothing_in_noise() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    assert find_zorb(Image.fromarray(noise)) is None
    assert find_shape(Image.fromarray(noise)) is None


def test_a_zorb_survives_blur_and_grain_but_not_a_smear() -> None:
    clean = drawn(purple_ring_yellow_dot)
    grain = np.random.default_rng(1).normal(0, 8, (64, 64, 3))
    grainy = np.clip(np.asarray(clean, dtype=np.float64) + grain, 0, 255).astype(np.uint8)
    assert find_zorb(Image.fromarray(grainy).filter(ImageFilter.GaussianBlur(0.5))) is not None
    assert find_zorb(clean.filter(ImageFilter.GaussianBlur(5))) is None


def test_names_colour_shape_and_place_of_every_base_picture() -> None:
    for picture in pictures.base_pictures(240, seed=5):
        found = find_shape(picture.image)
        assert found is not None, picture.caption
        article, colour, shape, position = picture.caption.split(" ", 3)
        assert (found.colour, found.shape) == (colour, shape)
        assert article == pictures.article(colour)
        assert math.dist((found.x, found.y), pictures.POSITIONS[position]) < 0.06


@pytest.mark.parametrize(
    "wrong",
    [
        lambda draw: None,
        lambda draw: (dot(draw, YELLOW, 70, 30), dot(draw, YELLOW, 190, 30)),
        lambda draw: (dot(draw, YELLOW, r=60), dot(draw, pictures.COLOURS["red"], r=35)),
        lambda draw: draw.ellipse((100, 40, 156, 216), fill=YELLOW),
        lambda draw: draw.pieslice((68, 68, 188, 188), 0, 250, fill=YELLOW),
        lambda draw: dot(draw, (150, 150, 150), r=60),
    ],
    ids=["nothing", "two discs", "two colours", "an egg", "a bitten disc", "an unknown colour"],
)
def test_refuses_what_is_not_one_clean_shape(
    wrong: Callable[[ImageDraw.ImageDraw], object],
) -> None:
    assert find_shape(drawn(wrong)) is None


def test_a_purple_ring_is_called_a_ring() -> None:
    found = find_shape(drawn(lambda draw: ring(draw, pictures.PURPLE)))
    assert found is not None
    assert (found.colour, found.shape) == ("purple", "ring")


def test_the_zorb_is_no_flat_shape() -> None:
    rng = random.Random(3)
    image = pictures.draw_shape("zorb", "purple", "in the middle", rng)
    assert find_shape(image) is None
