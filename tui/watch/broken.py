"""Finding the steps at which a series was NaN or infinite, without reading all of it.

The store counts broken values in every summary, so a search that looks only where there are some
costs a few reads for each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

CountBroken = Callable[[int, int], int]
"""`(first, last)` -> how many broken values these steps hold."""
MOST: Final = 40
"""More marks than this say no more."""
PARTS: Final = 8


def broken_steps(first: int, last: int, count: CountBroken) -> list[int]:
    """The first steps of `first .. last` whose value was broken, at most `MOST`."""
    found: list[int] = []
    _search(first, last, count, found)
    return found


def _search(first: int, last: int, count: CountBroken, found: list[int]) -> None:
    if len(found) >= MOST or first > last or not count(first, last):
        return
    if first == last:
        found.append(first)
        return
    width = max(1, -(-(last - first + 1) // PARTS))
    for start in range(first, last + 1, width):
        _search(start, min(last, start + width - 1), count, found)
