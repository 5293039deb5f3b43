"""The items of the epochs in batches of changing size.

`Order` answers for batches of one size whichever is asked for first. When the size changes while a
run goes on, the next batch depends on what was taken before: a stream remembers that (the epoch and
the positions that were used), goes back to a mark when a step is tried again, and is part of the
checkpoint. An epoch still shows every item once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from engine.batch_size import BatchSize
from engine.data.order import Bucket, Order

Mark = tuple[int, frozenset[int]]


class Stream:
    """Takes items in the order of the epochs, never two buckets in one batch."""

    def __init__(self, buckets: Sequence[Bucket], seed: int, stream: str = "") -> None:
        self._order = Order([replace(bucket, fill=False) for bucket in buckets], seed, stream)
        self._bucket_of = {item: bucket for bucket in buckets for item in bucket.items}
        self._epoch, self._used = 0, set[int]()
        self._items = self._of_epoch()

    def take(self, size: int) -> list[int]:
        """The next items, all of one bucket; a last batch is filled up if its bucket says so."""
        if len(self._used) == len(self._items):
            self._epoch, self._used = self._epoch + 1, set()
            self._items = self._of_epoch()
        left = [place for place in range(len(self._items)) if place not in self._used]
        bucket = self._bucket_of[self._items[left[0]]]
        places = [p for p in left if self._bucket_of[self._items[p]] is bucket][:size]
        self._used.update(places)
        taken = [self._items[place] for place in places]
        missing = size - len(taken) if bucket.fill else 0
        return taken + [bucket.items[i % len(bucket.items)] for i in range(missing)]

    def mark(self) -> Mark:
        """Where the stream is."""
        return self._epoch, frozenset(self._used)

    def rewind(self, mark: Mark) -> None:
        """Go back to a mark."""
        if mark[0] != self._epoch:
            self._epoch = mark[0]
            self._items = self._of_epoch()
        self._used = set(mark[1])

    def state_dict(self) -> dict[str, Any]:
        """The place as plain numbers."""
        return {"epoch": self._epoch, "used": sorted(self._used)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a place."""
        self.rewind((state["epoch"], frozenset(state["used"])))

    def _of_epoch(self) -> list[int]:
        return [item for batch in self._order.epoch(self._epoch) for item in batch]


class VariedBatches:
    """The batches of a run whose sizes are chosen step by step."""

    def __init__(self, sizes: BatchSize, learned: Stream, regular: Stream | None) -> None:
        self._sizes, self._learned, self._regular = sizes, learned, regular
        self._step, self._begun = 0, (0, frozenset[int]())

    def rows(self, step: int, micro: int, *, regular: bool) -> list[int]:
        """The items of a micro-batch; asked for the same step again, the same items come first."""
        stream = self._regular if regular and self._regular is not None else self._learned
        if micro == 0:
            if step == self._step:
                stream.rewind(self._begun)
            self._step, self._begun = step, stream.mark()
        return stream.take(self._sizes.of(step))

    def state_dict(self) -> dict[str, Any]:
        """The places of the streams and what was learnt about sizes."""
        return {
            "sizes": self._sizes.state_dict(),
            "learned": self._learned.state_dict(),
            "regular": None if self._regular is None else self._regular.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from them."""
        self._sizes.load_state_dict(state["sizes"])
        self._learned.load_state_dict(state["learned"])
        if self._regular is not None and state["regular"] is not None:
            self._regular.load_state_dict(state["regular"])
