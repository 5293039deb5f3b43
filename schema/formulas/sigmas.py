"""Noise levels of samplers: how flow matching shifts them by resolution, and Karras spacing.

Pure numbers, for the engine (which trains on these levels) and for the app (which draws them).
sigma is the share of noise of flow matching, 1 pure noise; t = 1000 sigma.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

STEPS: Final = 1000
"""How many timesteps a noise level of 1 is counted as."""

RHO: Final = 7.0
"""The exponent of Karras et al. 2022, equation 5."""


@dataclass(frozen=True, slots=True)
class FlowShift:
    """How far a flow model's noise levels lean towards noise when pictures are drawn.

    One value `low`; or, with `high`, a line in the number L of image tokens that passes through
    `low` at `tokens[0]` and `high` at `tokens[1]`, whose value mu means a shift of exp(mu), or of
    mu itself where `linear`. `terminal` stretches the levels so that the last one is it.
    """

    low: float
    high: float | None = None
    tokens: tuple[int, int] = (256, 4096)
    linear: bool = False
    terminal: float | None = None

    @classmethod
    def from_config(cls, config: Mapping[str, Any], fallback: FlowShift | None = None) -> FlowShift:
        """What a diffusers FlowMatchEulerDiscreteScheduler config says.

        A config that names no shift at all means `fallback`, else diffusers' defaults (1).
        """
        if fallback is not None and not {"shift", "use_dynamic_shifting"} & config.keys():
            return fallback
        terminal = config.get("shift_terminal") or None
        if not config.get("use_dynamic_shifting"):
            return cls(float(config.get("shift") or 1.0), terminal=terminal)
        return cls(
            low=config.get("base_shift") or 0.5,
            high=config.get("max_shift") or 1.15,
            tokens=(
                config.get("base_image_seq_len") or 256,
                config.get("max_image_seq_len") or 4096,
            ),
            linear=config.get("time_shift_type") == "linear",
            terminal=terminal,
        )

    def factor(self, tokens: int) -> float:
        """The shift s at so many image tokens: sigma' = s sigma / (1 + (s - 1) sigma).

        The line is not cut off at its two ends, as diffusers does not cut it.
        """
        if self.high is None:
            return self.low
        first, last = self.tokens
        mu = self.low + (self.high - self.low) * (tokens - first) / (last - first)
        return mu if self.linear else math.exp(mu)

    def levels(self, count: int, tokens: int) -> list[float]:
        """`count` sigmas from 1 down to a shifted 1/1000, evenly spaced before the shift."""
        factor = self.factor(tokens)
        sigmas = [shifted(sigma, factor) for sigma in evenly(1.0, 1 / STEPS, count)]
        return sigmas if self.terminal is None else stretched(sigmas, self.terminal)


def shifted(sigma: float, factor: float) -> float:
    """s sigma / (1 + (s - 1) sigma): 0 and 1 stay, what is between rises for s > 1."""
    return factor * sigma / (1 + (factor - 1) * sigma)


def stretched(sigmas: Sequence[float], terminal: float) -> list[float]:
    """1 - (1 - sigma) (1 - e) / (1 - sigma_last): the last becomes e, 1 stays."""
    scale = (1 - terminal) / (1 - sigmas[-1])
    return [1 - (1 - sigma) * scale for sigma in sigmas]


def evenly(first: float, last: float, count: int) -> list[float]:
    """`count` numbers from `first` to `last`, both included."""
    if count == 1:
        return [first]
    return [first + (last - first) * i / (count - 1) for i in range(count)]


def karras(high: float, low: float, count: int) -> list[float]:
    """`count` sigmas from `high` to `low`, evenly spaced in their RHO-th root."""
    return [root**RHO for root in evenly(high ** (1 / RHO), low ** (1 / RHO), count)]
