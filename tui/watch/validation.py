"""The validation loss as charts show it: a line held between its few points, and its spread.

Validation is measured every so many steps. In the loss chart its last value holds until the next
one; in a chart of its own the band reaches from the easiest held-out picture to the hardest.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from schema.run.metrics import MetricsReader
from tui.watch.series import NAN, Bucket, Curve, Window, ema, make_curve

VALIDATION: Final = "val/loss"
LOW, HIGH = "val/low", "val/high"


def held_curve(label: str, view: Window, reader: MetricsReader, name: str, last_step: int) -> Curve:
    """A series whose line keeps its last value until there is another."""

    def read(first: int, last: int, buckets: int) -> Sequence[Bucket]:
        return reader.window(name, first, last, buckets)

    curve = make_curve(label, view, read, last_step)
    means = [NAN if bucket is None else bucket[2] for bucket in curve.buckets]
    return replace(curve, smooth=ema(means, 1, 0.0))


def with_spread(
    means: Sequence[Bucket], reader: MetricsReader, part: tuple[int, int, int]
) -> list[Bucket]:
    """The buckets of the mean over pictures, from the least loss of one to the greatest.

    `part` is the first and last step and the number of buckets.
    """
    rows = zip(means, reader.window(LOW, *part), reader.window(HIGH, *part), strict=True)
    return [
        mean if mean is None or low is None or high is None else (low[0], high[1], mean[2])
        for mean, low, high in rows
    ]
