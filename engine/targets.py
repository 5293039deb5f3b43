"""From a batch of losses to one number: the weights that options put on items.

What is off is absent: without a weighting option the list is empty and nothing is multiplied.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from engine.noise import NoiseTable
from schema.formulas.snr import min_snr_weight

ItemWeight = Callable[[Tensor], Tensor]
"""From the timesteps (B,) to weights (B,), on their device."""


def min_snr(table: NoiseTable, gamma: float) -> ItemWeight:
    """min(gamma / SNR(t), 1), looked up from one table that is computed once."""
    snr = table.snr_table
    weights = torch.tensor(
        [min_snr_weight(value, gamma) for value in snr.tolist()], device=snr.device
    )
    return lambda t_B: weights[t_B]
