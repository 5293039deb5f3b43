"""A dataset of thousands of real picture files of three kinds, nearly all whole, with captions."""

import random
from pathlib import Path

from PIL import Image

SIZES = ((512, 512), (640, 480), (480, 640), (768, 512), (1024, 1024))
EVERY_BROKEN = 500
"""One in so many pictures is cut off, and one in so many has no caption."""


def make_dataset(folder: Path, count: int) -> None:
    """Write `count` pictures (jpg, png, webp in turn) and their captions."""
    folder.mkdir(parents=True)
    dice = random.Random(0)
    drawn = {
        (suffix, at): _picture(folder, suffix, size)
        for suffix in ("jpg", "png", "webp")
        for at, size in enumerate(SIZES)
    }
    for number in range(count):
        suffix = ("jpg", "png", "webp")[number % 3]
        content = drawn[suffix, dice.randrange(len(SIZES))]
        if number % EVERY_BROKEN == 7:
            content = content[: len(content) // 2]
        (folder / f"{number:05}.{suffix}").write_bytes(content)
        if number % EVERY_BROKEN != 11:
            text = f"a photo of thing {number} on a table, soft light, {dice.random():.6f}"
            (folder / f"{number:05}.txt").write_text(text, encoding="utf-8")


def _picture(folder: Path, suffix: str, size: tuple[int, int]) -> bytes:
    path = folder / f"one.{suffix}"
    noise = Image.effect_noise((size[0] // 4, size[1] // 4), 60).resize(size)
    noise.convert("RGB").save(path)
    content = path.read_bytes()
    path.unlink()
    return content
