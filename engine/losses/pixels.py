"""Losses on decoded pictures, with the gradient going back through the VAE."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from engine.example import Example
from engine.losses.elements import ElementLoss
from engine.noise import NoiseTable, spread
from engine.randomness import integer

Watcher = Callable[[Example, Tensor], None]
"""Is given the decoded pictures of every step, (B, 3, H, W) on the device."""


def pixelspace(example: Example) -> Tensor:
    """Squared differences between the decoded clean estimate and the picture, (B, 3, H, W).

    The picture is the batch's own, or decoded from the clean latents where only these are there.
    """
    decoded = example.kit.family.decode_latents(example.estimate)
    return (decoded - picture(example)) ** 2


def picture(example: Example) -> Tensor:
    """What a decoded prediction is compared with, float32 pixels (B, 3, H, W)."""
    pixels = example.batch.pixels_BCHW
    if pixels is not None:
        return example.kit.accelerator.put(pixels, torch.float32)
    with torch.no_grad():
        return example.kit.family.decode_latents(example.latents)


class Turbo:
    """One big step, judged by its pixels: from level j to a random cleaner level e.

    x_e = x_j + (sigma_e - sigma_j) eps', eps' the noise that the prediction stands for; what noise
    is left, sigma_e eps, is subtracted and the result decoded with gradient. Euler's formula on the
    noise levels of the variance-exploding form; e is uniform among the levels from j on.
    """

    def __init__(self, loss: ElementLoss, show: Watcher | None = None) -> None:
        self._loss, self._show = loss, show

    def __call__(self, example: Example) -> Tensor:
        """Per element of the pictures, (B, 3, H, W)."""
        decoded = example.kit.family.decode_latents(self.landed(example))
        if self._show is not None:
            self._show(example, decoded.detach())
        return self._loss(decoded, picture(example))

    def landed(self, example: Example) -> Tensor:
        """The clean latents as seen from where the step ends."""
        table = example.kit.table
        assert isinstance(table, NoiseTable), "a rule refuses turbo training without one"
        clean = table.x0(example.noisy.float(), example.prediction, example.t_B)
        predicted = table.eps(example.noisy.float(), example.prediction, example.t_B)
        # In the exploding form x_e = x_0' + sigma_e eps', wherever the step came from.
        left = spread(table.sigma(self._levels(example)), clean)
        return clean + left * (predicted - example.noise.float())

    def _levels(self, example: Example) -> Tensor:
        """A timestep per item between its own and 0, both included (B,)."""
        seed, step = example.kit.seed, example.number
        drawn = [
            integer(seed, step, slot, "turbo level", 0, int(t))
            for slot, t in zip(example.batch.slots, example.drawn, strict=True)
        ]
        return example.kit.accelerator.put(torch.tensor(drawn))
