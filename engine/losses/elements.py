"""Losses per element of a prediction and its target."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

ElementLoss = Callable[[Tensor, Tensor], Tensor]
"""From prediction and target to a loss per element."""

HUBER_C = 0.01


def mse(prediction: Tensor, target: Tensor) -> Tensor:
    """(p - y)^2 per element."""
    return F.mse_loss(prediction, target, reduction="none")


def mae(prediction: Tensor, target: Tensor) -> Tensor:
    """|p - y| per element."""
    return F.l1_loss(prediction, target, reduction="none")


def pseudo_huber(prediction: Tensor, target: Tensor) -> Tensor:
    """sqrt((p - y)^2 + c^2) - c per element, c = 0.01: square near 0, straight far from it."""
    return torch.sqrt((prediction - target) ** 2 + HUBER_C**2) - HUBER_C
