"""The training noise: how much of it a timestep adds, and what the model shall answer.

One small table instead of a scheduler object, so that a step costs two look-ups. A family builds it
from the scheduler config of its model folder (`NoiseTable.from_config`, or `FlowTable.from_config`
of `engine.flow`); samplers for previews are diffusers' own. Formulas: Ho et al. 2020 (DDPM),
Salimans and Ho 2022 (v), Lin et al. 2023 (zero terminal SNR), as diffusers' `DDPMScheduler`
computes them; Karras et al. 2022 for the form without a shrinking signal. Tested against diffusers.

Shapes: latents of any rank with the batch first; `t` is (B,) or (B, F) for a timestep per frame.
"""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Self

import torch
from torch import Tensor

from engine.errors import ConfigError

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


class NoiseProcess(ABC):
    """How noise is mixed into latents and what a model answers for the mixture.

    `t` is in the table's own unit: an integer index of an alpha-bar table, a float in (0, 1000] of
    flow matching. Everything else that knows about noise goes through these methods.
    """

    prediction_type: str

    @abstractmethod
    def __len__(self) -> int:
        """The number of timesteps (1000 in nearly every model)."""

    @abstractmethod
    def to(self, device: torch.device | str) -> Self:
        """Move the table; returns itself."""

    @abstractmethod
    def add_noise(self, latents: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """The noisy latents x_t, in the dtype of the latents."""

    def model_input(self, noisy: Tensor, t: Tensor) -> Tensor:
        """What the model is shown of x_t: x_t itself, but for tables that let it grow."""
        del t
        return noisy

    @abstractmethod
    def target(self, latents: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """What the model should answer for these noisy latents."""

    @abstractmethod
    def snr(self, t: Tensor) -> Tensor:
        """Signal over noise, squared, shaped like t."""

    @abstractmethod
    def sigma(self, t: Tensor) -> Tensor:
        """The noise level of samplers, float32, shaped like t."""

    @abstractmethod
    def x0(self, noisy: Tensor, prediction: Tensor, t: Tensor) -> Tensor:
        """The clean latents that a prediction for x_t stands for."""

    @abstractmethod
    def eps(self, noisy: Tensor, prediction: Tensor, t: Tensor) -> Tensor:
        """The noise that a prediction for x_t stands for."""


class NoiseTable(NoiseProcess):
    """alphas_cumprod and its two roots, (T,) float32 on one device, with the formulas that use
    them.
    """

    def __init__(self, betas: Tensor, prediction_type: str = "epsilon") -> None:
        if prediction_type not in PREDICTION_TYPES:
            raise ConfigError(
                "model.name_or_path",
                f"the scheduler's prediction_type {prediction_type!r} is not known.",
            )
        self.use(torch.cumprod(1.0 - betas.float(), dim=0), prediction_type)

    def use(self, alphas_cumprod: Tensor, prediction_type: str) -> None:
        """Take over a table (T,) and work out its two roots."""
        self.prediction_type = prediction_type
        self.alphas_cumprod = alphas_cumprod
        self.signal = self.alphas_cumprod**0.5
        self.noise = (1 - self.alphas_cumprod) ** 0.5
        self.snr_table = self.alphas_cumprod / (1 - self.alphas_cumprod)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
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

    def to(self, device: torch.device | str) -> Self:
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

    def sigma(self, t: Tensor) -> Tensor:
        """sqrt((1 - abar_t) / abar_t), the sigma of k-diffusion's parametrisation."""
        return self.sigmas[t]

    def x0(self, noisy: Tensor, prediction: Tensor, t: Tensor) -> Tensor:
        """(x_t - sqrt(1 - abar) eps) / sqrt(abar), or sqrt(abar) x_t - sqrt(1 - abar) v."""
        signal, noise = _at(self.signal, t, noisy), _at(self.noise, t, noisy)
        match self.prediction_type:
            case "epsilon":
                return (noisy - noise * prediction) / signal
            case "v_prediction":
                return signal * noisy - noise * prediction
            case _:
                return prediction

    def eps(self, noisy: Tensor, prediction: Tensor, t: Tensor) -> Tensor:
        """The prediction itself, or sqrt(abar) v + sqrt(1 - abar) x_t, or what is not x_0."""
        signal, noise = _at(self.signal, t, noisy), _at(self.noise, t, noisy)
        match self.prediction_type:
            case "epsilon":
                return prediction
            case "v_prediction":
                return signal * prediction + noise * noisy
            case _:
                return (noisy - signal * prediction) / noise


def _at(table: Tensor, t: Tensor, like: Tensor) -> Tensor:
    """The table's values at t, with the axes of :func:`spread`."""
    return spread(table[t], like)


def spread(values: Tensor, like: Tensor) -> Tensor:
    """Values per item in the dtype of `like`, with trailing axes of size 1 to broadcast over it.

    (B,) against (B, ...) and (B, F) against (B, C, F, ...): a timestep per frame skips the channel
    axis.
    """
    values = values.to(like.dtype)
    if values.ndim == 2:
        values = values.unsqueeze(1)
    return values.view(*values.shape, *[1] * (like.ndim - values.ndim))
