"""One recorded series on disk: fixed-width rows and, above them, min/max levels.

`<name>.raw` holds (key, value) rows of 16 bytes in ascending order of key (a step, or a time in
milliseconds); `<name>.l1`, `.l2`, ... hold summaries of 8, 64, ... rows each, so that a chart over
a million rows reads a few thousand records. Files only grow, at offsets their writer knows, so a
write that failed half-way is simply done again. A reader opens, reads and closes: it needs no map,
no lock and no notification, and takes a record whose key is still 0 (a hole that a network mount
may show) as not there yet.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple
from urllib.parse import quote, unquote

FAN = 8
ROW = struct.Struct("<Qd")
LEVEL = struct.Struct("<QQdddII")
RAW_SUFFIX = ".raw"
# Rows that wait in memory while the disk is full; past this new ones are dropped and counted.
PENDING_BYTES = 4 << 20


class Summary(NamedTuple):
    """What a stretch of rows amounts to; `lo`, `hi`, `total` are of the finite values alone."""

    first: int
    last: int
    lo: float
    hi: float
    total: float
    finite: int
    broken: int


def file_stem(name: str) -> str:
    """The series `name` as a file name (`lr/unet` -> `lr%2Funet`)."""
    quoted = quote(name, safe="")
    # A leading dot would hide the file, and a lone one is no file name at all.
    return "%2E" + quoted[1:] if quoted.startswith(".") else quoted


def series_name(path: Path) -> str:
    """The series that a `.raw` file holds."""
    return unquote(path.name.removesuffix(RAW_SUFFIX))


def of_row(key: int, value: float) -> Summary:
    """A single row as a summary."""
    if math.isfinite(value):
        return Summary(key, key, value, value, value, 1, 0)
    return Summary(key, key, math.inf, -math.inf, 0.0, 0, 1)


def merged(parts: list[Summary]) -> Summary:
    """Neighbouring summaries, in order, as one."""
    return Summary(
        parts[0].first,
        parts[-1].last,
        min([part.lo for part in parts]),
        max([part.hi for part in parts]),
        math.fsum([part.total for part in parts]),
        sum([part.finite for part in parts]),
        sum([part.broken for part in parts]),
    )


class GrowingFile:
    """Bytes that wait to be put at the end of a file, and how far that file is known to be good."""

    def __init__(self, path: Path, width: int) -> None:
        self.path = path
        self.width = width
        self.written = 0
        self.pending = bytearray()

    def drain(self) -> None:
        """Write what waits.

        Raises:
            OSError: when not all could be written; the rest still waits and goes to the right place
                next time.
        """
        if not self.pending:
            return
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            count = os.pwrite(descriptor, self.pending, self.written)
        finally:
            # Closing publishes the rows to other hosts of a network mount, and may itself report a
            # full disk.
            os.close(descriptor)
        whole = count - count % self.width
        self.written += whole
        del self.pending[:whole]
        if self.pending:
            raise OSError("the disk took only a part of the rows")


class ColumnWriter:
    """Writes one series of one segment; not thread-safe, its owner holds the lock."""

    def __init__(self, segment: Path, name: str) -> None:
        self._stem = segment / file_stem(name)
        self._raw = GrowingFile(Path(f"{self._stem}{RAW_SUFFIX}"), ROW.size)
        self._levels: list[GrowingFile] = []
        self._open_rows: list[tuple[int, float]] = []
        self._open_groups: list[list[Summary]] = []
        self.last_key = -1

    def add(self, key: int, value: float) -> bool:
        """Take one row; False (and nothing kept) when `key` goes back or too much waits already."""
        if key < self.last_key or key <= 0 or len(self._raw.pending) > PENDING_BYTES:
            return False
        self.last_key = key
        self._raw.pending += ROW.pack(key, value)
        self._open_rows.append((key, value))
        if len(self._open_rows) == FAN:
            self._raise(0, merged([of_row(*row) for row in self._open_rows]))
            self._open_rows.clear()
        return True

    def drain(self) -> None:
        """Write everything that waits, rows before the levels that sum them up; OSError when the
        disk refuses.
        """
        self._raw.drain()
        for level in self._levels:
            level.drain()

    def _raise(self, level: int, summary: Summary) -> None:
        if level == len(self._levels):
            path = Path(f"{self._stem}.l{level + 1}")
            self._levels.append(GrowingFile(path, LEVEL.size))
            self._open_groups.append([])
        self._levels[level].pending += LEVEL.pack(*summary)
        group = self._open_groups[level]
        group.append(summary)
        if len(group) == FAN:
            self._raise(level + 1, merged(group))
            group.clear()


class ColumnReader:
    """One series of one segment, opened for the length of a `with` block."""

    def __init__(self, segment: Path, name: str) -> None:
        self._stem = segment / file_stem(name)
        self._open: dict[int, int] = {}
        self.count = 0

    def __enter__(self) -> ColumnReader:
        """Open the rows and count them; a series that is not there counts 0."""
        self.count = self._length(0) // ROW.size
        while self.count and self.key(self.count - 1) == 0:
            self.count -= 1
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close what was opened."""
        for descriptor in self._open.values():
            if descriptor >= 0:
                os.close(descriptor)
        self._open.clear()

    def key(self, index: int) -> int:
        """The key of row `index`."""
        return int(ROW.unpack(self._read(0, index * ROW.size, ROW.size))[0])

    def row(self, index: int) -> tuple[int, float]:
        """Row `index` as (key, value)."""
        key, value = ROW.unpack(self._read(0, index * ROW.size, ROW.size))
        return key, value

    def index_of(self, key: int) -> int:
        """The first row whose key is not below `key` (`count` when there is none)."""
        low, high = 0, self.count
        if self.count:
            # Steps are mostly consecutive: then the answer can be computed and needs two reads to
            # prove.
            guess = min(max(key - self.key(0), 0), self.count)
            if (guess == self.count or self.key(guess) >= key) and (
                guess == 0 or self.key(guess - 1) < key
            ):
                return guess
        while low < high:
            middle = (low + high) // 2
            if self.key(middle) < key:
                low = middle + 1
            else:
                high = middle
        return low

    def rows(self, low: int, high: int, chunk: int = 4096) -> Iterator[tuple[int, float]]:
        """Rows `low` to `high` (exclusive) in order, read `chunk` at a time."""
        for start in range(low, high, chunk):
            size = (min(start + chunk, high) - start) * ROW.size
            yield from ROW.iter_unpack(self._whole(self._read(0, start * ROW.size, size), ROW.size))

    def summaries(self, low: int, high: int, wanted: int) -> Iterator[Summary]:
        """Rows `low` to `high` summed up in order, in at least `wanted` pieces where there are as
        many rows.
        """
        level = 0
        while (high - low) // FAN ** (level + 1) >= wanted and self._length(level + 1):
            level += 1
        yield from self._pieces(low, high, level)

    def _pieces(self, low: int, high: int, level: int) -> Iterator[Summary]:
        if low >= high:
            return
        if level == 0:
            for key, value in self.rows(low, high):
                yield of_row(key, value)
            return
        span = FAN**level
        first = -(-low // span)
        end = min(high // span, self._length(level) // LEVEL.size)
        if first >= end:
            yield from self._pieces(low, high, level - 1)
            return
        yield from self._pieces(low, first * span, level - 1)
        data = self._read(level, first * LEVEL.size, (end - first) * LEVEL.size)
        for record in LEVEL.iter_unpack(self._whole(data, LEVEL.size)):
            yield Summary(*record)
        yield from self._pieces(end * span, high, level - 1)

    def _descriptor(self, level: int) -> int:
        if level not in self._open:
            suffix = f".l{level}" if level else RAW_SUFFIX
            try:
                self._open[level] = os.open(f"{self._stem}{suffix}", os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                self._open[level] = -1
        return self._open[level]

    def _length(self, level: int) -> int:
        descriptor = self._descriptor(level)
        return os.fstat(descriptor).st_size if descriptor >= 0 else 0

    def _read(self, level: int, offset: int, size: int) -> bytes:
        return os.pread(self._descriptor(level), size, offset)

    @staticmethod
    def _whole(data: bytes, width: int) -> bytes:
        return data[: len(data) - len(data) % width]
