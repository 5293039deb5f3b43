"""The noise that a training scheduler makes of a model's own table.

`train.noise_scheduler` names samplers; what training keeps of them is whether the signal shrinks
as noise comes in (variance preserving, Ho et al. 2020) or stays while the noise grows (variance
exploding, Karras et al. 2022), and how the levels are spaced. Both forms show the model the same
numbers, so a plain noise prediction learns the same; they differ for options that look at x_t.
"""

from __future__ import annotations

import torch
from torch import Tensor

from engine.noise import NoiseProcess, NoiseTable, spread
from schema.formulas.schedulers import EXPLODING

TERMINAL_KEPT = 2**-24
"""What is left of the signal's power where a model's last level has none, as in diffusers."""


class ExplodingTable(NoiseTable):
    """x_t = x_0 + sigma_t eps; the model is shown x_t / sqrt(sigma_t^2 + 1)."""

    def __init__(self, table: NoiseTable) -> None:
        """The levels and the prediction type are those of `table`."""
        self.use(_finite(table.alphas_cumprod), table.prediction_type)
        self.grown = self.sigmas

    def to(self, device: torch.device | str) -> ExplodingTable:
        """Move the table; returns itself."""
        super().to(device)
        self.grown = self.grown.to(device)
        return self

    def add_noise(self, latents: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """x_0 + sigma_t eps, in the dtype of the latents."""
        return latents + spread(self.grown[t], latents) * noise

    def model_input(self, noisy: Tensor, t: Tensor) -> Tensor:
        """x_t / sqrt(sigma_t^2 + 1), the numbers that the other form has."""
        return spread(self.signal[t], noisy) * noisy

    def x0(self, noisy: Tensor, prediction: Tensor, t: Tensor) -> Tensor:
        """x_t - sigma_t eps for a model that predicts noise."""
        return super().x0(self.model_input(noisy, t), prediction, t)

    def eps(self, noisy: Tensor, prediction: Tensor, t: Tensor) -> Tensor:
        """(x_t - x_0) / sigma_t for a model that predicts the picture."""
        return super().eps(self.model_input(noisy, t), prediction, t)


def finite_sigmas(table: NoiseTable) -> list[float]:
    """The sigmas of a table as plain numbers, rising; the last one is finite too."""
    kept = _finite(table.alphas_cumprod.double())
    sigmas: list[float] = ((1 - kept) / kept).sqrt().tolist()
    return sigmas


def _finite(alphas_cumprod: Tensor) -> Tensor:
    """The same with a little signal at the last level."""
    kept = alphas_cumprod.clone()
    kept[-1] = kept[-1].clamp(min=TERMINAL_KEPT)
    return kept


def training_table(table: NoiseProcess, scheduler: str) -> NoiseProcess:
    """The table as `train.noise_scheduler` has it; a flow model's is one and the same."""
    if isinstance(table, NoiseTable) and scheduler in EXPLODING:
        return ExplodingTable(table)
    return table
