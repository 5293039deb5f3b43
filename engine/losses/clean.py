"""Losses on the clean latents that a prediction stands for."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.example import Example
from engine.losses.elements import ElementLoss
from engine.noise import spread

STEP = 0.05
"""How much cleaner a small sampling step makes it, in noise levels."""
LAST = 0.001
"""The lowest noise level of the usual list."""
LOWEST_WEIGHED = 0.1
"""Below this noise level a weight of 1 / sigma^2 grows no further."""


def source_error(example: Example) -> Tensor:
    """(x_0' - x_0)^2 / sigma^2 per element, x_0' the clean estimate.

    For untouched noise this is the error of the noise itself, whatever the model predicts.
    """
    return _clean_error(example, example.latents)


def unaugmented_error(example: Example) -> Tensor:
    """The same towards the picture before augmentation: the model learns to undo it."""
    return _clean_error(example, example.unaugmented)


def _clean_error(example: Example, clean: Tensor) -> Tensor:
    sigma_B = example.kit.table.sigma(example.t_B)
    weight = spread(sigma_B.float() ** -2, example.estimate)
    return weight * (example.estimate - clean.float()) ** 2


def velocity_weight(example: Example) -> Tensor:
    """1 / max(sigma, 0.1)^2 per item (B,): errors of clean latents as if of velocities."""
    return example.kit.table.sigma(example.t_B).clamp(min=LOWEST_WEIGHED) ** -2


class CleanEstimate:
    """A loss between the clean estimate and the clean latents, in place of the target."""

    def __init__(self, loss: ElementLoss, *, as_velocity: bool) -> None:
        self._loss, self._as_velocity = loss, as_velocity

    def __call__(self, example: Example) -> Tensor:
        """Per element."""
        elements = self._loss(example.estimate, example.latents.float())
        if self._as_velocity:
            elements = elements * spread(velocity_weight(example), elements)
        return elements


def stepped(example: Example) -> Tensor:
    """Ten times the squared error of the clean latents seen from a slightly cleaner level.

    From x_t along the prediction to sigma' = sigma - 0.05; there x_0' = (x' - sigma' eps) /
    (1 - sigma'). Flow matching; after ai-toolkit.
    """
    prediction, noise = example.prediction, example.noise.float()
    sigma_B = example.kit.table.sigma(example.t_B)
    sigma = spread(sigma_B, prediction)
    cleaner = spread((sigma_B - STEP).clamp(min=LAST), prediction)
    arrived = example.noisy.float() + (cleaner - sigma) * prediction
    estimate = (arrived - cleaner * noise) / (1 - cleaner)
    return 10 * (estimate - example.latents.float()) ** 2


def wavelet(example: Example) -> Tensor:
    """Squared errors of the four Haar bands of eps - p against those of x_0, (B, 4C, H/2, W/2)."""
    estimate = example.noise.float() - example.prediction
    return (haar(estimate) - haar(example.latents.float())) ** 2


def haar(values: Tensor) -> Tensor:
    """One level of the orthonormal Haar transform over the last two axes, bands on the channels.

    Approximation, then horizontal, vertical and diagonal detail; odd sides get a zero line.
    """
    height, width = values.shape[-2:]
    values = F.pad(values, (0, width % 2, 0, height % 2))
    upper, lower = values[..., 0::2, :], values[..., 1::2, :]
    low, high = upper + lower, upper - lower
    bands = [
        low[..., 0::2] + low[..., 1::2],
        high[..., 0::2] + high[..., 1::2],
        low[..., 0::2] - low[..., 1::2],
        high[..., 0::2] - high[..., 1::2],
    ]
    return torch.cat(bands, dim=1) / 2
