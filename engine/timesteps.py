"""Which timestep each item of a batch is trained at.

One uniform number per item, keyed by (seed, step, slot), mapped onto the allowed positions of the
descending list of noise levels (`schema.formulas.timesteps`). A denoiser that answers for a part of
the range (one of two experts) narrows the positions to its part.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.errors import ConfigError
from engine.randomness import uniform
from schema.formulas.timesteps import index_range, timestep_of


class Timesteps:
    """Draws integer timesteps of a table with `total` of them."""

    def __init__(self, seed: int, total: int, low: int, high: int) -> None:
        try:
            self._low, self._high = index_range(low, high, total)
        except ValueError as error:
            raise ConfigError("train.min_denoising_steps", f"{error}.") from error
        self._seed, self._total = seed, total

    def draw(
        self, step: int, slots: Sequence[int], t_range: tuple[float, float] = (0.0, 1.0)
    ) -> list[int]:
        """One per slot; each depends on its slot alone, not on the batch around it."""
        low, high = self._positions(t_range)
        return [
            timestep_of(uniform(self._seed, step, slot, "timestep"), low, high, self._total)
            for slot in slots
        ]

    def _positions(self, t_range: tuple[float, float]) -> tuple[int, int]:
        """The allowed positions within a fraction of the noise range (0 clean, 1 pure noise)."""
        clean, noisy = t_range
        low = max(self._low, self._total - round(noisy * self._total))
        high = min(self._high, self._total - 1 - round(clean * self._total))
        if low > high:
            raise ConfigError(
                "train.min_denoising_steps",
                "no noise level is left for one of the model's experts.",
            )
        return low, high
