"""One look at the files of a config, shared by its datasets: how far it goes, what it has seen.

The caller decides: `check` alone reads headers and, of few pictures, pixels; the app and
`finetui check --decode` read all pixels, with progress, and may be stopped.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, Literal

from schema.dataset_scan import Scan, decode, scan_folder
from schema.dataset_sizes import SizeTable

FEW: Final = 40_000_000
"""Pixels that are read without being asked for: about half a second's."""

Decode = Literal["none", "few", "all"]
Tick = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""


def _silent(words: str, done: int, total: int) -> None:
    del words, done, total


@dataclass(slots=True)
class Looking:
    """How a check looks at pictures. `stopped` ends the reading of pixels, and nothing else."""

    decode: Decode = "none"
    tick: Tick = _silent
    stopped: Callable[[], bool] = lambda: False
    scans: dict[tuple[str, str], Scan] = field(default_factory=dict)
    tables: dict[str, list[SizeTable]] = field(default_factory=dict)
    """What became of the pictures of each dataset, by its path."""

    def scan(self, folder: Path, caption_ext: str) -> Scan:
        """The pictures of a folder, looked at once however many datasets name it."""
        key = str(folder), caption_ext
        if key not in self.scans:
            seen = partial(self.tick, "looking at pictures")
            self.scans[key] = scan_folder(folder, caption_ext, seen)
            self._decode(self.scans[key])
        return self.scans[key]

    def _decode(self, scan: Scan) -> None:
        if self.decode == "none" or (self.decode == "few" and _pixels(scan) > FEW):
            return
        for _ in decode(scan, partial(self.tick, "reading pixels"), self.stopped):
            pass


def _pixels(scan: Scan) -> int:
    """Pixels that nobody has read yet."""
    return sum(found.size[0] * found.size[1] for found in scan.undecoded() if found.size)
