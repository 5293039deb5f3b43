"""How many bytes a second the dashboard sends to the terminal while a run grows.

    python -m tests.bench.bench_dashboard_bytes [--seconds 20] [--sizes 80x24 120x40 200x60]

The real app runs on a pseudo-terminal; this process plays the worker (1.31 steps a second), answers
the queries that a real terminal answers, and counts what is written. GPU readings come from the
stand-in, moving a little each second as real ones do. The budget is 4 kB/s at 120x40.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import select
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from dataclasses import dataclass
from pathlib import Path

BUDGET = 4000
"""Bytes a second at 120x40."""
STEP_SECONDS = 0.76
STEPS_BEFORE = 6120
CHILD = """
import random, sys
from pathlib import Path
from schema.run.layout import RunFolder
from tests.tui.fake_nvml import Card, FakeNvml
from tui import views
from tui.app import FineTuiApp
from tui.views.run import RunView
from tui.watch.gpu import Nvml

folder = RunFolder(Path(sys.argv[1]))

class Moving(FakeNvml):
    def nvmlDeviceGetCount(self):
        for card in self.cards:
            card.load = random.randint(70, 99)
            card.heat = random.randint(62, 66)
            card.milliwatts = random.randint(580, 640) * 1000
        return super().nvmlDeviceGetCount()

views.make = lambda app, mode: RunView(folder, nvml=Nvml(Moving()))
FineTuiApp(run=folder).run()
"""


@dataclass
class Traffic:
    """What one size cost."""

    size: tuple[int, int]
    settle_bytes: int
    per_second: list[int]
    cpu_seconds: float

    @property
    def mean(self) -> float:
        """Bytes a second."""
        return statistics.fmean(self.per_second)


def measure(
    size: tuple[int, int], seconds: int, *, term: str = "xterm-256color", colors: str = "truecolor"
) -> Traffic:
    """Run the app at one size and count."""
    from tests.tui.fake_run import FakeRun

    with tempfile.TemporaryDirectory() as place:
        run = FakeRun(Path(place), begun=time.time() - STEPS_BEFORE * STEP_SECONDS)
        for _ in range(12):
            run.train(500)
            run.sample(run.step)
            run.save(run.step)
        run.train(STEPS_BEFORE - 6000)
        run.status()
        environment = {
            **os.environ, "TERM": term, "COLORTERM": colors, "FINETUI_HOME": f"{place}/home",
            "PYTHONPATH": os.getcwd(),
        }  # fmt: skip
        environment.pop("TMUX", None)
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        command = [sys.executable, "-c", CHILD, str(run.folder.path)]
        child = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=environment,
            start_new_session=True, close_fds=True,
        )  # fmt: skip
        os.close(slave)
        try:
            settle = _play(run, master, 6.0)
            before = _cpu(child.pid)
            seconds_of_output = [_play(run, master, 1.0) for _ in range(seconds)]
            return Traffic(size, settle, seconds_of_output, _cpu(child.pid) - before)
        finally:
            child.kill()
            child.wait()
            os.close(master)


def _play(run: object, master: int, seconds: float) -> int:
    """Be the worker and the terminal for a while; the bytes that came."""
    from tests.tui.fake_run import FakeRun

    assert isinstance(run, FakeRun)
    end = time.monotonic() + seconds
    total = 0
    while (left := end - time.monotonic()) > 0:
        due = int((time.time() - run.begun) / STEP_SECONDS)
        if due > run.step:
            run.train(due - run.step)
        run.status()
        ready, _, _ = select.select([master], [], [], min(left, 0.25))
        if ready:
            data = os.read(master, 1 << 16)
            total += len(data)
            _answer(master, data)
    return total


def _answer(master: int, data: bytes) -> None:
    """What a terminal says to the queries that Textual sends at start."""
    if b"\x1b[?2026$p" in data:
        os.write(master, b"\x1b[?2026;2$y")
    if b"\x1b[c" in data:
        os.write(master, b"\x1b[?62;22c")


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> int:
    """Measure and print; 1 when 120x40 is over the budget."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--sizes", nargs="*", default=["80x24", "120x40", "200x60"])
    parser.add_argument("--colors", default="truecolor")
    arguments = parser.parse_args()
    over = False
    for text in arguments.sizes:
        width, _, height = text.partition("x")
        traffic = measure((int(width), int(height)), arguments.seconds, colors=arguments.colors)
        print(
            f"{text:>7}  {traffic.mean:6.0f} B/s  worst second {max(traffic.per_second)}  "
            f"first screen {traffic.settle_bytes}  "
            f"CPU {100 * traffic.cpu_seconds / arguments.seconds:.1f} %"
        )
        over |= text == "120x40" and traffic.mean > BUDGET
    return int(over)


if __name__ == "__main__":
    sys.exit(main())
