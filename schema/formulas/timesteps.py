"""Which noise levels a run trains on: from a uniform number to a timestep, and the density the app
draws.

Every way of choosing is a list of N levels that falls from noise to clean, and a draw of a position
in it: `min_denoising_steps` 0 is the noisiest. An alpha-bar table counts its levels as integers,
0 nearly clean and `total - 1` pure noise; flow matching has real t in (0, 1000].
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate, pairwise
from statistics import NormalDist
from typing import Final

from schema.formulas.sigmas import STEPS, evenly

FIXED_POSITIONS: Final[dict[str, tuple[int, ...]]] = {
    "one_step": (0,),
    "two_step": (0, 499),
    "four_step": (0, 250, 500, 750),
    "eight_step": (0, 125, 250, 375, 500, 625, 750, 875),
}
"""Timestep types that practise a few positions of a list of 1000."""

_NORMAL: Final = NormalDist()
_EDGE: Final = 1e-7  # shares this close to 0 or 1 have no finite quantile
_BLEND_SPREAD: Final = 0.333


# -- lists of levels


def table_levels(total: int, count: int) -> list[int]:
    """Every (total // count)-th timestep of an alpha-bar table, falling to 0 (leading spacing)."""
    stride = max(1, total // count)
    return [stride * i for i in reversed(range(min(count, total)))]


def linear_levels(count: int) -> list[float]:
    """`count` values of t, evenly from 1000 down to 1."""
    return evenly(float(STEPS), 1.0, count)


def logit_normal(share: float) -> float:
    """The t that a share of draws 1000 / (1 + exp(-z)), z normal, is noisier than."""
    z = _NORMAL.inv_cdf(min(max(1 - share, _EDGE), 1 - _EDGE))
    return STEPS / (1 + math.exp(-z))


def logit_normal_levels(count: int) -> list[float]:
    """The middle of each of `count` equally likely ranges of the logit-normal distribution."""
    return [logit_normal((i + 0.5) / count) for i in range(count)]


def lognorm_blend_levels(count: int) -> list[float]:
    """Three quarters at high noise, one quarter even; whole numbers.

    The former are t = 1000 (1 - x / max x) at the equally likely values of a log-normal x of spread
    1/3, the latter lie evenly from 1000 to 1. No level is below 1: there would be no noise at all.
    """
    bent = 3 * count // 4
    x = [math.exp(_BLEND_SPREAD * _NORMAL.inv_cdf((i + 0.5) / bent)) for i in range(bent)]
    high = [STEPS * (1 - value / x[-1]) for value in x]
    return sorted(
        (max(1.0, float(int(t))) for t in [*high, *linear_levels(count - bent)]), reverse=True
    )


# -- positions in a list


def index_range(low: int, high: int, total: int) -> tuple[int, int]:
    """The bounds clamped to the list of `total` levels; raises ValueError when they cross."""
    if low > high:
        raise ValueError(f"min_denoising_steps {low} is above max_denoising_steps {high}")
    return max(0, min(low, total - 1)), max(0, min(high, total - 1))


def position(uniform: float, low: int, high: int, bias: str = "balanced") -> int:
    """A position from low to high, both included, for a uniform number in [0, 1).

    `content` cubes the number, which favours the noisy end: half of the draws fall into the first
    eighth. `style` does the same from the clean end.
    """
    count = high - low + 1
    match bias:
        case "content":
            share = uniform**3
        case "style":
            share = 1 - uniform**3
        case _:
            share = uniform
    return low + min(int(share * count), count - 1)


def density(
    levels: Sequence[float], low: int, high: int, bins: int, bias: str = "balanced"
) -> list[float]:
    """The share of draws per bin of equal width of t in 0..1000, clean to noisy; sums to 1."""
    shares = [0.0] * bins
    last = 0.0
    for place, reached in enumerate(_reached(high - low + 1, bias)):
        bin_ = min(int(levels[low + place] * bins / STEPS), bins - 1)
        shares[bin_] += reached - last
        last = reached
    return shares


def _reached(count: int, bias: str) -> list[float]:
    """The share of draws at the first 1, 2, ... of `count` positions."""
    ends = [(i + 1) / count for i in range(count)]
    match bias:
        case "content":
            return [end ** (1 / 3) for end in ends]
        case "style":
            return [1 - (1 - end) ** (1 / 3) for end in ends]
        case _:
            return ends


# -- loss weights of levels, at t = 1000, 999, ..., 1

_KNOTS: Final[tuple[tuple[int, float], ...]] = (
    (0, 0.906), (10, 1.043), (25, 1.220), (50, 1.375), (75, 1.471), (100, 1.507), (124, 1.523),
    (150, 1.507), (200, 1.441), (250, 1.355), (300, 1.264), (350, 1.172), (400, 1.083),
    (450, 1.000), (500, 0.925), (550, 0.860), (600, 0.805), (650, 0.762), (700, 0.731),
    (750, 0.715), (800, 0.716), (850, 0.729), (880, 0.731), (900, 0.716), (920, 0.679),
    (940, 0.619), (960, 0.545), (980, 0.476), (999, 0.447),
)  # fmt: skip
"""The weight of `timestep_type: weighted` at some positions, as measured on a flow model."""


def weighted_weights() -> list[float]:
    """The measured curve at t = 1000 down to 1, of mean 1."""
    table: list[float] = []
    for (first, start), (last, end) in pairwise(_KNOTS):
        slope = (end - start) / (last - first)
        table += [start + slope * i for i in range(last - first)]
    table.append(_KNOTS[-1][1])
    mean = sum(table) / len(table)
    return [weight / mean for weight in table]


def bell_weights(half: bool = False) -> list[float]:
    """A bell at t = 1000 down to 1: 0 at pure noise, 1.58 in the middle, mean 1.

    exp(-2 ((i - 500) / 1000)^2) minus its least value, times 1000 over the sum. With `half` the
    less noisy half keeps the weight of the middle, and the mean is 1.289.
    """
    bell = [math.exp(-2 * ((i - STEPS / 2) / STEPS) ** 2) for i in range(STEPS)]
    least = min(bell)
    total = sum(bell) - STEPS * least
    weights = [(value - least) * STEPS / total for value in bell]
    return list(accumulate(weights, max)) if half else weights


def level_weights(timestep_type: str, bell: bool, half_bell: bool) -> list[float] | None:
    """The loss weights of a run at t = 1000 down to 1; None where every level weighs the same."""
    if timestep_type == "weighted":
        return weighted_weights()
    return bell_weights(half=half_bell) if bell or half_bell else None
