"""Training towards a stronger picture as the noise falls, for flow matching."""

from __future__ import annotations

from engine.example import Example
from engine.noise import spread


class SignalAmplification:
    """y = eps - x_0 (1 + strength (1 - sigma)): exact at pure noise, beyond the picture below."""

    def __init__(self, strength: float) -> None:
        self._strength = strength

    def __call__(self, example: Example) -> None:
        """Replace the velocity."""
        clean = example.latents.float()
        sigma = spread(example.kit.table.sigma(example.t_B), clean)
        stronger = clean * (1 + self._strength * (1 - sigma))
        example.target = example.noise.float() - stronger
