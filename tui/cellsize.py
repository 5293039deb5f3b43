"""How many pixels a cell of the terminal has: what sixel pictures must know to fill their cells.

The kernel knows it for most terminals, over SSH too, and is asked first: that costs nothing and
cannot go wrong. Only where it does not, and only when the user turned sixel on, the terminal itself
is asked, once, before the app reads keys.
"""

from __future__ import annotations

import os
import re
import select
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

Cell = tuple[int, int]
"""Width and height of a cell in pixels."""

QUESTION: Final = b"\x1b[16t\x1b[14t\x1b[c"
"""Cell size, size of the text area, and last what every terminal answers: then nothing follows."""
WAIT_SECONDS: Final = 1.0
_CELL: Final = re.compile(rb"\x1b\[6;(\d+);(\d+)t")
_AREA: Final = re.compile(rb"\x1b\[4;(\d+);(\d+)t")
_DONE: Final = re.compile(rb"\x1b\[\?[\d;]*c")


def parse_cell(text: str) -> Cell | None:
    """A setting such as `10x20`; None for anything else, such as `auto`."""
    found = re.fullmatch(r"\s*(\d{1,3})\s*x\s*(\d{1,3})\s*", text)
    return _sound(int(found[1]), int(found[2])) if found else None


def kernel_cell() -> Cell | None:
    """The cell size from the size of the terminal in pixels and in cells, as the kernel has it."""
    try:
        import fcntl
        import struct
        import termios
    except ImportError:  # Windows
        return None
    for descriptor in (2, 1, 0):
        try:
            answer = fcntl.ioctl(descriptor, termios.TIOCGWINSZ, bytes(8))
        except OSError:
            continue
        rows, columns, width, height = struct.unpack("HHHH", answer)
        if rows and columns and (cell := _sound(width // columns, height // rows)):
            return cell
    return None


def asked_cell(wait: float = WAIT_SECONDS) -> Cell | None:
    """The cell size as the terminal itself answers; None where it does not.

    Must not be called while anything else reads keys. Keys pressed meanwhile are lost.
    """
    try:
        reading, writing = sys.__stdin__.fileno(), sys.__stderr__.fileno()  # type: ignore[union-attr]
        if not (os.isatty(reading) and os.isatty(writing)):
            return None
        size = os.get_terminal_size(writing)
        with _raw(reading):
            os.write(writing, QUESTION)
            return read_answer(_until_done(reading, wait), (size.columns, size.lines))
    except (OSError, AttributeError, ValueError, ImportError):
        return None


def read_answer(answer: bytes, size: tuple[int, int]) -> Cell | None:
    """The cell size from answers to `QUESTION`; `size` is that of the terminal in cells."""
    if found := _CELL.search(answer):
        return _sound(int(found[2]), int(found[1]))
    if found := _AREA.search(answer):
        return _sound(int(found[2]) // max(1, size[0]), int(found[1]) // max(1, size[1]))
    return None


def _until_done(descriptor: int, wait: float) -> bytes:
    """What arrives until the last answer, or until time is up."""
    answer, end = b"", time.monotonic() + wait
    while not _DONE.search(answer):
        rest = end - time.monotonic()
        if rest <= 0 or not select.select([descriptor], [], [], rest)[0]:
            break
        if not (piece := os.read(descriptor, 1024)):
            break
        answer += piece
    return answer


@contextmanager
def _raw(descriptor: int) -> Iterator[None]:
    """The terminal without echo and without waiting for Enter."""
    import termios
    import tty

    before = termios.tcgetattr(descriptor)
    try:
        tty.setraw(descriptor)
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _sound(width: int, height: int) -> Cell | None:
    """The size if it can be one."""
    return (width, height) if 2 <= width <= 200 and 4 <= height <= 400 else None
