"""The look at the files that a config names: headers at once, the pixels of all pictures after.

Runs in a thread. What was found is delivered when every header is known, and again when every
picture has been decoded and that found more; it may take minutes the first time and is remembered.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from schema.check import check_document
from schema.document import Document
from schema.findings import Finding
from schema.looking import Looking

_APART = 0.5
"""Seconds between two words on progress."""


@dataclass(frozen=True)
class Look:
    """One look. `found` and `progress` are called from its thread; `stopped` ends the decoding."""

    text: str
    file: str
    found: Callable[[list[Finding]], None]
    progress: Callable[[str], None]
    stopped: Callable[[], bool]

    def run(self) -> None:
        """Headers first, then the pixels that nobody has read yet."""
        document = Document.parse(self.text, file=self.file)
        known = set(check_document(document, files=False))
        headers = Looking()
        first = [f for f in check_document(document, True, headers) if f not in known]
        self.found(first)
        if self.stopped() or not any(scan.undecoded() for scan in headers.scans.values()):
            return
        pixels = Looking("all", _Throttled(self.progress).tick, self.stopped)
        found = [f for f in check_document(document, True, pixels) if f not in known]
        self.progress("")
        if not self.stopped() and found != first:
            self.found(found)


class _Throttled:
    """Passes on a sentence now and then, the first when it has become a wait."""

    def __init__(self, progress: Callable[[str], None]) -> None:
        self._progress = progress
        self._next = time.monotonic() + 2 * _APART

    def tick(self, words: str, done: int, total: int) -> None:
        """Called for every picture."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _APART
            self._progress(f"{words} {done}/{total}; :pixels stops")
