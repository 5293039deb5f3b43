"""The factored second moment of Adafactor (Shazeer and Stern 2018): a row and a column instead of
a matrix.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def normalised(state: dict[str, Any], grad: Tensor, beta: float, eps: float) -> Tensor:
    """g / sqrt(v) for a gradient (float32), after its square has joined the moment in `state`.

    Two or more axes: R and C are the averages of g^2 + eps over the last and the second-last axis,
    and v is their outer product over the mean of R. Fewer axes: v itself. No bias correction.
    """
    square = grad.square().add_(eps)
    if grad.ndim < 2:
        second = _average(state, "v", square, beta)
        return grad * second.rsqrt()
    rows = _average(state, "rows", square.mean(-1), beta)
    columns = _average(state, "columns", square.mean(-2), beta)
    row_factor = (rows / rows.mean(-1, keepdim=True)).rsqrt_().unsqueeze(-1)
    return grad * row_factor * columns.rsqrt().unsqueeze(-2)


def clipped(update: Tensor, threshold: float) -> Tensor:
    """The update divided by max(1, RMS / threshold)."""
    return update / (rms(update) / threshold).clamp_(min=1.0)


def rms(values: Tensor) -> Tensor:
    """The root mean square, a scalar on their device."""
    return torch.linalg.vector_norm(values) / values.numel() ** 0.5


def _average(state: dict[str, Any], name: str, new: Tensor, beta: float) -> Tensor:
    if name not in state:
        state[name] = torch.zeros_like(new)
    average: Tensor = state[name]
    return average.mul_(beta).add_(new, alpha=1 - beta)
