"""Measuring: interleaved pairs, a median ratio with its interval, and programs on a real pty."""

import os
import pty
import random
import select
import statistics
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fcntl import ioctl
from pathlib import Path


@dataclass(frozen=True)
class Ratio:
    """A median ratio of ours to theirs with its 95 % interval (bootstrap over the pairs)."""

    median: float
    low: float
    high: float
    pairs: int
    ours: float
    theirs: float

    def __str__(self) -> str:
        interval = f"[{self.low:.3f}, {self.high:.3f}]"
        sides = f"ours {self.ours:.4f}, theirs {self.theirs:.4f}"
        return f"ratio {self.median:.3f} {interval} over {self.pairs} pairs; medians: {sides}"


def compare(
    ours: Callable[[], float], theirs: Callable[[], float], pairs: int, *, warm: int = 1
) -> Ratio:
    """Both measured in turns, the order within a pair alternating; each returns its own cost."""
    for _ in range(warm):
        ours(), theirs()
    rows = []
    for index in range(pairs):
        if index % 2:
            b, a = theirs(), ours()
        else:
            a, b = ours(), theirs()
        rows.append((a, b))
    return ratio_of(rows)


def ratio_of(rows: Sequence[tuple[float, float]]) -> Ratio:
    """The median of the pairs' ratios; the interval from 4000 resamples with a fixed seed."""
    ratios = [a / b for a, b in rows]
    dice = random.Random(0)
    medians = sorted(statistics.median(dice.choices(ratios, k=len(ratios))) for _ in range(4000))
    return Ratio(
        statistics.median(ratios),
        medians[int(0.025 * len(medians))],
        medians[int(0.975 * len(medians)) - 1],
        len(ratios),
        statistics.median(a for a, _ in rows),
        statistics.median(b for _, b in rows),
    )


def _as_installed() -> dict[str, str]:
    """The environment, with byte code kept between starts as any installed program's is."""
    return {name: it for name, it in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def child_seconds(command: Sequence[str], **environ: str) -> float:
    """Seconds (user and system) that a command costs, with all its children."""
    before = os.times()
    env = {**_as_installed(), **environ}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr or done.stdout
    after = os.times()
    spent = after.children_user - before.children_user
    return spent + after.children_system - before.children_system


def first_text_seconds(
    command: Sequence[str], text: str, folder: Path, size: tuple[int, int] = (120, 40)
) -> float:
    """Wall seconds from the start of a program on a pty until it has written `text`."""
    master, slave = pty.openpty()
    ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    env = {name: value for name, value in _as_installed().items() if name not in ("TMUX", "CI")}
    env |= {"TERM": "xterm-256color", "COLUMNS": str(size[0]), "LINES": str(size[1])}
    begin = time.perf_counter()
    with subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, cwd=folder, env=env, close_fds=True
    ) as child:
        os.close(slave)
        try:
            return _until(master, text.encode(), begin)
        finally:
            child.kill()
            os.close(master)


def _until(master: int, wanted: bytes, begin: float, deadline: float = 30.0) -> float:
    seen = b""
    while wanted not in seen:
        left = begin + deadline - time.perf_counter()
        ready, _, _ = select.select([master], [], [], max(left, 0))
        if not ready:
            raise AssertionError(f"no {wanted!r} within {deadline} s; it wrote {seen[-2000:]!r}")
        try:
            seen += os.read(master, 1 << 16)
        except OSError as error:
            raise AssertionError(f"it ended early, after {seen[-2000:]!r}") from error
    return time.perf_counter() - begin


def python(code: str) -> list[str]:
    """A fresh interpreter running this code."""
    return [sys.executable, "-c", code]
