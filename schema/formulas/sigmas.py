"""Noise levels of samplers: how flow matching shifts them by resolution, and Karras spacing.

Pure numbers, for the engine (which trains on these levels) and for the app (which draws them).
sigma is the share of noise of flow matching, 1 pure noise; t = 1000 sigma.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

Spacing = Literal["even", "karras", "exponential", "beta"]

STEPS: Final = 1000
"""How many timesteps a noise level of 1 is counted as."""

_RESPACED: Final[tuple[Spacing, ...]] = ("karras", "exponential", "beta")

RHO: Final = 7.0
"""The exponent of Karras et al. 2022, equation 5."""


@dataclass(frozen=True, slots=True)
class FlowShift:
    """How far a flow model's noise levels lean towards noise when pictures are drawn.

    One value `low`; or, with `high`, a line in the number L of image tokens that passes through
    `low` at `tokens[0]` and `high` at `tokens[1]`, whose value mu means a shift of exp(mu), or of
    mu itself where `linear`. `terminal` stretches the levels so that the last one is it. `spacing`
    says how levels lie between the first and the last one after all that.
    """

    low: float
    high: float | None = None
    tokens: tuple[int, int] = (256, 4096)
    linear: bool = False
    terminal: float | None = None
    spacing: Spacing = "even"

    @property
    def by_resolution(self) -> bool:
        """Whether the shift grows with the number of tokens."""
        return self.high is not None

    @classmethod
    def from_config(cls, config: Mapping[str, Any], fallback: FlowShift | None = None) -> FlowShift:
        """What a diffusers FlowMatchEulerDiscreteScheduler config says.

        A config that names no shift at all means `fallback`, else diffusers' defaults (1).
        """
        if fallback is not None and not {"shift", "use_dynamic_shifting"} & config.keys():
            return fallback
        terminal = config.get("shift_terminal") or None
        asked = (kind for kind in _RESPACED if config.get(f"use_{kind}_sigmas"))
        spacing: Spacing = next(asked, "even")
        if not config.get("use_dynamic_shifting"):
            low = float(config.get("shift") or 1.0)
            return cls(low, terminal=terminal, spacing=spacing)
        tokens = config.get("base_image_seq_len") or 256, config.get("max_image_seq_len") or 4096
        return cls(
            low=config.get("base_shift") or 0.5,
            high=config.get("max_shift") or 1.15,
            tokens=tokens,
            linear=config.get("time_shift_type") == "linear",
            terminal=terminal,
            spacing=spacing,
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

    def levels(self, count: int, tokens: int = 0) -> list[float]:
        """`count` sigmas from 1 down to a shifted 1/1000, evenly spaced before the shift.

        Raises ValueError for beta spacing, whose quantiles have no closed form.
        """
        if self.spacing == "beta":
            raise ValueError("the model's noise levels are spaced by a beta distribution")
        factor = self.factor(tokens)
        sigmas = [shifted(sigma, factor) for sigma in evenly(1.0, 1 / STEPS, count)]
        if self.terminal is not None:
            sigmas = stretched(sigmas, self.terminal)
        if self.spacing == "karras":
            return karras(sigmas[0], sigmas[-1], count)
        if self.spacing == "exponential":
            ends = math.log(sigmas[0]), math.log(sigmas[-1])
            return [math.exp(log) for log in evenly(*ends, count)]
        return sigmas


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


def karras_timesteps(sigmas: Sequence[float], count: int) -> list[int]:
    """`count` timesteps whose sigmas are spaced after Karras, from the noisiest to the cleanest.

    `sigmas` rise with the timestep; of the two neighbours of a level the one whose logarithm is
    closer is taken, as diffusers rounds it.
    """
    logs = [math.log(sigma) for sigma in sigmas]
    return [_nearest(logs, math.log(level)) for level in karras(sigmas[-1], sigmas[0], count)]


def _nearest(rising: Sequence[float], value: float) -> int:
    above = min(max(bisect_left(rising, value), 1), len(rising) - 1)
    share = (value - rising[above - 1]) / (rising[above] - rising[above - 1])
    return above - 1 + round(min(max(share, 0.0), 1.0))
