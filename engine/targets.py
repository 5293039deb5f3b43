"""Weights by noise level: from the losses of the items to losses that count as they should.

What is off is absent: without a weighting option nothing is multiplied.
"""

from __future__ import annotations

import torch
from torch import Tensor

from engine.example import Example
from engine.noise import NoiseTable
from schema.formulas.snr import min_snr_weight


class MinSnr:
    """min(gamma / SNR(t), 1), looked up from one table that is computed once (Hang et al. 2023)."""

    def __init__(self, table: NoiseTable, gamma: float) -> None:
        snr = table.snr_table
        self._weights_T = torch.tensor(
            [min_snr_weight(value, gamma) for value in snr.tolist()], device=snr.device
        )

    def __call__(self, example: Example, loss_B: Tensor) -> Tensor:
        """The losses, weighed."""
        return loss_B * self._weights_T[example.t_B]
