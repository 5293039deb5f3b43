"""`train.timestep_type: next_sample`: practise where a step of sampling really leads.

The noisy latents are moved to the next noise level by the model itself, as a sampler would, and
training goes on from there with the noise that would explain where they arrived. So the model
learns to correct the drift of its own steps.
"""

from __future__ import annotations

import torch

from engine.example import Example
from engine.noise import spread
from engine.timesteps import Timesteps


class NextSample:
    """One more prediction per micro-batch, without gradient, with the network at work."""

    def __init__(self, timesteps: Timesteps) -> None:
        self._timesteps = timesteps

    def __call__(self, example: Example) -> None:
        """x' = x_t + (sigma' - sigma) p, t = t', eps' = (x' - (1 - sigma') x_0) / sigma'."""
        kit = example.kit
        after = self._timesteps.after(example.drawn, example.latents.shape[1:])
        t_B = kit.accelerator.put(torch.tensor(after))
        with torch.no_grad():
            prediction = example.predict()
        sigma = spread(kit.table.sigma(t_B), prediction)
        before = spread(kit.table.sigma(example.t_B), prediction)
        moved = example.noisy.float() + (sigma - before) * prediction
        noise = (moved - (1 - sigma) * example.latents.float()) / sigma
        example.noisy, example.noise = moved.to(example.noisy.dtype), noise.to(example.noise.dtype)
        example.drawn, example.t_B = after, t_B
