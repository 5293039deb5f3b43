"""How much the loss at each noise level counts, for flow matching.

`timestep_type: weighted` has a measured curve, `linear_timesteps` a bell and `linear_timesteps2`
half of one (`schema.formulas.timesteps`).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from engine.example import Example
from engine.noise import spread
from schema.formulas.sigmas import STEPS


class LevelWeight:
    """Multiplies the element losses of every item by the weight of its noise level."""

    def __init__(self, weights: Sequence[float], device: torch.device | str) -> None:
        """`weights` at t = 1000, 999, ..., 1; between two of them the weight is a line."""
        self._weights = torch.tensor(weights, device=device)

    def of(self, t: Tensor) -> Tensor:
        """The weights of timesteps, float32, shaped like them."""
        last = len(self._weights) - 1
        place = (STEPS - t.float()).clamp(0, last)
        before = place.long()
        after = (before + 1).clamp(max=last)
        return torch.lerp(self._weights[before], self._weights[after], place - before)

    def __call__(self, example: Example, elements: Tensor) -> Tensor:
        """(B, ...) to (B, ...)."""
        return elements * spread(self.of(example.t_B), elements)
