"""Gradient norms and clipping, a parameter group at a time, in a handful of calls whatever their
number.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def gradient_norm(grads: list[Tensor]) -> Tensor:
    """The L2 norm over all of them, a scalar on their device."""
    return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(grads)))


def clip_(grads: list[Tensor], norm: Tensor, max_norm: float) -> None:
    """Scale the gradients in place so that their norm is at most max_norm (Pascanu et al. 2013).

    A norm that is not finite makes the gradients not finite too: the run must see it and stop.
    """
    torch._foreach_mul_(grads, (max_norm / (norm + 1e-6)).clamp_(max=1.0))


def clip_groups(groups: Sequence[list[Tensor]], max_norm: float | None) -> Tensor | None:
    """Clip every group to max_norm (None: measure only); the norm of all before clipping."""
    norms = []
    for parameters in groups:
        grads = [p.grad for p in parameters if p.grad is not None]
        if not grads:
            continue
        norm = gradient_norm(grads)
        if max_norm is not None:
            clip_(grads, norm, max_norm)
        norms.append(norm)
    if len(norms) > 1:
        return torch.linalg.vector_norm(torch.stack(norms))
    return norms[0] if norms else None
