"""A number with its origin and its uncertainty; sums that say what is missing in them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

Source = Literal["counted", "measured", "computed", "assumed", "unknown"]

SOURCES: Final[dict[Source, str]] = {
    "counted": "counted on the model itself, built without weights",
    "measured": "measured: by recording what a step keeps, or in an earlier run",
    "computed": "computed from the config and documented sizes",
    "assumed": "a usual value, not known for this machine",
    "unknown": "not known",
}
"""What each word on an origin means, from the surest to the least sure."""

_RANK: Final = {source: rank for rank, source in enumerate(SOURCES)}


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure; `value` is None exactly where it is unknown.

    `spread` is the share of the value by which the truth may lie off, either way.
    """

    value: float | None
    source: Source
    note: str = ""
    spread: float = 0.0

    @property
    def low(self) -> float | None:
        """The least that it may be."""
        return None if self.value is None else self.value * (1 - self.spread)

    @property
    def high(self) -> float | None:
        """The most that it may be."""
        return None if self.value is None else self.value * (1 + self.spread)

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "source": self.source,
            "note": self.note,
        }


def unknown(note: str) -> Figure:
    """A figure that nobody knows, with what would make it known."""
    return Figure(None, "unknown", note)


def nothing(note: str = "") -> Figure:
    """A figure that is zero because the config says so."""
    return Figure(0.0, "computed", note)


def added(figures: Iterable[Figure], note: str = "") -> Figure:
    """The sum; unknown as soon as a summand is. Its origin is that of the least sure summand."""
    rows = list(figures)
    missing = [row for row in rows if row.value is None]
    if missing:
        return unknown(note or missing[0].note)
    total = sum(row.value or 0.0 for row in rows)
    off = sum((row.value or 0.0) * row.spread for row in rows)
    counting = [row for row in rows if row.value] or rows
    source: Source = max((row.source for row in counting), key=_RANK.__getitem__, default="counted")
    return Figure(total, source, note, off / total if total else 0.0)


def known_part(figures: Iterable[Figure]) -> float:
    """The sum of what is known: the least that the whole can be."""
    return sum(figure.value or 0.0 for figure in figures)


def in_bytes(count: float) -> str:
    """Bytes in binary units, as the rest of the app writes them: `37.9M`, `1.60G`."""
    value = float(count)
    for unit in ("B", "K", "M"):
        if value < 1000:
            return f"{value:.0f}{unit}" if unit in "BK" or value >= 99.95 else f"{value:.1f}{unit}"
        value /= 1024
    return f"{value:.1f}G" if value >= 9.995 else f"{value:.2f}G"
