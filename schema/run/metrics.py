"""The recorded scalars of a run: what the worker writes each step and what charts read.

A recorder's place holds numbered segments, one per start of a worker; a segment's `segment.json`
says after which step it goes on, and everything that earlier segments hold past that step is
superseded (the rows a killed run had recorded after its last checkpoint). Within a segment every
series is a column of `schema.run.columns`. The series `time` is written last: a step without it has
not wholly arrived.

Recording costs a queue append; rows reach the disk every half second. A full disk never stops a
training: rows wait, then are dropped and counted, and that is reported once.
"""

from __future__ import annotations

import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from schema.run.columns import (
    RAW_SUFFIX,
    ColumnReader,
    ColumnWriter,
    GrowingFile,
    Summary,
    merged,
    series_name,
)
from schema.run.files import read_json, replace_json

TIME = "time"
FLUSH_SECONDS = 0.5
_ITEM = struct.Struct("<Qff")
_ITEMS_FILE = "items.bin"
# Rows that may wait for the next flush, and for a folder that cannot be made.
_QUEUE_ROWS = 4096
_Row = tuple[int, float, Mapping[str, float], Iterable[tuple[float, float]]]


class MetricsWriter:
    """Records scalars by step into a new segment; `record` may run in one thread and `flush` in
    another.
    """

    def __init__(
        self,
        place: Path,
        start_step: int,
        *,
        segment: int | None = None,
        report: Callable[[str], object] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Begin a segment that goes on after `start_step` completed steps.

        Args:
            place: the recorder's folder (`RunFolder.metrics` or `.telemetry`); made if missing.
            start_step: rows of earlier segments past this key are superseded from now on.
            segment: its number; the next free one when None.
            report: called once, with a sentence, when the disk first refuses a row.
            clock: seconds since the epoch.
        """
        self.lost = 0
        self._place, self._start_step, self._wanted = place, start_step, segment
        self._report, self._clock = report, clock
        self._queue: deque[_Row] = deque()
        self._mutex = threading.Lock()
        self._columns: dict[str, ColumnWriter] = {}
        self._segment: Path | None = None
        self._items: GrowingFile | None = None
        self._last_flush = clock()
        with self._mutex:
            self._begin()

    def record(
        self,
        step: int,
        values: Mapping[str, float],
        items: Iterable[tuple[float, float]] = (),
        *,
        at: float | None = None,
    ) -> None:
        """Note the values of one completed step; `values` must not change afterwards.

        Args:
            step: 1 or more, never below an earlier one.
            values: plain numbers by series name; NaN and infinity are kept as such.
            items: (timestep, loss) of each picture of the step.
            at: when, in seconds since the epoch; now when None.
        """
        now = self._clock() if at is None else at
        self._queue.append((step, now, values, items))
        if not 0.0 <= now - self._last_flush < FLUSH_SECONDS or len(self._queue) >= _QUEUE_ROWS:
            self.flush()

    def flush(self) -> None:
        """Write every row recorded so far; never raises for the disk's sake."""
        with self._mutex:
            self._last_flush = self._clock()
            if not self._begin():
                while len(self._queue) >= _QUEUE_ROWS:
                    self._queue.popleft()
                    self.lost += 1
                return
            while self._queue:
                self._spread(*self._queue.popleft())
            try:
                clock, *others = self._columns.values()
                for column in (*others, clock):
                    column.drain()
                if self._items:
                    self._items.drain()
            except OSError as fault:
                self._complain(fault)

    def close(self) -> None:
        """Write what is left."""
        self.flush()

    def _spread(
        self,
        step: int,
        now: float,
        values: Mapping[str, float],
        items: Iterable[tuple[float, float]],
    ) -> None:
        assert self._segment is not None
        kept = True
        for name, value in values.items():
            column = self._columns.get(name)
            if column is None:
                column = self._columns[name] = ColumnWriter(self._segment, name)
            kept &= column.add(step, float(value))
        clock = self._columns[TIME]
        if step != clock.last_key:
            kept &= clock.add(step, now)
        for timestep, loss in items:
            if self._items is None:
                self._items = GrowingFile(self._segment / _ITEMS_FILE, _ITEM.size)
            self._items.pending += _ITEM.pack(step, timestep, loss)
        self.lost += not kept

    def _begin(self) -> bool:
        """Make the segment's folder if that has not succeeded yet."""
        if self._segment is not None:
            return True
        try:
            self._place.mkdir(parents=True, exist_ok=True)
            taken = [int(path.name) for path in self._place.iterdir() if path.name.isdigit()]
            number = self._wanted if self._wanted is not None else max(taken, default=-1) + 1
            segment = self._place / f"{number:04d}"
            segment.mkdir(exist_ok=True)
            begun = {"v": 1, "from_step": self._start_step, "started": self._clock()}
            replace_json(segment / "segment.json", begun)
        except OSError as fault:
            self._complain(fault)
            return False
        self._segment = segment
        self._columns = {TIME: ColumnWriter(segment, TIME)}
        return True

    def _complain(self, fault: OSError) -> None:
        if self._report:
            report, self._report = self._report, None
            report(f"metrics cannot be written for now, training goes on: {fault}")


class _Segment(NamedTuple):
    path: Path
    from_step: int
    # The last key that counts: past it a later segment has taken over.
    until: int


class MetricsReader:
    """Reads what a `MetricsWriter` wrote, before, while and after it writes; holds no file open."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._segments: list[_Segment] = []
        self._seen: tuple[int, int] = (-1, -1)
        self.poll()

    def poll(self) -> bool:
        """Look for new segments and rows; True when there is something new since the last look."""
        self._segments = self._find_segments()
        newest = self._segments[-1:]
        rows = 0
        for segment in newest:
            with ColumnReader(segment.path, TIME) as column:
                rows = column.count
        seen = (len(self._segments), rows)
        changed, self._seen = seen != self._seen, seen
        return changed

    def series(self) -> list[str]:
        """The names of all series recorded so far (`time` is no series of its own)."""
        names = {
            series_name(path)
            for segment in self._segments
            for path in segment.path.glob(f"*{RAW_SUFFIX}")
        }
        return sorted(names - {TIME})

    def span(self, name: str = TIME) -> tuple[int, int] | None:
        """The first and the last key of a series, or None while it is empty."""
        keys: list[int] = []
        for segment in self._segments:
            with ColumnReader(segment.path, name) as column:
                end = self._end(column, segment)
                keys += [column.key(0), column.key(end - 1)] if end else []
        return (keys[0], keys[-1]) if keys else None

    def last(self, name: str) -> tuple[int, float] | None:
        """The newest (key, value) of a series, or None while it is empty."""
        for segment in reversed(self._segments):
            with ColumnReader(segment.path, name) as column:
                end = self._end(column, segment)
                if end:
                    return column.row(end - 1)
        return None

    def values(
        self, name: str, first: int = 0, last: int | None = None
    ) -> Iterator[tuple[int, float]]:
        """All (key, value) of one series with `first` <= key <= `last`, in order."""
        for segment in self._segments:
            with ColumnReader(segment.path, name) as column:
                end = self._end(column, segment, last)
                yield from column.rows(column.index_of(first), end)

    def window(
        self, name: str, first: int, last: int, buckets: int
    ) -> list[tuple[float, float, float] | None]:
        """(lowest, highest, mean) of the finite values in each of `buckets` equal parts of
        `first`..`last`.

        Reads through the levels, so the cost depends on `buckets`, not on the number of rows. A
        part without rows is None, one with nothing but NaN is (nan, nan, nan). A summary is put
        where it begins, at most half a part from its place.
        """
        parts: list[list[Summary]] = [[] for _ in range(buckets)]
        width = last - first + 1
        for summary in self._summaries(name, first, last, 2 * buckets):
            parts[(summary.first - first) * buckets // width].append(summary)
        return [_triple(merged(part)) if part else None for part in parts]

    def summary(self, name: str, first: int = 0, last: int | None = None) -> Summary | None:
        """The whole of `first`..`last` in one: extremes, sum, number of finite and of broken
        values.
        """
        parts = list(self._summaries(name, first, last, 1))
        return merged(parts) if parts else None

    def rows(self, from_step: int = 0, every: int = 1) -> Iterator[dict[str, Any]]:
        """The recorded steps from `from_step` on, each once, in order: `step`, `time` and its
        values.

        Args:
            from_step: the first step that is wanted.
            every: only steps that are multiples of it.
        """
        for segment in self._segments:
            yield from self._rows_of(segment, from_step, every)

    def items(self, from_step: int = 0) -> Iterator[tuple[int, float, float]]:
        """(step, timestep, loss) of every picture from `from_step` on."""
        for segment in self._segments:
            try:
                data = (segment.path / _ITEMS_FILE).read_bytes()
            except OSError:
                continue
            for step, timestep, loss in _ITEM.iter_unpack(data[: len(data) // 16 * 16]):
                if from_step <= step <= segment.until and step:
                    yield step, timestep, loss

    def _find_segments(self) -> list[_Segment]:
        try:
            paths = [path for path in self._place.iterdir() if path.name.isdigit()]
        except OSError:
            return []
        begun: list[tuple[Path, int]] = []
        for path in sorted(paths, key=lambda path: int(path.name)):
            about = read_json(path / "segment.json")
            if about and isinstance(about.get("from_step"), int):
                begun.append((path, about["from_step"]))
        found: list[_Segment] = []
        until = (1 << 63) - 1
        for path, from_step in reversed(begun):
            found.append(_Segment(path, from_step, until))
            until = min(until, from_step)
        return found[::-1]

    @staticmethod
    def _end(column: ColumnReader, segment: _Segment, last: int | None = None) -> int:
        limit = segment.until if last is None else min(last, segment.until)
        if not column.count or column.key(column.count - 1) <= limit:
            return column.count
        return column.index_of(limit + 1)

    def _summaries(self, name: str, first: int, last: int | None, wanted: int) -> Iterator[Summary]:
        for segment in self._segments:
            with ColumnReader(segment.path, name) as column:
                low, high = column.index_of(first), self._end(column, segment, last)
                yield from column.summaries(low, high, wanted)

    def _rows_of(self, segment: _Segment, from_step: int, every: int) -> Iterator[dict[str, Any]]:
        with ExitStack() as stack:
            clock = stack.enter_context(ColumnReader(segment.path, TIME))
            low, high = clock.index_of(from_step), self._end(clock, segment)
            cursors: dict[str, _Cursor] = {}
            for path in sorted(segment.path.glob(f"*{RAW_SUFFIX}")):
                name = series_name(path)
                if name != TIME:
                    column = stack.enter_context(ColumnReader(segment.path, name))
                    start = column.index_of(from_step)
                    cursors[name] = _Cursor(column.rows(start, column.count))
            for step, at in clock.rows(low, high):
                row: dict[str, Any] = {"step": step, TIME: at}
                for name, cursor in cursors.items():
                    value = cursor.at(step)
                    if value is not None:
                        row[name] = value
                if step % every == 0:
                    yield row


class _Cursor:
    """Walks one series beside the steps."""

    def __init__(self, rows: Iterator[tuple[int, float]]) -> None:
        self._rows = rows
        self._next = next(rows, None)

    def at(self, step: int) -> float | None:
        """The value of `step` (the last one said), or None when the series has none there."""
        found: float | None = None
        while self._next is not None and self._next[0] <= step:
            if self._next[0] == step:
                found = self._next[1]
            self._next = next(self._rows, None)
        return found


def _triple(part: Summary) -> tuple[float, float, float]:
    if not part.finite:
        return (float("nan"), float("nan"), float("nan"))
    return (part.lo, part.hi, part.total / part.finite)
