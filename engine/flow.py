"""The noise of flow matching: a straight line from the picture to the noise.

Timesteps are real numbers t in (0, 1000], sigma = t / 1000, and the noisy latents are
(1 - sigma) x_0 + sigma eps. The model answers with the velocity along that line, eps - x_0 (Lipman
et al. 2022, Liu et al. 2022), whatever the way in which t was drawn. Which t are drawn is the
business of `engine.timesteps`; how far inference leans towards noise stands in `FlowTable.shift`.

Shapes: latents of any rank with the batch first; `t` is (B,) or (B, F) for a timestep per frame.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import torch
from torch import Tensor

from engine.errors import ConfigError
from engine.noise import NoiseProcess, spread
from schema.formulas.sigmas import STEPS, FlowShift


class FlowTable(NoiseProcess):
    """The straight line between clean latents and noise; it has no table to keep."""

    prediction_type = "flow"

    def __init__(self, shift: FlowShift | None = None) -> None:
        """`shift` is how inference moves its noise levels, by default not at all."""
        self.shift = shift or FlowShift(1.0)

    @classmethod
    def from_config(cls, config: Mapping[str, Any], fallback: FlowShift | None = None) -> Self:
        """From a diffusers scheduler_config.json; `fallback` where it says nothing about shifts."""
        if config.get("num_train_timesteps", STEPS) != STEPS:
            raise ConfigError(
                "model.name_or_path",
                f"the scheduler counts {config['num_train_timesteps']} timesteps; flow-matching "
                f"models are trained with {STEPS}.",
            )
        return cls(FlowShift.from_config(config, fallback))

    def __len__(self) -> int:
        """1000: the unit in which t is counted."""
        return STEPS

    def to(self, device: torch.device | str) -> Self:
        """Nothing to move; returns itself."""
        del device
        return self

    def sigma(self, t: Tensor) -> Tensor:
        """t / 1000, float32."""
        return t.float() / STEPS

    def add_noise(self, latents: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """(1 - sigma) x_0 + sigma eps, in the dtype of the latents."""
        sigma = self.sigma(t)
        return spread(1 - sigma, latents) * latents + spread(sigma, latents) * noise

    def target(self, latents: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """eps - x_0, at every t."""
        del t
        return noise - latents

    def snr(self, t: Tensor) -> Tensor:
        """((1 - sigma) / sigma)^2, shaped like t."""
        sigma = self.sigma(t)
        return ((1 - sigma) / sigma) ** 2

    def x0(self, noisy: Tensor, prediction: Tensor, t: Tensor) -> Tensor:
        """x_t - sigma v."""
        return noisy - spread(self.sigma(t), noisy) * prediction

    def eps(self, noisy: Tensor, prediction: Tensor, t: Tensor) -> Tensor:
        """x_t + (1 - sigma) v."""
        return noisy + spread(1 - self.sigma(t), noisy) * prediction
