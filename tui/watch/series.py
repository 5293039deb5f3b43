"""Curves for the charts: which steps a plot shows, in which buckets, and their smoothed line.

A plot has a fixed number of dots across. Steps fall into buckets of a power of two, so a new step
changes the last column only and the rest of the plot need not be sent again. All of this is plain
arithmetic on values that a reader of the metrics store hands in; it runs in the follower's thread.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

Bucket = tuple[float, float, float] | None
"""Lowest, highest and mean value of a bucket; None where it holds no step, NaN where every value in
it was NaN or infinite."""
WindowReader = Callable[[int, int, int], Sequence[Bucket]]
"""`(first, last, buckets)` -> one bucket per equal part of the steps first..last."""

SMOOTHINGS: Final = (0.97, 0.99, 0.997, 0.0, 0.9)
"""Share of the old value that the smoothed line keeps at each step; 0 draws no smoothed line."""
ZOOMS: Final = (0, 50_000, 5_000, 500, 100)
"""How many of the last steps are shown; 0 means all."""
NAN: Final = float("nan")


@dataclass(frozen=True)
class Window:
    """The steps `first .. first + steps - 1`, drawn over `dots` columns of dots.

    `shift` is log2 of the steps per dot; below zero a step takes `2 ** -shift` dots.
    """

    first: int
    shift: int
    dots: int

    @property
    def per_bucket(self) -> int:
        """Steps in one bucket, at least one."""
        return 1 << max(0, self.shift)

    @property
    def dots_per_bucket(self) -> int:
        """Dots from one bucket to the next, at least one."""
        return 1 << max(0, -self.shift)

    @property
    def buckets(self) -> int:
        """How many buckets fit into the plot."""
        return max(1, self.dots // self.dots_per_bucket)

    @property
    def last(self) -> int:
        """The last step that fits into the plot."""
        return self.first + self.buckets * self.per_bucket - 1

    def dot(self, step: float) -> int:
        """The dot column of a step; may lie outside the plot."""
        return math.floor((step - self.first) / self.per_bucket) * self.dots_per_bucket

    def bucket_of(self, step: int) -> int:
        """The bucket that holds a step."""
        return (step - self.first) // self.per_bucket

    def step_at(self, bucket: int) -> int:
        """The first step of a bucket."""
        return self.first + bucket * self.per_bucket


def window(last: int, dots: int, zoom: int = 0, first: int = 1) -> Window:
    """The window that shows `first .. last`, or the last `zoom` steps of it.

    The left edge of a zoomed window moves by a quarter of its width at a time, since each move
    redraws the whole plot.
    """
    dots = max(1, dots)
    if not zoom or last - first < zoom:
        return Window(first, _shift(max(2, last - first + 1), dots), dots)
    shift = _shift(math.ceil(zoom * 1.25), dots)
    jump = max(1, zoom // 4)
    left = max(first, (last - zoom) // jump * jump)
    # Aligned to the store's groups (steps 1..8, 9..16, ...), so that no bucket shares a group.
    step = 1 << max(0, shift)
    return Window(first + (left - first) // step * step, shift, dots)


def _shift(steps: int, dots: int) -> int:
    """Smallest power of two of steps per dot with which the steps fit; not below 1/8."""
    shift = math.ceil(math.log2(steps / dots))
    if shift < 0:
        # A step at dot n * 2^-shift must still lie inside: (steps - 1) * 2^-shift < dots.
        shift = max(shift, -3)
    return shift


@dataclass(frozen=True)
class Curve:
    """One series, cut into the buckets of a window."""

    label: str
    window: Window
    buckets: Sequence[Bucket]
    smooth: Sequence[float] = ()
    last_step: int = 0

    def value_at(self, step: int) -> tuple[Bucket, float] | None:
        """The bucket and the smoothed value at a step, for reading off exact numbers."""
        at = self.window.bucket_of(step)
        if not 0 <= at < len(self.buckets):
            return None
        return self.buckets[at], self.smooth[at] if at < len(self.smooth) else NAN


def make_curve(
    label: str, view: Window, read: WindowReader, last_step: int, smoothing: float = 0.0
) -> Curve:
    """Read the buckets of a window and smooth them.

    The smoothed line needs what came before the window: as many steps as it remembers are read in
    front of it, in buckets of the same size.
    """
    memory = 0
    if smoothing:
        wanted = min(view.first - 1, math.ceil(5 / (1 - smoothing)))
        memory = min(1024, wanted // view.per_bucket)
    start = view.first - memory * view.per_bucket
    end = min(view.last, last_step)
    count = memory + max(0, view.bucket_of(end) + 1)
    if count <= 0 or end < view.first:
        return Curve(label, view, (), last_step=last_step)
    found = list(read(start, start + count * view.per_bucket - 1, count))
    means = [NAN if bucket is None else bucket[2] for bucket in found]
    smooth = ema(means, view.per_bucket, smoothing) if smoothing else []
    return Curve(label, view, found[memory:], smooth[memory:], last_step=last_step)


def ema(means: Sequence[float], steps_each: int, beta: float) -> list[float]:
    """Exponential moving average over bucket means, corrected for its start.

    `s = beta^n s + (1 - beta^n) x`, shown as `s / (1 - beta^t)`: with n steps in a bucket this is
    what smoothing step by step gives for a constant within the bucket. Empty and non-finite
    buckets leave the line where it was. (Bias correction: Kingma and Ba, arXiv:1412.6980.)
    """
    keep = beta**steps_each
    total = weight = 0.0
    line: list[float] = []
    for mean in means:
        if math.isfinite(mean):
            total = keep * total + (1 - keep) * mean
            weight = keep * weight + (1 - keep)
        line.append(total / weight if weight else NAN)
    return line


def tail_average(values: Sequence[float], beta: float) -> float | None:
    """The smoothed value at the end of a series of single steps; None without a finite value."""
    line = ema(values, 1, beta) if beta else list(values)
    return line[-1] if line and math.isfinite(line[-1]) else None
