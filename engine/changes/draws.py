"""Random numbers per item for the changes of the step, each keyed by a purpose of its own."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.example import Example
from engine.noise import spread
from engine.randomness import batch_normal, uniform


def normal_per_channel(example: Example, purpose: str, *, frames: bool = False) -> Tensor:
    """Normal numbers (B, C, 1, 1), or (B, C, F, 1, 1) with `frames` where latents have frames."""
    latents = example.latents
    shape = [latents.shape[1], *[1] * (latents.ndim - 2)]
    if frames and latents.ndim == 5:
        shape[1] = latents.shape[2]
    drawn = batch_normal(example.kit.seed, example.number, example.batch.slots, purpose, shape)
    return example.put(drawn)


def uniform_per_item(example: Example, purpose: str, low: float, high: float) -> Tensor:
    """Uniform numbers in [low, high), (B, 1, ..., 1) like the latents."""
    seed, step = example.kit.seed, example.number
    drawn = [low + (high - low) * uniform(seed, step, s, purpose) for s in example.batch.slots]
    return spread(example.put(torch.tensor(drawn)), example.latents)
