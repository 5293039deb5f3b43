"""One micro-batch of training data, as the loader hands it to the training step."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from engine.families.base import Conditioning


@dataclass
class Batch:
    """What one forward pass learns from; every list and tensor has B rows, in the same order.

    Either ``latents`` (cached, scaled, on the CPU) or ``pixels_BCHW`` (float32 in [-1, 1]) is
    there; ``conditioning`` is there when text embeddings are cached, ``captions`` always.
    """

    captions: list[str]
    items: list[int]  # which training item each row is (stable within a run)
    slots: list[int]  # the row's global number within its step; keys the random draws
    size: tuple[int, int]  # width, height in pixels after cropping; equal for all rows
    latents: Tensor | None = None
    pixels_BCHW: Tensor | None = None
    conditioning: Conditioning | None = None
    loss_weight_B: Tensor | None = None  # None when every row weighs 1

    def __len__(self) -> int:
        """B, the number of rows."""
        return len(self.captions)
