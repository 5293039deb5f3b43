"""The worker's whole output, `log.txt`, however long: an index of line ends and single lines read
when they are shown.

A thread finds the line ends once and reads on as the file grows: 200 000 lines take 20 ms. It hands
out windows of lines; the screen never reads the file itself.
"""

from __future__ import annotations

import os
import re
import threading
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tui.watch.history import ERROR, INFO, WARNING

PIECE: Final = 1 << 18
LONGEST_LINE: Final = 2000
"""Characters of a line that are shown; a progress bar may write megabytes without a line end."""
_GRAVE: Final = re.compile(r"error|exception|traceback|critical|fatal|killed|out of memory", re.I)
_DOUBTFUL: Final = re.compile(r"warn", re.I)
_CONTROL: Final = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True)
class LogWindow:
    """Lines `top .. top + len(lines) - 1` of `total` (those that pass the filter)."""

    total: int
    top: int
    lines: tuple[tuple[str, str], ...]
    """(level, text)."""
    problem: str = ""


@dataclass(frozen=True)
class LogRequest:
    """Which lines are wanted: a window of `count` from `top`; below zero means the end."""

    top: int = -1
    count: int = 40
    pattern: str = ""
    levels: frozenset[str] = frozenset({INFO, WARNING, ERROR})


class LineIndex:
    """Where each line of a growing file begins."""

    def __init__(self, path: Path) -> None:
        """Nothing is read before `poll()`."""
        self.path = path
        self._starts = array("Q", [0])
        self._size = 0

    def __len__(self) -> int:
        """How many lines there are; an unfinished last one counts."""
        return len(self._starts) - (1 if self._starts[-1] == self._size else 0)

    def poll(self) -> bool:
        """Read what was added; True when anything changed. A file that shrank is read anew.

        Raises:
            OSError: when the file cannot be read.
        """
        with self.path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size < self._size:
                self._starts, self._size = array("Q", [0]), 0
            if size == self._size:
                return False
            file.seek(self._size)
            while piece := file.read(PIECE):
                at = piece.find(b"\n")
                while at >= 0:
                    self._starts.append(self._size + at + 1)
                    at = piece.find(b"\n", at + 1)
                self._size += len(piece)
        return True

    def lines(self, first: int, last: int) -> list[str]:
        """The text of lines `first .. last - 1`; of a line that was rewritten (a progress bar) the
        last version.
        """
        first, last = max(0, first), min(last, len(self))
        if first >= last:
            return []
        begin = self._starts[first]
        end = self._starts[last] if last < len(self._starts) else self._size
        with self.path.open("rb") as file:
            data = os.pread(file.fileno(), end - begin, begin)
        texts = data.decode("utf-8", "replace").split("\n")
        return [_cleaned(text) for text in texts[: last - first]]


def _cleaned(text: str) -> str:
    text = text.rstrip("\r").rsplit("\r", 1)[-1]
    return _CONTROL.sub("", text).expandtabs(4)[:LONGEST_LINE]


def level_of(text: str) -> str:
    """How grave a line of output looks."""
    return ERROR if _GRAVE.search(text) else WARNING if _DOUBTFUL.search(text) else INFO


class LogReader(threading.Thread):
    """Follows one file and answers requests; `notify` is called in this thread."""

    def __init__(
        self, path: Path, notify: Callable[[LogWindow], object], *, every: float = 1.0
    ) -> None:
        """Not started yet."""
        super().__init__(daemon=True, name="log")
        self._index, self._notify, self._every = LineIndex(path), notify, every
        self._request = LogRequest()
        self._wake, self._ended = threading.Event(), threading.Event()
        self._matches = array("Q")
        self._matched: tuple[str, frozenset[str], int] = ("", frozenset(), 0)

    def ask(self, request: LogRequest) -> None:
        """Ask for a window from now on; it comes at once and again whenever it changes."""
        self._request = request
        self._wake.set()

    def stop(self) -> None:
        """End the thread."""
        self._ended.set()
        self._wake.set()

    def run(self) -> None:
        """Answer until `stop()`."""
        answered: LogRequest | None = None
        while not self._ended.is_set():
            self._wake.clear()
            request = self._request
            try:
                grown = self._index.poll()
                window = self._window(request) if grown or request != answered else None
            except OSError as error:
                words = (
                    "nothing written yet" if isinstance(error, FileNotFoundError) else str(error)
                )
                window = LogWindow(0, 0, (), words) if request != answered else None
            answered = request
            if window is not None and not self._ended.is_set():
                self._notify(window)
            self._wake.wait(self._every)

    def _window(self, request: LogRequest) -> LogWindow:
        if not request.pattern and len(request.levels) == 3:
            total = len(self._index)
            top = total - request.count if request.top < 0 else request.top
            top = max(0, min(top, total - 1))
            texts = self._index.lines(top, top + request.count)
            return LogWindow(total, top, tuple((level_of(text), text) for text in texts))
        try:
            self._match(request)
        except re.error as error:
            return LogWindow(0, 0, (), f"not a pattern: {error}")
        total = len(self._matches)
        top = total - request.count if request.top < 0 else request.top
        top = max(0, min(top, total - 1))
        found = [self._index.lines(at, at + 1) for at in self._matches[top : top + request.count]]
        return LogWindow(total, top, tuple((level_of(t[0]), t[0]) for t in found if t))

    def _match(self, request: LogRequest) -> None:
        """Bring the list of matching lines up to date; only new lines are looked at."""
        pattern, levels, done = self._matched
        if (pattern, levels) != (request.pattern, request.levels) or done > len(self._index):
            self._matches, done = array("Q"), 0
        wanted = re.compile(request.pattern, re.I)
        total = len(self._index)
        for start in range(done, total, 5000):
            for at, text in enumerate(self._index.lines(start, min(total, start + 5000)), start):
                if wanted.search(text) and level_of(text) in request.levels:
                    self._matches.append(at)
        # The last line may still grow, so it is looked at again.
        if self._matches and self._matches[-1] == total - 1:
            self._matches.pop()
        self._matched = (request.pattern, request.levels, max(0, total - 1))
        last = self._index.lines(total - 1, total)
        if last and wanted.search(last[0]) and level_of(last[0]) in request.levels:
            self._matches.append(total - 1)
