"""The objective of a base and its refiner: each micro-batch is asked of both.

Every item is seen twice with the same noise, by the base at a level of its part of the noise range
and by the refiner at one of its own, and the loss is the mean of both, as if the batch were twice
as long.
"""

from __future__ import annotations

from contextlib import ExitStack

import torch

from engine.data.batch import Batch
from engine.denoising import Denoising
from engine.families.base import Denoiser
from engine.step import Losses


class Refining(Denoising):
    """Denoising with every denoiser of the family in turn."""

    def __call__(
        self,
        batch: Batch,
        number: int,
        micro: int,
        held: ExitStack | None = None,
        denoiser: Denoiser | None = None,
    ) -> Losses:
        """The losses of both models, or of the one that is named."""
        if denoiser is not None:
            return super().__call__(batch, number, micro, held, denoiser)
        denoisers = self._kit.family.denoisers
        return joined(
            [super(Refining, self).__call__(batch, number, micro, held, d) for d in denoisers]
        )


def joined(each: list[Losses]) -> Losses:
    """One after the other, as the losses of a longer batch."""
    names = each[0].parts.keys()
    return Losses(
        torch.stack([losses.total for losses in each]).mean(),
        torch.cat([losses.loss_B for losses in each]),
        [t for losses in each for t in losses.timesteps],
        {name: torch.stack([losses.parts[name] for losses in each]).mean() for name in names},
    )
