"""What is added to the mean loss of a micro-batch, and what is done to the sum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from engine.example import Example
from engine.losses.clean import velocity_weight


class Frequencies:
    """mean (|F(x_0')| - |F(x_0)|)^2, F the orthonormal 2-D Fourier transform of the latents."""

    def __init__(self, *, as_velocity: bool) -> None:
        """`as_velocity`: each item's error times 1 / max(sigma, 0.1)^2."""
        self._as_velocity = as_velocity

    def __call__(self, example: Example) -> dict[str, Tensor]:
        """The error of the clean estimate's magnitudes."""
        found = torch.fft.rfft2(example.estimate, norm="ortho").abs()
        wanted = torch.fft.rfft2(example.latents.float(), norm="ortho").abs()
        loss_B = (found - wanted).pow(2).flatten(1).mean(1)
        if self._as_velocity:
            loss_B = loss_B * velocity_weight(example)
        return {"fft": loss_B.mean()}


class SpreadPenalty:
    """mean |value - std(p)| over items and channels."""

    def __init__(self, value: float) -> None:
        self._value = value

    def __call__(self, example: Example) -> dict[str, Tensor]:
        """How far the spread of the predictions is from where it should be."""
        spread = example.prediction.std(tuple(range(2, example.prediction.ndim)))
        return {"target_norm": (self._value - spread).abs().mean()}


class Cap:
    """min(loss, cap): a micro-batch above it has no gradient."""

    def __init__(self, cap: float, *, tells: bool) -> None:
        """`tells`: keep how far above the cap the loss was, for the log."""
        self._cap, self._tells = cap, tells

    def __call__(self, example: Example, total: Tensor) -> Tensor:
        """The loss, bounded."""
        if self._tells:
            example.parts["over_max"] = (total.detach() - self._cap).clamp(min=0)
        return total.clamp(max=self._cap)


def over_the_cap(step: int, values: Mapping[str, float], timesteps: Sequence[float]) -> str | None:
    """A line for the log about a step whose loss was capped; None where it was not."""
    excess = values.get("loss/over_max", 0.0)
    if not excess > 0:
        return None
    levels = ", ".join(f"{t:g}" for t in timesteps)
    return f"step {step}: the loss was {excess:.5g} above max_loss (timesteps {levels})"


class RegularizationWeight:
    """The loss times the mean weight of the items: `weight` for those of regularization sets."""

    def __init__(self, weight: float) -> None:
        self._weight = weight

    def __call__(self, example: Example, total: Tensor) -> Tensor:
        """The loss, weighed."""
        rows = example.batch.regularization
        if rows is None:
            return total
        return total * (sum(self._weight if row else 1.0 for row in rows) / len(rows))
