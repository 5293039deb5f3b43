"""The first noise of a micro-batch, drawn per item and keyed by its slot within the step."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor

from engine.example import Example
from engine.noise import spread
from engine.randomness import batch_normal


class TrainingNoise:
    """Standard normal noise per item, keyed by its slot within the step."""

    def __init__(self, seed: int, offset: float = 0.0) -> None:
        """`offset` shifts the noise of every item and channel by a normal number times it."""
        self._seed = seed
        self._offset = offset if abs(offset) >= 1e-6 else 0.0

    def __call__(self, example: Example) -> Tensor:
        """Noise like the latents, on their device."""
        latents = example.latents
        return example.put(self.draw(example.number, example.batch.slots, latents.shape[1:]))

    def draw(self, step: int, slots: Sequence[int], shape: Sequence[int]) -> Tensor:
        """(B, *shape), float32 on the CPU; `shape` is one item's, channels first."""
        noise = batch_normal(self._seed, step, slots, "noise", shape)
        if self._offset:
            per_channel = (shape[0], *[1] * (len(shape) - 1))
            noise += self._offset * batch_normal(
                self._seed, step, slots, "noise offset", per_channel
            )
        return noise


class PairedNoise:
    """Of several noises per item the one that lies closest to its latents (Li et al. 2024).

    Closest by the mean squared distance. The first candidate is the plain noise of the slot.
    """

    def __init__(self, seed: int, samples: int) -> None:
        self._seed, self._samples = seed, samples

    def __call__(self, example: Example) -> Tensor:
        """Noise like the latents, on their device; nothing is read back to choose it."""
        clean = example.latents.float()
        best = self._candidate(example, 0)
        best_B = _distance(best, clean)
        for number in range(1, self._samples):
            noise = self._candidate(example, number)
            distance_B = _distance(noise, clean)
            best = torch.where(spread(distance_B < best_B, best).bool(), noise, best)
            best_B = torch.minimum(distance_B, best_B)
        return best

    def _candidate(self, example: Example, number: int) -> Tensor:
        purpose = f"noise pairing {number}" if number else "noise"
        slots, shape = example.batch.slots, example.latents.shape[1:]
        return example.put(batch_normal(self._seed, example.number, slots, purpose, shape))


def _distance(noise: Tensor, clean: Tensor) -> Tensor:
    """Mean squared distance per item, (B,)."""
    return (noise.float() - clean).pow(2).flatten(1).mean(1)


class ConsistentNoise:
    """Noise that belongs to the picture: the same in every epoch and every run.

    Seeded by the lowest 32 bits of the md5 of its path, with `_fx` or `_fy` behind it where it is
    mirrored, so that ai-toolkit's noise of the same file is the same; drawn in float32 on the CPU.
    """

    def __call__(self, example: Example) -> Tensor:
        """Noise like the latents, on their device."""
        shape = example.latents.shape[1:]
        return example.put(torch.stack([self.draw(name, shape) for name in example.batch.pictures]))

    @staticmethod
    def draw(name: str, shape: Sequence[int]) -> Tensor:
        """One item's noise, float32 on the CPU; `name` is its path with the signs of mirroring."""
        digest = hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()
        seeded = torch.Generator().manual_seed(int(digest, 16) & 0xFFFFFFFF)
        return torch.randn(tuple(shape), generator=seeded)
