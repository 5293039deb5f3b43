"""Reading a config's bytes, whatever bears its name: a file, a pipe from a shell, a device.

A config is a small file. What is larger than any config, or never comes, is refused within a
second: `check` must not wait for it.
"""

import os
import select
import stat
import time
from pathlib import Path
from typing import Final

from schema.places import not_a_file_mode
from schema.yaml_loader import MAX_BYTES

_PATIENCE: Final = 1.5
"""Seconds for which a pipe may keep silent; `finetui check <(make-config)` is a pipe."""


def read_config(path: Path | str) -> bytes:
    """The bytes of a config, at most one more than a config may have. Raises OSError."""
    # a pipe that nobody writes to would make the opening itself wait
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISFIFO(mode) and not _is_terminal_input(path):
            raise OSError(0, str(not_a_file_mode(mode)), str(path))
        return _read(descriptor, str(path))
    finally:
        os.close(descriptor)


def _is_terminal_input(path: Path | str) -> bool:
    return str(path) in ("/dev/stdin", "/dev/fd/0") and not os.isatty(0)


def _read(descriptor: int, name: str) -> bytes:
    """Until the end, the limit, or silence."""
    parts: list[bytes] = []
    left, deadline = MAX_BYTES + 1, time.monotonic() + _PATIENCE
    while left > 0:
        try:
            part = os.read(descriptor, min(left, 1 << 20))
        except BlockingIOError:
            ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise OSError(0, "is a pipe into which nothing is written", name) from None
            continue
        if not part:
            break
        parts.append(part)
        left -= len(part)
    return b"".join(parts)
