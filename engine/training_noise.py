"""The first noise of a micro-batch, drawn per item and keyed by its slot within the step."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from engine.example import Example
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
