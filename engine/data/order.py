"""Which items are trained together, and when: batches as a function of (seed, epoch).

Every epoch shuffles each bucket, cuts it into batches and shuffles those, so that each item is seen
once per epoch and a batch never mixes sizes. Nothing is carried from epoch to epoch: any batch of
any epoch can be asked for first, which is what makes a resumed run exact.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from schema.formulas.draws import shuffled


@dataclass(frozen=True)
class Bucket:
    """Items of one size. A short last batch is filled up from its own items if ``fill``."""

    items: tuple[int, ...]
    batch_size: int
    fill: bool = True

    @property
    def batches(self) -> int:
        """How many batches it gives in an epoch."""
        return math.ceil(len(self.items) / self.batch_size)


class Order:
    """The batches of every epoch."""

    def __init__(self, buckets: Sequence[Bucket], seed: int, stream: str = "") -> None:
        """`stream` is put before the purposes of its draws, so that two orders differ."""
        self._buckets, self._seed, self._stream = list(buckets), seed, stream
        self._kept: dict[int, list[list[int]]] = {}

    @property
    def batches_per_epoch(self) -> int:
        """The length of an epoch; the same for all."""
        return sum(bucket.batches for bucket in self._buckets)

    def batch(self, index: int) -> list[int]:
        """The items of batch ``index``, counted from 0 at the start of the run."""
        epoch, place = divmod(index, self.batches_per_epoch)
        if epoch not in self._kept:
            while len(self._kept) > 1:  # the one before may still be asked for by a prefetcher
                del self._kept[min(self._kept)]
            self._kept[epoch] = self.epoch(epoch)
        return self._kept[epoch][place]

    def epoch(self, epoch: int) -> list[list[int]]:
        """All batches of an epoch, in order."""
        batches = [
            rows
            for number, bucket in enumerate(self._buckets)
            for rows in _cut(
                shuffled(self._seed, epoch, f"{self._stream}bucket {number}", bucket.items),
                bucket.batch_size,
                bucket.fill,
            )
        ]
        return shuffled(self._seed, epoch, f"{self._stream}batches", batches)


def _cut(items: list[int], size: int, fill: bool) -> list[list[int]]:
    batches = [items[start : start + size] for start in range(0, len(items), size)]
    last = batches[-1] if batches else []
    if fill:
        last += [items[i % len(items)] for i in range(size - len(last))]
    return batches
