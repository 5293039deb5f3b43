"""Which noise levels a run trains on: from a uniform number to a timestep, and the density the app
draws.

Timesteps are counted as the table of the model counts them: 0 is nearly clean, `total - 1` pure
noise. The options count the other way round, as positions in the descending list of a sampler:
`min_denoising_steps` 0 is the noisiest. Both ends are included, so that the defaults reach every
noise level.
"""

from __future__ import annotations


def index_range(low: int, high: int, total: int) -> tuple[int, int]:
    """The bounds clamped to the list of `total` timesteps; raises ValueError when they cross."""
    if low > high:
        raise ValueError(f"min_denoising_steps {low} is above max_denoising_steps {high}")
    return max(0, min(low, total - 1)), max(0, min(high, total - 1))


def timestep_of(uniform: float, low: int, high: int, total: int) -> int:
    """Uniform over the positions low..high of the descending list: t = total - 1 - position."""
    position = low + min(int(uniform * (high - low + 1)), high - low)
    return total - 1 - position


def density(low: int, high: int, total: int, bins: int) -> list[float]:
    """The share of draws per bin of equal width, from clean to noisy; sums to 1."""
    counts = [0] * bins
    for position in range(low, high + 1):
        counts[(total - 1 - position) * bins // total] += 1
    return [count / (high - low + 1) for count in counts]
