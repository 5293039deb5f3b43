"""One micro-batch of training data, as the loader hands it to the training step."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

import torch
from torch import Tensor

from engine.families.base import Conditioning

WHOLE = frozenset({"size", "copies"})
"""The fields that have no rows."""


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
    network_weight_B: Tensor | None = None  # strengths of the network; None when every one is 1
    sizes_B6: Tensor | None = None  # how each was framed, see Family.with_sizes; None: not asked
    pictures: list[str] = field(default_factory=list)  # each row's file, and _fx, _fy if mirrored
    regularization: list[bool] | None = None  # rows of regularization sets; None: no row is
    prior_reg: list[bool] | None = None  # rows whose target is the untouched model's answer
    dropped: list[bool] | None = None  # rows whose caption was dropped; None: none was
    class_captions: list[str] | None = None  # with a class for the trigger word, where asked for
    first_captions: list[str] | None = None  # what the first of two text encoders reads instead
    copies: int = 1  # how often the pictures stand in it, one round after the other
    control_BCHW: Tensor | None = None  # control pictures in [0, 1]; black where one is missing
    mask_B1HW: Tensor | None = None  # what counts in the loss, 0..1, in pixels; None: everything
    unaugmented_BCHW: Tensor | None = None  # the pixels before augmentation, where a target asks

    @property
    def regularizes(self) -> bool:
        """Whether any row is of a regularization set."""
        return self.regularization is not None

    def singles(self) -> list[Batch]:
        """The rows as batches of one; everything that has rows is split."""
        rows = []
        for row in range(len(self)):
            one = slice(row, row + 1)
            values = {f.name: getattr(self, f.name) for f in fields(self)}
            rows.append(
                replace(
                    self,
                    **{
                        name: value[one]
                        for name, value in values.items()
                        if name not in WHOLE and value is not None and len(value)
                    },
                )
            )
        return rows

    def twice(self, captions: list[str], conditioning: Conditioning | None) -> Batch:
        """The rows, and then the same pictures with other captions (and their embeddings, where
        they are cached). As their slots are the same, so are noise, timestep and all other draws.
        """
        doubled = {
            f.name: _twice(value)
            for f in fields(self)
            if f.name not in {*WHOLE, "conditioning"}
            and (value := getattr(self, f.name)) is not None
            and len(value)
        }
        count = len(self)
        dropped = None if self.dropped is None else [*self.dropped, *[False] * count]
        doubled |= {"captions": self.captions + captions, "dropped": dropped}
        if self.conditioning is not None and conditioning is not None:
            doubled["conditioning"] = Conditioning.cat([self.conditioning, conditioning])
        return replace(self, **doubled, copies=2 * self.copies)

    def __len__(self) -> int:
        """B, the number of rows."""
        return len(self.captions)


def _twice(rows: Any) -> Any:
    if isinstance(rows, Tensor):
        return torch.cat([rows, rows])
    return rows * 2
