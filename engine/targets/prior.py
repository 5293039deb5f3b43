"""Targets that hold on to what the untrained model says: its answer itself, or its statistics."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.example import Example

TINY = 1e-5


def prior_target(example: Example) -> None:
    """y = p_0, the untrained model's answer, for the rows of sets that ask for it."""
    rows = example.batch.prior_reg
    if rows is None:
        return
    chosen_B = example.kit.accelerator.put(torch.tensor(rows))
    chosen = chosen_B.view(-1, *[1] * (example.target.ndim - 1))
    example.target = torch.where(chosen, example.prior, example.target)


class NormCorrection:
    """Bend the target so that mean and spread of the answers go back to the untrained model's.

    With mu_p, s_p those of the prediction and mu_0, s_0 those of the untrained model's answer, per
    item and channel: mu = mu_p + m (mu_0 - mu_p), s = s_p + m (s_0 - s_p), and
    y := (y - mu_p) / (s_p + 1e-5) (s + 1e-5) + mu. Not on batches with a regularization picture.
    """

    def __init__(self, strength: float) -> None:
        self._strength = strength

    def __call__(self, example: Example) -> None:
        """One more prediction, without the network."""
        if example.batch.regularizes:
            return
        spread, mean = _statistics(example.prediction.detach())
        prior_spread, prior_mean = _statistics(example.prior)
        wanted_mean = mean.lerp(prior_mean, self._strength)
        wanted = spread.lerp(prior_spread, self._strength)
        even = (example.target - mean) / (spread + TINY)
        example.target = even * (wanted + TINY) + wanted_mean


def _statistics(values: Tensor) -> tuple[Tensor, Tensor]:
    """Spread and mean per item and channel, (B, C, 1, 1)."""
    return torch.std_mean(values, tuple(range(2, values.ndim)), keepdim=True)
