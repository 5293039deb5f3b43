"""Following one run: a thread that reads its folder and hands plain values to the screen.

The thread polls: files on a network mount announce nothing. It owns every reader, so no key handler
ever touches the disk: the screen asks for curves and sends commands by leaving a request here. Any
number of followers may look at one run; none of them changes anything in it but by commands.
"""

from __future__ import annotations

import shutil
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from schema.run import commands
from schema.run.events import EventTail
from schema.run.layout import RunFolder
from schema.run.metrics import MetricsReader
from schema.run.state import RunWatch
from schema.run.status import RunStatus, State
from tui.watch.broken import broken_steps
from tui.watch.facts import RunFacts, declared, nothing, read_facts
from tui.watch.history import BROKEN, INFO, Answer, History, LogLine, Shot
from tui.watch.logfile import LineIndex
from tui.watch.series import Curve, Window, make_curve, window
from tui.watch.text import rate, short_number, short_time
from tui.watch.validation import VALIDATION, held_curve, with_spread

TAIL_STEPS: Final = 200
"""Step lines shown of the past, and at most in one look."""
QUICK: Final = 0.15
"""Seconds between looks while a command waits for its answer."""
SLOW_FACTS: Final = 10.0
"""Seconds between looks at what changes slowly: the config, the free disk, small trends."""
STALL_STEPS, STALL_SECONDS = 10, 20.0
"""A run stalls when no step came for so many times its step time, and at least so long."""
LAST_WORDS: Final = 40
"""Lines of `log.txt` shown of a run that failed."""
TREND: Final = 8
"""Columns of a small trend."""


@dataclass(frozen=True)
class ChartRequest:
    """One series as a chart wants it: how many dots across, how many of the last steps."""

    name: str
    dots: int
    zoom: int = 0
    smoothing: float = 0.0


@dataclass(frozen=True)
class Snapshot:
    """Everything the dashboard shows, at one moment."""

    status: RunStatus
    facts: RunFacts = field(default_factory=RunFacts)
    values: Mapping[str, float] = field(default_factory=dict)
    """Newest value of every series."""
    trends: Mapping[str, Sequence[float]] = field(default_factory=dict)
    curves: Mapping[str, Sequence[Curve]] = field(default_factory=dict)
    """By the name under which a chart was requested; further curves are overlaid runs."""
    smooth_loss: float | None = None
    broken: int = 0
    lines: Sequence[LogLine] = ()
    """New since the last snapshot."""
    marks: Sequence[tuple[int, str]] = ()
    shots: Sequence[Shot] = ()
    answers: Sequence[Answer] = ()
    warnings: int = 0
    phase: str = ""
    reason: str = ""
    """Why the run ended badly, in one line."""
    telemetry: Mapping[str, float] = field(default_factory=dict)
    disk_free: int | None = None
    stalled: float | None = None
    """Seconds without a step, when that is too long."""
    here: bool = True
    """Whether the run is (or was) on this machine."""
    last_words: Sequence[str] = ()
    """The end of `log.txt`, once the run has ended badly."""


@dataclass(frozen=True)
class CommandSent:
    """A command was put into the run's inbox, or could not be."""

    id: str
    name: str
    problem: str = ""


@dataclass(frozen=True)
class Trouble:
    """A look failed; the next one is tried all the same."""

    words: str


Notice = Snapshot | CommandSent | Trouble


class RunFollower(threading.Thread):
    """Looks at one run once a second, or at once when asked; `notify` is called in this thread."""

    def __init__(
        self, folder: RunFolder, notify: Callable[[Notice], object], *, every: float = 1.0,
        others: Sequence[RunFolder] = (),
    ) -> None:  # fmt: skip
        """Not started yet.

        Args:
            folder: the run to follow.
            notify: gets a `Snapshot` (or `Trouble`) at every look, and `CommandSent`.
            every: seconds between looks.
            others: runs whose curves are laid over those of this one.
        """
        super().__init__(daemon=True, name="follower")
        self.folder = folder
        self.every = every
        self._notify, self._others = notify, list(others)
        self._wake, self._ended = threading.Event(), threading.Event()
        self._mutex = threading.Lock()
        self._charts: dict[str, ChartRequest] = {}
        self._commands: list[str] = []
        self._waiting: set[str] = set()
        self._eyes: _Eyes | None = None

    def ask(self, **charts: ChartRequest) -> None:
        """Ask for these charts from now on; they come with the next snapshot, at once."""
        with self._mutex:
            if charts == self._charts:
                return
            self._charts = charts
        self._wake.set()

    def compare(self, others: Sequence[RunFolder]) -> None:
        """Lay the curves of other runs over those of this one."""
        with self._mutex:
            self._others = list(others)
            self._eyes = None if self._eyes is None else self._eyes.with_others(others)
        self._wake.set()

    def command(self, name: str) -> None:
        """Send a command to the worker; `CommandSent` follows, and the answer in a snapshot."""
        with self._mutex:
            self._commands.append(name)
        self._wake.set()

    def look_now(self) -> None:
        """Look at once."""
        self._wake.set()

    def stop(self) -> None:
        """End the thread."""
        self._ended.set()
        self._wake.set()

    def run(self) -> None:
        """Look until `stop()`."""
        while not self._ended.is_set():
            self._wake.clear()
            self._send_commands()
            with self._mutex:
                charts = dict(self._charts)
                if self._eyes is None:
                    self._eyes = _Eyes(self.folder, self._others)
                eyes = self._eyes
            notice = self._look(eyes, charts)
            if not self._ended.is_set():
                self._notify(notice)
            self._wake.wait(QUICK if self._waiting else self.every)

    def _look(self, eyes: _Eyes, charts: Mapping[str, ChartRequest]) -> Notice:
        """One look. A folder that vanishes half-way must not freeze the screen for good."""
        try:
            snapshot = eyes.look(charts)
        except Exception as error:
            return Trouble(f"the run could not be read: {str(error) or type(error).__name__}")
        self._waiting -= {answer.id for answer in snapshot.answers}
        if snapshot.status.ended:
            self._waiting.clear()
        return snapshot

    def _send_commands(self) -> None:
        with self._mutex:
            names, self._commands = self._commands, []
        for name in names:
            try:
                command_id = commands.send(self.folder, name)
            except OSError as error:
                self._notify(CommandSent("", name, error.strerror or str(error)))
                continue
            self._waiting.add(command_id)
            self._notify(CommandSent(command_id, name))


class _Eyes:
    """All readers of one run, and what must be remembered between two looks."""

    def __init__(self, folder: RunFolder, others: Sequence[RunFolder]) -> None:
        self._folder = folder
        self._watch, self._events = RunWatch(folder), EventTail(folder)
        self._metrics, self._telemetry = (
            MetricsReader(folder.metrics),
            MetricsReader(folder.telemetry),
        )
        self._history = History(folder.path)
        self._logged_step: int | None = None
        self._slow_at = float("-inf")
        self._facts = RunFacts()
        self._looked = False
        self._disk: int | None = None
        self._trends: dict[str, Sequence[float]] = {}
        self._step_seen: tuple[int, float] = (-1, time.monotonic())
        self._broken = 0
        self._broken_seen: tuple[int, int] = (0, -1)
        self._broken_marks: list[tuple[int, str]] = []
        self._ending: tuple[str, ...] | None = None
        self._host = socket.gethostname()
        self._others: list[tuple[str, MetricsReader]] = []
        self.with_others(others)

    def with_others(self, others: Sequence[RunFolder]) -> _Eyes:
        """Choose the overlaid runs."""
        self._others = [(other.name, MetricsReader(other.metrics)) for other in others]
        return self

    def look(self, charts: Mapping[str, ChartRequest]) -> Snapshot:
        """One look at everything."""
        status = self._watch.status()
        history = self._history
        lines = history.take(self._events.poll())
        self._metrics.poll()
        values = {}
        for name in self._metrics.series():
            last = self._metrics.last(name)
            if last is not None:
                values[name] = last[1]
        span = self._metrics.span()
        last_step = span[1] if span else 0
        lines = self._step_lines(last_step) + lines
        self._look_slowly(last_step)
        return Snapshot(
            status=status, facts=self._facts, values=values, trends=self._trends,
            curves={key: self._curves(chart, last_step) for key, chart in charts.items()},
            smooth_loss=self._smooth_loss(charts, last_step),
            broken=self._count_broken(last_step),
            lines=sorted(lines, key=lambda line: line.time),
            marks=(*history.marks, *self._broken_marks), shots=tuple(history.shots),
            answers=tuple(history.answers), warnings=history.warnings, phase=history.phase,
            reason=self._reason(status), telemetry=self._telemetry_now(), disk_free=self._disk,
            stalled=self._stalled(status, values.get("step_seconds")),
            here=status.host in (None, self._host), last_words=self._last_words(status),
        )  # fmt: skip

    def _curves(self, chart: ChartRequest, last_step: int) -> list[Curve]:
        runs = [("", self._metrics), *self._others]
        ends = [last_step]
        for _, reader in self._others:
            reader.poll()
            span = reader.span()
            ends.append(span[1] if span else 0)
        view = window(max(ends), chart.dots, chart.zoom)
        curves = [
            self._curve(label or chart.name, reader, chart, view, end)
            for (label, reader), end in zip(runs, ends, strict=True)
        ]
        if chart.name == "loss" and self._metrics.last(VALIDATION) is not None:
            curves.append(held_curve("validation", view, self._metrics, VALIDATION, last_step))
        return curves

    @staticmethod
    def _curve(
        label: str, reader: MetricsReader, chart: ChartRequest, view: Window, end: int
    ) -> Curve:
        def read(first: int, last: int, buckets: int) -> list[tuple[float, float, float] | None]:
            found = reader.window(chart.name, first, last, buckets)
            if chart.name == VALIDATION:
                return with_spread(found, reader, (first, last, buckets))
            return found

        return make_curve(label, view, read, end, chart.smoothing)

    def _smooth_loss(self, charts: Mapping[str, ChartRequest], last_step: int) -> float | None:
        beta = next((c.smoothing for c in charts.values() if c.name == "loss"), 0.97) or 0.97
        memory = min(2048, round(5 / (1 - beta)))
        total = weight = 0.0
        for _, value in self._metrics.values("loss", max(1, last_step - memory)):
            if abs(value) < float("inf"):
                total, weight = beta * total + (1 - beta) * value, beta * weight + (1 - beta)
        return total / weight if weight else None

    def _count_broken(self, last_step: int) -> int:
        """How many losses were NaN or infinite; where they lie is looked up when there are more."""
        if last_step == self._broken_seen[0]:
            return self._broken

        def count(first: int, last: int) -> int:
            found = self._metrics.summary("loss", first, last)
            return found.broken if found else 0

        self._broken = count(1, last_step) if last_step else 0
        if self._broken != self._broken_seen[1]:
            steps = broken_steps(1, last_step, count) if self._broken else []
            self._broken_marks = [(step, BROKEN) for step in steps]
        self._broken_seen = (last_step, self._broken)
        return self._broken

    def _step_lines(self, last_step: int) -> list[LogLine]:
        if self._logged_step is not None and last_step < self._logged_step:
            self._logged_step = last_step  # a resume took steps back
            return []
        begin = last_step - TAIL_STEPS
        if self._logged_step is not None:
            begin = max(begin, self._logged_step)
        self._logged_step = last_step
        if begin >= last_step:
            return []
        rows = self._metrics.rows(max(1, begin + 1))
        return [LogLine(row["time"], INFO, step_words(row), row["step"]) for row in rows]

    def _look_slowly(self, last_step: int) -> None:
        now = time.monotonic()
        if now - self._slow_at < SLOW_FACTS:
            return
        # A short run is looked at each time: its trends are young and cheap.
        self._slow_at = now if last_step > 100 and self._looked else float("-inf")
        # The first look is quick; what needs the declarations comes with the second.
        self._facts = read_facts(self._folder.config, declared if self._looked else nothing)
        self._looked = True
        try:
            self._disk = shutil.disk_usage(self._folder.path).free
        except OSError:
            self._disk = None
        view = window(max(1, last_step), TREND)
        self._trends = {
            name: [float("nan") if bucket is None else bucket[2] for bucket in
                   self._metrics.window(name, view.first, view.last, view.buckets)]
            for name in self._metrics.series()
        }  # fmt: skip

    def _telemetry_now(self) -> dict[str, float]:
        self._telemetry.poll()
        found = {}
        for name in self._telemetry.series():
            last = self._telemetry.last(name)
            if last is not None:
                found[name] = last[1]
        return found

    def _stalled(self, status: RunStatus, step_seconds: float | None) -> float | None:
        now = time.monotonic()
        if status.step != self._step_seen[0] or status.state is not State.TRAINING:
            self._step_seen = (status.step, now)
        quiet = max(now - self._step_seen[1], status.silent_seconds or 0.0)
        limit = max(STALL_SECONDS, STALL_STEPS * (step_seconds or 0.0))
        return quiet if not status.ended and quiet > limit else None

    def _last_words(self, status: RunStatus) -> tuple[str, ...]:
        if status.state not in (State.FAILED, State.LOST):
            self._ending = None
            return ()
        if self._ending is None:
            index = LineIndex(self._folder.log)
            try:
                index.poll()
                self._ending = tuple(index.lines(len(index) - LAST_WORDS, len(index)))
            except OSError:
                self._ending = ()
        return self._ending

    def _reason(self, status: RunStatus) -> str:
        if status.state not in (State.FAILED, State.LOST, State.INTERRUPTED):
            return ""
        ending = self._history.exit or {}
        words = status.error or self._history.error or str(ending.get("reason") or "")
        return words or ("ended without a reason" if status.state is State.FAILED else "")


def step_words(row: Mapping[str, float]) -> str:
    """One recorded step as a log line: `step 6118  loss .2011  lr 1e-4  grad .8402  0.76 s`."""
    words = [f"step {row['step']:.0f}"]
    if "loss" in row:
        words.append(f"loss {short_number(row['loss'])}")
    learning = next((row[name] for name in row if name == "lr" or name.startswith("lr/")), None)
    if learning is not None:
        words.append(f"lr {rate(learning)}")
    if "grad_norm" in row:
        words.append(f"grad {short_number(row['grad_norm'])}")
    if "step_seconds" in row:
        words.append(short_time(row["step_seconds"]))
    return "  ".join(words)
