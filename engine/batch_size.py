"""The size of every batch when it is chosen automatically.

It ramps up from the smallest to the full size over the first W steps,

    b(s) = floor(b0 + (b1 - b0) s / W + 0.5)    for the step s counted from 0,

shrinks to three quarters when memory runs out, and grows by a quarter after 100 good steps in a row
while less than 90 % of the device's memory is in use, never beyond the largest size.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

SHRINK, PATIENCE, ROOMY = 0.75, 100, 0.9


class BatchSize:
    """Chooses; what it learnt about the device belongs to the checkpoint."""

    def __init__(
        self,
        size: int,
        *,
        smallest: int,
        largest: int | None,
        warmup: int,
        memory_in_use: Callable[[], float | None],
    ) -> None:
        """`memory_in_use` is a peak as a share of the device's memory; None where nobody knows."""
        self._smallest, self._largest = min(smallest, size), max(largest or size, size)
        self._warmup, self._memory_in_use = warmup, memory_in_use
        self._full, self._good, self._last = size, 0, size

    @property
    def largest(self) -> int:
        """What no batch is ever above."""
        return self._largest

    def of(self, step: int) -> int:
        """The size of the batches of a step (from 1)."""
        begun = step - 1
        size = self._full
        if begun < self._warmup:
            share = begun / self._warmup
            size = int(self._smallest + (self._full - self._smallest) * share + 0.5)
        self._last = max(1, size)
        return self._last

    def shrink(self) -> bool:
        """After memory ran out: whether a smaller batch is left to try."""
        self._good = 0
        if self._last <= self._smallest:
            return False
        self._full = max(self._smallest, int(self._last * SHRINK))
        return True

    def succeeded(self, step: int) -> None:
        """Count a good step, and grow when there is room."""
        self._good += 1
        if step <= self._warmup or self._good < PATIENCE or self._full >= self._largest:
            return
        self._good = 0
        used = self._memory_in_use()
        if used is not None and used < ROOMY:
            self._full = min(self._largest, self._full + max(1, self._full // 4))

    def state_dict(self) -> dict[str, Any]:
        """What was learnt."""
        return {"full": self._full, "good": self._good}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from it, within the bounds that the config names now."""
        self._full = min(max(state["full"], self._smallest), self._largest)
        self._good = state["good"]


def memory_meter(device: torch.device) -> Callable[[], float | None]:
    """The peak share of a GPU's memory since the last question; None on other devices."""

    def ask() -> float | None:
        if device.type != "cuda":
            return None
        peak = torch.cuda.max_memory_reserved(device)
        torch.cuda.reset_peak_memory_stats(device)
        return peak / torch.cuda.get_device_properties(device).total_memory

    return ask
