"""Targets that are moved: away from the unconditional prediction, or further than they are."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.example import Example
from engine.guidance.prompts import Wording
from engine.noise import spread
from engine.randomness import uniform

TINY = 1e-8


class GuidedTarget:
    """y := a u + g (y - a u), with u the model's own answer to the unconditional prompt.

    So it learns to answer without guidance as if it were guided with strength g. a is 1, or
    <y, u> / (|u|^2 + 1e-8) per item (CFG-Zero*, Fan et al. 2025). Fading, g becomes
    1 + (g - 1) t / 1000.
    """

    def __init__(
        self,
        wording: Wording,
        prompt: str,
        strength: float | tuple[float, float],
        *,
        zero_star: bool,
        fades: bool,
    ) -> None:
        """Of two strengths every item draws its own between them."""
        self._wording, self._prompt, self._strength = wording, prompt, strength
        self._zero_star, self._fades = zero_star, fades

    def tell(self, example: Example) -> None:
        """Draw g; models with a guidance input are told it in every pass of the step."""
        kit, batch = example.kit, example.batch
        if isinstance(self._strength, tuple):
            low, high = self._strength
            drawn = [uniform(kit.seed, example.number, s, "guidance target") for s in batch.slots]
            strength_B = torch.tensor([low + (high - low) * r for r in drawn])
            example.guidance_B = kit.accelerator.put(strength_B)
        else:
            device = kit.accelerator.device
            example.guidance_B = torch.full((len(batch),), self._strength, device=device)

    def __call__(self, example: Example) -> None:
        """One more prediction, without gradient and with the network at work."""
        assert example.guidance_B is not None, "tell() comes first"
        conditioning = self._wording.fixed([self._prompt] * len(example.batch))
        with torch.no_grad():
            away = example.predict(conditioning=conditioning, guided=False)
        if self._zero_star:
            away = away * spread(_share(example.target, away), away)
        strength_B = example.guidance_B
        if self._fades:
            strength_B = 1 + (strength_B - 1) * (example.t_B / len(example.kit.table))
        example.target = away + spread(strength_B, away) * (example.target - away)


def _share(target: Tensor, away: Tensor) -> Tensor:
    """How much of the target lies along `away`, per item: <y, u> / (|u|^2 + 1e-8)."""
    y, u = target.flatten(1), away.flatten(1)
    return (y * u).sum(1) / (u.square().sum(1) + TINY)


class FurtherTarget:
    """y := p + s (y - p), p taken as a constant: the gradient of a squared loss is s times it."""

    def __init__(self, scale: float) -> None:
        self._scale = scale

    def __call__(self, example: Example) -> None:
        """Aim beyond the target."""
        now = example.prediction.detach()
        example.target = now + self._scale * (example.target - now)
