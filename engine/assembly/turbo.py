"""The pictures of turbo training, now and then, as files."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from engine.example import Example

EVERY = 50
"""Steps between two pictures: each waits for the device once."""


class TurboPictures:
    """Writes `turbo_<step>.png`: the decoded predictions of a micro-batch, side by side."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, example: Example, pixels_BCHW: Tensor) -> None:
        """At the first step and every fiftieth."""
        if example.micro or (example.number > 1 and example.number % EVERY):
            return
        from PIL import Image

        row = pixels_BCHW.clamp(-1, 1).add(1).mul(127.5).round().byte().cpu()
        strip = row.permute(2, 0, 3, 1).flatten(1, 2)  # (H, B * W, 3)
        self._folder.mkdir(parents=True, exist_ok=True)
        picture = Image.fromarray(strip.contiguous().numpy())
        picture.save(self._folder / f"turbo_{example.number:09d}.png")
