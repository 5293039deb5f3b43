"""Value axes: limits that hold still, ticks at round numbers, and the way from a value to a dot.

A limit that followed every point would redraw the whole plot each second; these widen when a value
leaves them and shrink only when most of the plot has become empty.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

ROUND: Final = (1.0, 2.0, 2.5, 5.0, 10.0)
LINEAR, LOG, TRIMMED = "linear", "log", "trimmed"
SCALES: Final = (LINEAR, LOG, TRIMMED)
SHRINK_BELOW: Final = 0.4
"""Share of the axis that the values must still fill; below it the axis is chosen anew."""
TRIM: Final = 0.02
"""Share of the lowest and of the highest values that the trimmed axis leaves outside."""


@dataclass(frozen=True)
class Limits:
    """Bottom and top of a value axis, and the scale between them."""

    bottom: float
    top: float
    scale: str = LINEAR

    def share(self, value: float) -> float:
        """Where a value lies: 0 at the bottom, 1 at the top; outside it for what lies outside."""
        if self.scale == LOG:
            if value <= 0:
                return -1.0
            low, high = math.log(self.bottom), math.log(self.top)
            return (math.log(value) - low) / (high - low)
        return (value - self.bottom) / (self.top - self.bottom)

    def dot(self, value: float, height: int) -> int:
        """The row of dots of a value, 0 at the top, -1 above and `height` below the plot.

        Infinity counts as above.
        """
        where = self.share(value) if math.isfinite(value) else 2.0
        if where > 1 + 1e-9:
            return -1
        if where < -1e-9:
            return height
        return min(height - 1, max(0, round((1 - where) * (height - 1))))

    def ticks(self, rows: int) -> dict[int, float]:
        """Round values to label, by text row; none closer than two rows to another."""
        wanted = max(2, min(6, rows // 3))
        values = (
            _log_ticks(self.bottom, self.top)
            if self.scale == LOG
            else _linear_ticks(self.bottom, self.top, wanted)
        )
        placed: dict[int, float] = {}
        for value in sorted(values, key=lambda v: (_roughness(v), v)):
            at = round((1 - self.share(value)) * (rows - 1))
            if 0 <= at < rows and all(abs(at - other) >= 2 for other in placed):
                placed[at] = value
        return placed


def choose(low: float, high: float, scale: str) -> Limits:
    """Round limits around `low .. high`."""
    if scale == LOG:
        low = low if low > 0 else high * 1e-4 if high > 0 else 1e-4
        high = max(high, low)
        bottom, top = _log_below(low), _log_above(high)
        return Limits(bottom, top if top > bottom else bottom * 10, LOG)
    if high <= low:
        pad = abs(low) * 0.5 or 0.5
        low, high = (low - pad if low < 0 else max(0.0, low - pad)), high + pad
    step = nice_step((high - low) / 8)
    bottom, top = math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step
    return Limits(bottom, top if top > bottom else bottom + step, scale)


class StickyLimits:
    """Limits that change only when they must."""

    def __init__(self, scale: str = LINEAR) -> None:
        """Nothing seen yet."""
        self.scale = scale
        self._held: Limits | None = None

    def update(self, values: Iterable[float], fixed: Iterable[float] = ()) -> Limits | None:
        """Limits that show the values (and always `fixed`); None when there is none to show."""
        finite = sorted(v for v in values if math.isfinite(v))
        if self.scale == TRIMMED and len(finite) > 20:
            cut = max(1, round(len(finite) * TRIM))
            finite = finite[cut:-cut]
        if self.scale == LOG:
            finite = [v for v in finite if v > 0]
        kept = [v for v in fixed if math.isfinite(v)]
        if not finite and not kept:
            return None
        low = min([finite[0], *kept] if finite else kept)
        high = max([finite[-1], *kept] if finite else kept)
        held = self._held
        if held is None or held.scale != self.scale or not self._still_fits(held, low, high):
            self._held = choose(low, high, self.scale)
        return self._held

    def _still_fits(self, held: Limits, low: float, high: float) -> bool:
        bottom, top = held.share(low), held.share(high)
        return bottom >= -1e-9 and top <= 1 + 1e-9 and (top - bottom >= SHRINK_BELOW or low == high)


def nice_step(rough: float) -> float:
    """The round step (1, 2, 2.5, 5 times a power of ten) nearest above `rough`."""
    base = 10.0 ** math.floor(math.log10(rough))
    return next(base * factor for factor in ROUND if base * factor >= rough * (1 - 1e-9))


def _linear_ticks(bottom: float, top: float, wanted: int) -> list[float]:
    step = nice_step((top - bottom) / wanted)
    first = math.ceil(bottom / step - 1e-9)
    return [round(n * step, 12) for n in range(first, math.floor(top / step + 1e-9) + 1)]


def _log_ticks(bottom: float, top: float) -> list[float]:
    low, high = math.floor(math.log10(bottom)), math.ceil(math.log10(top))
    ticks = [factor * 10.0**n for n in range(low, high + 1) for factor in (1, 2, 5)]
    return [tick for tick in ticks if bottom * (1 - 1e-9) <= tick <= top * (1 + 1e-9)]


def _roughness(value: float) -> int:
    """How many digits a label would need; round numbers claim their row first."""
    return len(f"{value:.6g}".strip("0.").replace(".", ""))


def _log_below(value: float) -> float:
    base = 10.0 ** math.floor(math.log10(value) + 1e-12)
    return max(base * factor for factor in (1, 2, 5) if base * factor <= value * (1 + 1e-9))


def _log_above(value: float) -> float:
    base = 10.0 ** math.floor(math.log10(value) + 1e-12)
    return min(base * factor for factor in (1, 2, 5, 10) if base * factor >= value * (1 - 1e-9))
