"""Following a run without a screen: a progress line on stderr and a line for what happens now and
then.

`finetui run`, `finetui watch --plain` and the headless demo use it. Losing the terminal ends only
this; asking it to interrupt asks the worker to stop and goes on watching until the worker has.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from schema.run.commands import send
from schema.run.events import EventTail, read_events
from schema.run.layout import RunFolder
from schema.run.process import ProcessId, fate
from schema.run.state import RunWatch
from schema.run.status import RunStatus, State, read_status

EXIT_OF_STATE = {State.FINISHED: 0, State.INTERRUPTED: 130, State.FAILED: 3, State.LOST: 3}
_LOOK_SECONDS = 0.25
_QUIET_SECONDS = 15.0
_BAR_CELLS = 24
_APART_SECONDS = 0.6


class Progress:
    """Draws the state of one run: one line that changes on a terminal, now and then a line
    elsewhere.
    """

    def __init__(self, stream: TextIO, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._live = stream.isatty()
        encoding = (getattr(stream, "encoding", None) or "ascii").lower()
        self._full, self._empty = ("━", "─") if "utf" in encoding else ("#", "-")
        self._shown: tuple[State, float] | None = None
        self._broken = False

    def show(self, status: RunStatus) -> None:
        """Bring the progress line up to date."""
        if self._live:
            width = shutil.get_terminal_size().columns - 1
            self._write("\r\x1b[K" + self.line(status)[:width])
            return
        now = self._clock()
        state, at = self._shown or (None, now - _QUIET_SECONDS)
        if state is not status.state or now - at >= _QUIET_SECONDS:
            self._shown = (status.state, now)
            self._write(self.line(status) + "\n")

    def say(self, text: str) -> None:
        """A line that stays."""
        self._write(("\r\x1b[K" if self._live else "") + text + "\n")

    def line(self, status: RunStatus) -> str:
        """The progress as one line of text."""
        parts = [f"{status.state:<9}"]
        if status.steps:
            share = min(status.step / status.steps, 1.0)
            filled = round(share * _BAR_CELLS)
            parts.append(self._full * filled + self._empty * (_BAR_CELLS - filled))
            parts.append(f"{status.step}/{status.steps} {share:4.0%}")
        if status.detail:
            parts.append(status.detail)
        if status.loss is not None:
            parts.append(f"loss {status.loss:.4f}")
        if status.steps_per_second:
            parts.append(f"{status.steps_per_second:.2f} steps/s")
        if status.eta_seconds is not None and not status.ended:
            parts.append(f"{clock_words(status.eta_seconds)} left")
        if status.silent_seconds is not None and status.silent_seconds > 10:
            parts.append(f"no sign of life for {status.silent_seconds:.0f} s")
        return "  ".join(parts)

    def _write(self, text: str) -> None:
        if self._broken:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            # The terminal is gone. The training is not ours to end, so go on without words.
            self._broken = True


def follow(
    folder: RunFolder,
    *,
    tail: EventTail | None = None,
    owner: bool = True,
    stream: TextIO | None = None,
) -> int:
    """Watch `folder` until its run has ended; returns the exit code that the run deserves.

    Args:
        folder: the run.
        tail: the events from here on are said; all of them when None.
        owner: whether Ctrl-C stops the run (as for `finetui run`) or only the watching.
        stream: where to draw; stderr when None.
    """
    progress = Progress(stream or sys.stderr)
    events, watch = tail or EventTail(folder), RunWatch(folder)
    with _interrupts() as count:
        asked = 0
        while True:
            status = watch.status()
            for event in events.poll():
                if words := describe(event):
                    progress.say(words)
            progress.show(status)
            if status.ended:
                progress.say(closing_words(folder, status))
                return _exit_code(folder, status, asked)
            if count() > asked:
                if not owner:
                    progress.say("no longer watching; the run goes on")
                    return 130
                asked = count()
                progress.say(_ask_to_stop(folder, asked))
            _wait_a_moment(count, asked)


def describe(event: dict[str, Any]) -> str | None:
    """An event as a line for people, or None where the progress line says it already."""
    kind, step = event["kind"], event.get("step")
    match kind:
        case "sample":
            return f"step {step}: sample {event.get('path', '')}"
        case "checkpoint":
            return f"step {step}: saved {event.get('path', '')}"
        case "warning":
            return f"warning: {event.get('message', '')}"
        case "resumed":
            return f"goes on after step {step}"
        case "command" if event.get("status") == "refused":
            return f"{event.get('name')}: refused, {event.get('message', '')}"
        case _:
            return None


def closing_words(folder: RunFolder, status: RunStatus) -> str:
    """How a run ended, in one line, with where to look."""
    if status.state is State.FINISHED:
        final = folder.step_file(None)
        return f"finished after {status.step} steps: {final if final.exists() else folder.path}"
    if status.state is State.INTERRUPTED:
        return f"stopped after step {status.step}; the same command goes on from there"
    reason = status.error or "no reason given"
    return f"{status.state} after step {status.step}: {reason}\n  the log: {folder.log}"


def clock_words(seconds: float) -> str:
    """Seconds as `4:05` or `1:02:03`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _exit_code(folder: RunFolder, status: RunStatus, asked: int) -> int:
    if asked and status.state is not State.FAILED:
        return 130
    if status.state is State.FAILED:
        exits = [event for event in read_events(folder) if event["kind"] == "exit"]
        # The worker found the config or the data invalid.
        return 1 if exits and exits[-1].get("code") == 1 else 3
    return EXIT_OF_STATE.get(status.state, 3)


def _ask_to_stop(folder: RunFolder, times: int) -> str:
    if times == 1:
        try:
            send(folder, "stop")
            return "stopping: the worker finishes its step and saves (Ctrl-C again: end at once)"
        except OSError as fault:
            return f"the stop could not be sent: {fault}"
    worker = ProcessId.from_json(read_status(folder).get("worker"))
    if worker is None or fate(worker) != "alive":
        return "no worker of this machine to end"
    # One signal asks a worker to save and leave, the second one ends it; it takes signals that
    # arrive together for one, so they are sent apart.
    os.kill(worker.pid, signal.SIGINT)
    time.sleep(_APART_SECONDS)
    if fate(worker) == "alive":
        os.kill(worker.pid, signal.SIGINT)
    return "told to end at once, without saving"


@contextmanager
def _interrupts() -> Iterator[Callable[[], int]]:
    """Count Ctrl-C instead of dying of it."""
    seen = 0

    def note(_number: int, _frame: object) -> None:
        nonlocal seen
        seen += 1

    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: seen
    finally:
        signal.signal(signal.SIGINT, before)


def _wait_a_moment(count: Callable[[], int], asked: int) -> None:
    deadline = time.monotonic() + _LOOK_SECONDS
    while count() == asked and (left := deadline - time.monotonic()) > 0:
        time.sleep(min(left, 0.05))
