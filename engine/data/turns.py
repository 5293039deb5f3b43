"""Whose turn a step is: the pictures that are learned, or those that keep the model as it is.

Regularization sets form a stream of batches of their own. Every step with an even number draws from
it, unless it saves or makes previews, as ai-toolkit does; all micro-batches of a step come from one
stream. How far either stream is at a step follows from the step's number alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations


@dataclass(frozen=True)
class Turns:
    """`skipped` are the intervals at whose multiples a step is never one of regularization."""

    regularizes: bool = False
    skipped: tuple[int, ...] = ()

    def is_regular(self, step: int) -> bool:
        """Whether the step (from 1) draws from the regularization sets."""
        return self.regularizes and step % 2 == 0 and all(step % every for every in self.skipped)

    def before(self, step: int) -> int:
        """How many steps before this one did: even ones less those skipped, by inclusion and
        exclusion over the intervals.
        """
        if not self.regularizes:
            return 0
        return sum(sign * ((step - 1) // every) for sign, every in self._intervals())

    def _intervals(self) -> Iterator[tuple[int, int]]:
        for size in range(len(self.skipped) + 1):
            for chosen in combinations(self.skipped, size):
                yield (-1) ** size, math.lcm(2, *chosen)
