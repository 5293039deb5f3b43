"""Changes of the noise before it is mixed in. What is mixed in is also what has to be predicted.

In the order of the step: blended blur, dynamic offset, differential noise, multiplier, signal
correction, batch correction, random shift, random multiplier. x_0 are the latents before their own
multiplier. "Per channel" means per item and channel, over every other axis.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from engine.changes.draws import normal_per_channel, uniform_per_item
from engine.example import Example
from engine.randomness import integer


def blended_blur(example: Example) -> None:
    """eps + r (blur(x_0) - x_0), r uniform in 0..2 per item.

    The blur shrinks to a quarter and enlarges again, bilinear. Latents (B, C, H, W) only.
    """
    clean = example.latents
    size = clean.shape[-2:]
    small = [max(1, side // 4) for side in size]
    shrunk = F.interpolate(clean, size=small, mode="bilinear", align_corners=False)
    blurred = F.interpolate(shrunk, size=size, mode="bilinear", align_corners=False)
    share = uniform_per_item(example, "blended blur", 0.0, 2.0)
    example.noise = example.noise + share * (blurred - clean)


def dynamic_offset(example: Example) -> None:
    """eps + mean(x_0) / 2 per channel; not on batches with a regularization picture."""
    if example.batch.regularizes:
        return
    axes = tuple(range(2, example.latents.ndim))
    example.noise = example.noise + example.latents.mean(axes, keepdim=True) / 2


def differential_noise(example: Example) -> None:
    """eps + (x_0 - x_0') / 2 and x_0 := x_0', the latents of the picture before augmentation."""
    plain = example.unaugmented
    example.noise = example.noise + (example.latents - plain) / 2
    example.latents = plain


class NoiseMultiplier:
    """eps * factor."""

    def __init__(self, factor: float) -> None:
        self._factor = factor

    def __call__(self, example: Example) -> None:
        """Scale the noise."""
        example.noise = example.noise * self._factor


class SignalCorrection:
    """eps + x_0 n scale, n normal per channel."""

    def __init__(self, scale: float) -> None:
        self._scale = scale

    def __call__(self, example: Example) -> None:
        """Mix a random amount of the picture into its noise."""
        n = normal_per_channel(example, "signal correction")
        example.noise = example.noise + example.latents * n * self._scale


class BatchCorrection:
    """eps + x_0' n scale, x_0' another item's latents, n normal per channel.

    The batch is turned by 1..B-1 places, the same for all items; a batch of one stays as it is.
    """

    def __init__(self, scale: float) -> None:
        self._scale = scale

    def __call__(self, example: Example) -> None:
        """Mix other pictures of the batch into the noise."""
        if len(example.latents) < 2:
            return
        last = len(example.latents) - 1
        places = integer(
            example.kit.seed, example.number, example.micro, "batch correction turn", 1, last
        )
        others = example.latents.roll(places, 0)
        n = normal_per_channel(example, "batch correction")
        example.noise = example.noise + others * n * self._scale


class RandomShift:
    """eps + v n, n normal per channel (and frame)."""

    def __init__(self, amount: float) -> None:
        self._amount = amount

    def __call__(self, example: Example) -> None:
        """Shift each channel by its own amount."""
        n = normal_per_channel(example, "noise shift", frames=True)
        example.noise = example.noise + self._amount * n


class RandomMultiplier:
    """eps exp(v n), n normal per channel (and frame): log-normal around 1."""

    def __init__(self, amount: float) -> None:
        self._amount = amount

    def __call__(self, example: Example) -> None:
        """Scale each channel by its own factor."""
        n = normal_per_channel(example, "noise multiplier", frames=True)
        example.noise = example.noise * torch.exp(self._amount * n)


class TargetNoiseMultiplier:
    """eps * factor in the target alone, after the noisy latents have been made."""

    def __init__(self, factor: float) -> None:
        self._factor = factor

    def __call__(self, example: Example) -> None:
        """Scale what stands for the noise from here on."""
        example.noise = example.noise * self._factor
