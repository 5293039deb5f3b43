"""Bytes of activations at any batch and size, from a few measured points.

What a step needs is a sum of what depends on nothing, on the number of pictures B (their text), on
their pixels P (positions), and on both (everything else, where attention never stores its matrix):
bytes = a + b B + c P + d B P. The most that lives at once is the larger of two such sums: with few
pixels it is reached when all gradients are there, with many at the end of the forward pass. So
points come in two groups, small pictures and large ones; each group gives its sum and the larger
one counts. It holds for pictures of any shape. `tests/engine/counts` prints how far this is from
recording every tensor, per family and bucket.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from schema.estimate.counts import Point


def at(
    points: Sequence[Point], batch: int, pixels: int, read: Callable[[Point], int]
) -> float | None:
    """`read` (kept or peak) at `batch` pictures of `pixels` each; None without points."""
    sides = sorted({p.pixels for p in points if p.batch == 1})
    if not sides:
        return None
    known = {(p.batch, p.pixels): float(read(p)) for p in points}
    groups = [sides[i : i + 2] for i in range(0, len(sides), 2)]
    if len(groups) > 1 and len(groups[-1]) == 1:
        groups.pop()
    return max(0.0, max(_sum(known, group, batch, pixels) for group in groups))


def kept(points: Sequence[Point], batch: int, pixels: int) -> float | None:
    """What waits for the backward pass."""
    return at(points, batch, pixels, lambda point: point.kept)


def peak(points: Sequence[Point], batch: int, pixels: int) -> float | None:
    """The most that lives at once."""
    return at(points, batch, pixels, lambda point: point.peak)


def _sum(
    known: Mapping[tuple[int, int], float], sides: Sequence[int], batch: int, pixels: int
) -> float:
    """The sum that goes through a group's points."""
    first, last = sides[0], sides[-1]

    def line(count: int, start: int, slope: float, at: float) -> float:
        return known[count, start] + slope * (at - start)

    if first == last:
        slope = known[1, first] / first
    else:
        slope = (known[1, last] - known[1, first]) / (last - first)
    pairs = [side for side in sides if (2, side) in known]
    if not pairs:
        return line(1, first, slope, batch * pixels)
    two = 2 * slope
    if len(pairs) == 2:
        two = (known[2, last] - known[2, first]) / (last - first)
    one = line(1, first, slope, pixels)
    return one + (batch - 1) * (line(2, pairs[0], two, pixels) - one)
