"""Changes of the pictures before they are encoded, of the clean latents, and of the noisy ones."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.example import Example
from schema.families import FamilyRow

TINY = 1e-6


@dataclass(frozen=True)
class Statistics:
    """Mean and spread per channel of what a model was trained on, measured by ai-toolkit."""

    mean: tuple[float, ...]
    spread: tuple[float, ...]

    def standardize(self, values: Tensor) -> Tensor:
        """(v - mean(v)) / std(v) * spread + mean, per item and channel."""
        axes = tuple(range(2, values.ndim))
        shape = (1, -1, *[1] * len(axes))
        found_std, found_mean = torch.std_mean(values, axes, keepdim=True)
        spread, mean = (values.new_tensor(part).view(shape) for part in (self.spread, self.mean))
        return (values - found_mean) / (found_std + TINY) * spread + mean


XL_PIXELS = Statistics((0.0002, -0.1034, -0.1879), (0.5436, 0.5116, 0.5033))
PIXELS = Statistics((-0.0739, -0.1597, -0.2380), (0.5623, 0.5295, 0.5347))
XL_LATENTS = Statistics((-0.1075, 0.0231, -0.0135, 0.2164), (0.8979, 0.7505, 0.9150, 0.7451))
LATENTS = Statistics((0.2949, -0.3188, 0.0807, 0.1929), (0.8560, 0.9629, 0.7778, 0.6719))

_XL = ("small_latents", "second_text_encoder")
"""What SDXL and its smaller versions have in common."""


class StandardizeImages:
    """Every channel of every picture gets the mean and spread of the model's own pictures."""

    def __init__(self, row: FamilyRow) -> None:
        self._statistics = XL_PIXELS if row.can(_XL) else PIXELS

    def __call__(self, example: Example, pixels: Tensor) -> Tensor:
        """Pixels (B, 3, H, W), computed in float32."""
        return self._statistics.standardize(pixels.float()).to(pixels.dtype)


class Contrast:
    """I := clamp((I - m) f + m, -1, 1), m the mean over the batch; f below 1 lowers contrast.

    Not on batches with a regularization picture.
    """

    def __init__(self, factor: float) -> None:
        self._factor = min(max(factor, 0.0), 1.0)

    def __call__(self, example: Example, pixels: Tensor) -> Tensor:
        """Pixels (B, 3, H, W)."""
        if example.batch.regularizes:
            return pixels
        mean = pixels.float().mean().to(pixels.dtype)
        return ((pixels - mean) * self._factor + mean).clamp(-1, 1)


class StandardizeLatents:
    """Every channel of every item gets the mean and spread of the model's own latents."""

    def __init__(self, row: FamilyRow) -> None:
        self._statistics = XL_LATENTS if row.can(_XL) else LATENTS

    def __call__(self, example: Example) -> None:
        """Latents of 4 channels."""
        latents = example.latents
        example.latents = self._statistics.standardize(latents.float()).to(latents.dtype)


class LatentMultiplier:
    """x_0 * factor, after the noise has been prepared."""

    def __init__(self, factor: float) -> None:
        self._factor = factor

    def __call__(self, example: Example) -> None:
        """Scale the clean latents."""
        example.latents = example.latents * self._factor


def adaptive_scaling(example: Example) -> None:
    """x_0 / (std(x_0) + 1e-6) per item and channel; the mean stays where it is, scaled."""
    latents = example.latents
    axes = tuple(range(2, latents.ndim))
    spread = latents.float().std(axes, keepdim=True) + TINY
    example.latents = (latents.float() / spread).to(latents.dtype)


class NoisyMultiplier:
    """x_t * factor: the last change of the model's input; the target stays."""

    def __init__(self, factor: float) -> None:
        self._factor = factor

    def __call__(self, example: Example) -> None:
        """Scale the noisy latents."""
        example.noisy = example.noisy * self._factor
