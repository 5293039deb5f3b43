"""Training a random part of the weights at a time: gradients and updates for the rest are off.

Every step shuffles all trained tensors and turns them on one by one until their elements would
reach the wished share; the tensor that reaches it stays off, but never all of them. A share of 1
trains everything. Only optimizers that skip a tensor without a gradient can be used.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from engine.randomness import shuffled


class ParameterSwapping:
    """Chooses the trained tensors of a step, from the seed and the step alone."""

    def __init__(self, parameters: Sequence[nn.Parameter], share: float, seed: int) -> None:
        self._parameters, self._share, self._seed = list(parameters), share, seed
        self._total = sum(parameter.numel() for parameter in self._parameters)

    def __call__(self, step: int) -> None:
        """Turn gradients on for the tensors of this step, off for the others."""
        budget, count = self._share * self._total, 0
        order = shuffled(self._seed, step, "parameter swapping", range(len(self._parameters)))
        active: set[int] = set()
        for index in order:
            count += self._parameters[index].numel()
            if self._share < 1 and count >= budget:
                break
            active.add(index)
        active = active or {order[0]}
        for index, parameter in enumerate(self._parameters):
            parameter.requires_grad_(index in active)
            if index not in active:
                parameter.grad = None
