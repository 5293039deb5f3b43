"""How long the parts of a step take, for runs that ask for it.

The parts are wrapped where they are built, so a run that does not ask has nothing in its way. On a
GPU each part waits for its work: the figures are true, and the run is a little slower for them.
"""

from __future__ import annotations

import functools
import time
from collections import defaultdict, deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from engine.step import Step, StepResult

KEPT = 10
"""Measurements that a mean is made of: the newest ones."""

PROFILED_STEPS = 3
ROWS = 1000


class Timers:
    """Named clocks; the means are reported and forgotten."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._seconds: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=KEPT))

    def wrap(self, owner: Any, method: str, name: str) -> None:
        """From now on `owner.method(...)` is measured as `name`."""
        inner = getattr(owner, method)

        @functools.wraps(inner)
        def timed(*args: Any, **kwargs: Any) -> Any:
            began = self._now()
            try:
                return inner(*args, **kwargs)
            finally:
                self._seconds[name].append(self._now() - began)

        setattr(owner, method, timed)

    def _now(self) -> float:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        return time.perf_counter()

    def add(self, name: str, seconds: float) -> None:
        """A measurement made elsewhere."""
        self._seconds[name].append(seconds)

    def report(self) -> dict[str, float]:
        """The mean seconds by name, the largest sums first; the clocks start again."""
        sums = sorted(self._seconds.items(), key=lambda row: -sum(row[1]))
        means = {name: sum(times) / len(times) for name, times in sums}
        self._seconds.clear()
        return means


class TimedStep:
    """A step whose parts are reported every `every` steps, but never after the first."""

    def __init__(
        self, step: Step, timers: Timers, every: int, tell: Callable[[int, dict[str, float]], None]
    ) -> None:
        self._step, self._timers, self._every, self._tell = step, timers, every, tell
        self._begun = False

    def __call__(self, number: int) -> StepResult:
        """Do the step."""
        began = time.perf_counter()
        result = self._step(number)
        self._timers.add("train_loop", time.perf_counter() - began)
        if self._begun and number % self._every == 0:
            self._tell(number, self._timers.report())
        self._begun = True
        return result


class ProfiledStep:
    """Writes torch's own table of the first few steps, by CPU time, into a file."""

    def __init__(self, step: Step, path: Path) -> None:
        self._step, self._path, self._left = step, path, PROFILED_STEPS

    def __call__(self, number: int) -> StepResult:
        """Do the step, watched while the first few last."""
        if not self._left:
            return self._step(number)
        self._left -= 1
        activities = [torch.profiler.ProfilerActivity.CPU]
        if torch.cuda.is_available():
            activities.append(torch.profiler.ProfilerActivity.CUDA)
        with torch.profiler.profile(activities=activities) as profile:
            result = self._step(number)
        table = profile.key_averages().table(sort_by="self_cpu_time_total", row_limit=ROWS)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"step {number}\n{table}\n")
        return result


def seconds_in_words(means: dict[str, float]) -> str:
    """`predict 0.120 s, backward 0.200 s (3.10 iter/sec)`."""
    whole = means.get("train_loop", 0.0)
    speed = f"{1 / whole:.2f} iter/sec" if 0 < whole < 1 else f"{whole:.2f} sec/iter"
    parts = ", ".join(f"{name} {value:.4f} s" for name, value in means.items())
    return f"{parts} ({speed})"
