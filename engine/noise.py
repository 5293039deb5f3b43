"""The training noise: what is drawn, how much of it a timestep adds, what the model shall answer.

One small table instead of a scheduler object, so that a step costs two look-ups. A family builds it
from the scheduler config of its model folder (`NoiseTable.from_config`); samplers for previews are
diffusers' own. Formulas: Ho et al. 2020 (DDPM), Salimans and Ho 2022 (v), Lin et al. 2023 (zero
terminal SNR), as diffusers' `DDPMScheduler` computes them, against which they are tested.

Shapes: latents of any rank with the batch first; `t` is (B,) or (B, F) for a timestep per frame.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from engine.errors import ConfigError
from engine.randomness import batch_normal

PREDICTION_TYPES = ("epsilon", "v_prediction", "sample")


def make_betas(schedule: str, start: float, end: float, steps: int) -> Tensor:
    """The variance added by each of the `steps` timesteps, float32 (T,)."""
    match schedule:
        case "linear":
            return torch.linspace(start, end, steps, dtype=torch.float32)
        case "scaled_linear":
            return torch.linspace(start**0.5, end**0.5, steps, dtype=torch.float32) ** 2
        case "squaredcos_cap_v2":
            kept = [
                math.cos((i / steps + 0.008) / 1.008 * math.pi / 2) ** 2 for i in range(steps + 1)
            ]
            betas = [min(1 - after / before, 0.999) for before, after in itertools.pairwise(kept)]
            return torch.tensor(betas, dtype=torch.float32)
    raise ConfigError(
        "model.name_or_path", f"the scheduler's beta_schedule {schedule!r} is not known."
    )


def zero_terminal_snr(betas: Tensor) -> Tensor:
    """Shift and scale the betas so that the last timestep is pure noise (Lin et al. 2023, algorithm
    1).
    """
    root = torch.cumprod(1.0 - betas, dim=0).sqrt()
    first, last = root[0].clone(), root[-1].clone()
    root = (root - last) * (first / (first - last))
    squared = root**2
    alphas = torch.cat([squared[0:1], squared[1:] / squared[:-1]])
    return 1 - alphas


class NoiseTable:
    """alphas_cumprod and its two roots, (T,) float32 on one device, with the formulas that use
    them.
    """

    def __init__(self, betas: Tensor, prediction_type: str = "epsilon") -> None:
        if prediction_type not in PREDICTION_TYPES:
            raise ConfigError(
                "model.name_or_path",
                f"the scheduler's prediction_type {prediction_type!r} is not known.",
            )
        self.prediction_type = prediction_type
        self.alphas_cumprod = torch.cumprod(1.0 - betas.float(), dim=0)
        self._set_roots()

    def _set_roots(self) -> None:
        self.signal = self.alphas_cumprod**0.5
        self.noise = (1 - self.alphas_cumprod) ** 0.5
        self.snr_table = self.alphas_cumprod / (1 - self.alphas_cumprod)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> NoiseTable:
        """From a diffusers scheduler_config.json; missing keys mean DDPMScheduler's defaults."""
        trained = config.get("trained_betas")
        if trained is not None:
            betas = torch.tensor(trained, dtype=torch.float32)
        else:
            betas = make_betas(
                config.get("beta_schedule", "linear"),
                config.get("beta_start", 0.0001),
                config.get("beta_end", 0.02),
                config.get("num_train_timesteps", 1000),
            )
        if config.get("rescale_betas_zero_snr"):
            betas = zero_terminal_snr(betas)
        return cls(betas, config.get("prediction_type", "epsilon"))

    def __len__(self) -> int:
        """The number of timesteps (1000 in nearly every model)."""
        return len(self.alphas_cumprod)

    def to(self, device: torch.device | str) -> NoiseTable:
        """Move the table; returns itself."""
        self.alphas_cumprod = self.alphas_cumprod.to(device)
        self.signal, self.noise = self.signal.to(device), self.noise.to(device)
        self.snr_table = self.snr_table.to(device)
        return self

    @property
    def sigmas(self) -> Tensor:
        """Noise over signal, (T,): the sigma of k-diffusion's parametrisation."""
        return self.noise / self.signal

    def add_noise(self, latents: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """sqrt(abar_t) x_0 + sqrt(1 - abar_t) eps, in the dtype of the latents."""
        return _at(self.signal, t, latents) * latents + _at(self.noise, t, latents) * noise

    def velocity(self, latents: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """v = sqrt(abar_t) eps - sqrt(1 - abar_t) x_0."""
        return _at(self.signal, t, latents) * noise - _at(self.noise, t, latents) * latents

    def target(self, latents: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """What the model should answer for these noisy latents, by the table's prediction type."""
        match self.prediction_type:
            case "epsilon":
                return noise
            case "v_prediction":
                return self.velocity(latents, noise, t)
            case _:
                return latents

    def snr(self, t: Tensor) -> Tensor:
        """abar_t / (1 - abar_t), shaped like t; infinite nowhere, 0 at a zero-SNR end."""
        return self.snr_table[t]


def _at(table: Tensor, t: Tensor, like: Tensor) -> Tensor:
    """The table's values at t with trailing axes of size 1, so that they broadcast over `like`.

    (B,) against (B, ...) and (B, F) against (B, C, F, ...): a timestep per frame skips the channel
    axis.
    """
    values = table[t].to(like.dtype)
    if t.ndim == 2:
        values = values.unsqueeze(1)
    return values.view(*values.shape, *[1] * (like.ndim - values.ndim))


class TrainingNoise:
    """Standard normal noise per item, keyed by its slot within the step."""

    def __init__(self, seed: int, offset: float = 0.0) -> None:
        """`offset` shifts the noise of every item and channel by a normal number times it."""
        self._seed = seed
        self._offset = offset if abs(offset) >= 1e-6 else 0.0

    def draw(self, step: int, slots: Sequence[int], shape: Sequence[int]) -> Tensor:
        """(B, *shape), float32 on the CPU; `shape` is one item's, channels first."""
        noise = batch_normal(self._seed, step, slots, "noise", shape)
        if self._offset:
            per_channel = (shape[0], *[1] * (len(shape) - 1))
            noise += self._offset * batch_normal(
                self._seed, step, slots, "noise offset", per_channel
            )
        return noise
