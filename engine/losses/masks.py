"""What a mask does to the loss: where it counts, and what holds outside it."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from engine.example import Example

TINY = 1e-6


def masked(example: Example, elements: Tensor) -> Tensor:
    """Losses times the mask, divided by its mean over the whole batch; as they are without one.

    The mask gets the size of the losses by nearest neighbour. A batch that is masked out entirely
    has a loss of 0.
    """
    mask = example.batch.mask_B1HW
    if mask is None:
        return elements
    weight = _like(example.kit.accelerator.put(mask, elements.dtype), elements, "nearest")
    return elements * (weight / weight.mean().clamp(min=TINY))


class MaskedPrior:
    """Outside the mask, hold the picture to what the untrained model would answer.

    Per item mean((p - p_0)^2 v) * strength with v = (1 - m) / mean(1 - m), m the item's own mask in
    the size of the latents; absolute differences with the loss mae.
    """

    def __init__(self, strength: float, *, absolute: bool) -> None:
        self._strength, self._absolute = strength, absolute

    def __call__(self, example: Example, loss_B: Tensor) -> Tensor:
        """The losses of the items and this; one more prediction on batches with a mask."""
        mask = example.batch.mask_B1HW
        if mask is None:
            return loss_B
        difference = example.prediction - example.prior
        errors = difference.abs() if self._absolute else difference**2
        put = example.kit.accelerator.put(mask, errors.dtype)
        outside = 1 - _like(put, errors, "bicubic").clamp(0, 1)
        outside = outside.expand_as(errors).flatten(1)
        weight = outside / outside.mean(1, keepdim=True).clamp(min=TINY)
        return loss_B + self._strength * (errors.flatten(1) * weight).mean(1)


def _like(mask_B1HW: Tensor, values: Tensor, mode: str) -> Tensor:
    """The mask in the height and width of the values, with their axes: (B, 1, ..., H, W)."""
    if mask_B1HW.shape[-2:] != values.shape[-2:]:
        mask_B1HW = F.interpolate(mask_B1HW, size=values.shape[-2:], mode=mode)
    return mask_B1HW.unsqueeze(2) if values.ndim == 5 else mask_B1HW
