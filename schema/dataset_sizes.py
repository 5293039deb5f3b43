"""At which sizes a dataset's pictures will be trained, and what that enlarges or cuts away."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from schema.formulas.buckets import Size, bucket_step, bucket_table, plan
from schema.sections.datasets import Dataset


@dataclass(frozen=True, slots=True)
class SizeTable:
    """One training resolution of a dataset: its buckets and what becomes of the pictures."""

    resolution: int
    buckets: dict[Size, int]
    """How many pictures each training size has, widest first."""
    enlarged: int
    """Pictures that are scaled up by more than a twentieth."""
    most_enlarged: float
    """The largest factor of a side; 1 where nothing is enlarged."""
    cut: float
    """The mean share of a picture that is cropped away."""
    most_cut: float
    lost: list[Size] = field(default_factory=list)
    """Sizes of pictures that no training size is left of."""


NOTICEABLE = 1.05
"""Rounding to the bucket's step alone may enlarge a little."""


def size_tables(dataset: Dataset, sizes: Iterable[Size], multiple: int) -> list[SizeTable]:
    """A table for each resolution. `multiple` is what the model's sides must divide by."""
    counted = Counter(sizes)
    chosen = "bucket_tolerance" in dataset.model_fields_set
    step = bucket_step(dataset.bucket_tolerance if chosen else None, multiple)
    return [_table(dataset, counted, resolution, step) for resolution in dataset.resolutions]


def _table(dataset: Dataset, counted: Counter[Size], resolution: int, step: int) -> SizeTable:
    buckets: list[Size] = []
    lost: list[Size] = []
    enlarged, most_enlarged, cut, most_cut, total = 0, 1.0, 0.0, 0.0, 0
    for (width, height), count in counted.items():
        try:
            planned = plan(
                width, height, resolution, step,
                buckets=dataset.buckets,
                square_crop=dataset.square_crop,
                random_crop=dataset.random_crop,
                scale=dataset.scale,
            )  # fmt: skip
        except ValueError:
            lost.append((width, height))
            continue
        buckets += [planned.crop] * count
        factor = planned.scale_to[0] / width
        if factor > NOTICEABLE:
            enlarged += count
            most_enlarged = max(most_enlarged, factor)
        scaled, kept = planned.scale_to, planned.crop
        share = 1 - kept[0] * kept[1] / (scaled[0] * scaled[1])
        cut, most_cut, total = cut + share * count, max(most_cut, share), total + count
    mean = cut / total if total else 0.0
    return SizeTable(
        resolution, bucket_table(buckets), enlarged, most_enlarged, mean, most_cut, lost
    )
