"""The status of a run: the record others read, and the thread by which its writer shows that it
lives.

`status.json` has one writer at a time: the supervisor before the worker starts and after it has
ended, the worker in between. It is a hint with an identity in it, never the truth:
`schema.run.state` derives what to believe.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from types import TracebackType
from typing import Any

from schema.run.files import read_json, replace_json
from schema.run.layout import RunFolder
from schema.run.process import this_process

HEARTBEAT_SECONDS = 1.0
# How far back the shown speed looks.
_SPEED_BEATS = 30
_WORDS_LIMIT = 2000


class State(StrEnum):
    """What a run is doing, in the words of `finetui ps`."""

    QUEUED = "queued"
    PREPARING = "preparing"
    CACHING = "caching"
    TRAINING = "training"
    SAMPLING = "sampling"
    SAVING = "saving"
    PAUSED = "paused"
    STOPPING = "stopping"
    FINISHED = "finished"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    LOST = "lost"


ENDED = frozenset({State.FINISHED, State.FAILED, State.INTERRUPTED, State.LOST})


@dataclass(frozen=True)
class RunStatus:
    """One look at a run; the first fields are those of `finetui ps --json`."""

    name: str
    folder: str
    pid: int | None = None
    host: str | None = None
    state: State = State.QUEUED
    step: int = 0
    steps: int | None = None
    loss: float | None = None
    lr: float | None = None
    steps_per_second: float | None = None
    eta_seconds: float | None = None
    device: str | None = None
    memory: dict[str, int] | None = None
    started: float | None = None
    updated: float | None = None
    error: str | None = None
    process: int = 0
    detail: str | None = None
    # A paused run that has let its GPU go has no process.
    released: bool = False
    silent_seconds: float | None = None

    @property
    def ended(self) -> bool:
        """Whether no process works on the run any more."""
        return self.state in ENDED

    def as_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**asdict(self), "state": str(self.state)}


STATUS_FIELDS = frozenset(field.name for field in fields(RunStatus)) - {"silent_seconds"}


def read_status(folder: RunFolder) -> dict[str, Any]:
    """The raw status record, or {} while there is none."""
    return read_json(folder.status) or {}


class StatusWriter:
    """Keeps `status.json` fresh: every second by a thread, at once when the state changes.

    `update` only notes values (below a microsecond) and never waits for the disk. Speed and
    remaining time follow from the steps it is told, unless it is told them. Open it before anything
    slow, so that a watcher sees the first heartbeat while the heavy libraries load.
    """

    def __init__(
        self,
        folder: RunFolder,
        *,
        on_beat: Callable[[], object] | None = None,
        beat_seconds: float = HEARTBEAT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        **values: Any,
    ) -> None:
        """Write the first status at once and start the heartbeat.

        Args:
            folder: the run.
            on_beat: called in the heartbeat thread before each write (flushing metrics, looking at
                commands).
            beat_seconds: seconds between two heartbeats.
            clock: monotonic seconds.
            values: first values, as for `update`.
        """
        self.lost = 0
        self._folder, self._on_beat, self._beat_seconds = folder, on_beat, beat_seconds
        self._clock = clock
        before = read_status(folder)
        self._values: dict[str, Any] = {
            "v": 1,
            "name": folder.name,
            "folder": str(folder.path),
            "state": str(State.PREPARING),
            "started": time.time(),
            "error": None,
        }
        # The supervisor's identity and the last known progress outlive the change of writer.
        kept = ("supervisor", "step", "steps", "loss", "lr")
        self._values |= {key: before[key] for key in kept if key in before}
        self._beat = int(before.get("heartbeat", 0))
        self._pace = _Pace()
        self._wake, self._closing = threading.Event(), False
        self._mutex = threading.Lock()
        me = this_process()
        self._values |= {"pid": me.pid, "host": me.host, "worker": me.as_json()}
        self._note(values)
        self._write()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
        self._thread.start()

    def update(self, **values: Any) -> None:
        """Note new values (`state`, `step`, `steps`, `loss`, `lr`, `device`, `memory`, `detail`,
        `error` ...).

        Raises:
            TypeError: for a name that no status has.
        """
        changed = "state" in values and str(values["state"]) != self._values["state"]
        self._note(values)
        if changed:
            self._wake.set()

    def close(self, **values: Any) -> None:
        """Note the last values (usually `state` and perhaps `error`), write them and end the
        heartbeat.
        """
        self._note(values)
        if not self._closing:
            self._closing = True
            self._wake.set()
            self._thread.join(timeout=10.0)
        self._write()

    def __enter__(self) -> StatusWriter:
        """The writer, already beating."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the heartbeat."""
        self.close()

    def _note(self, values: dict[str, Any]) -> None:
        unknown = values.keys() - STATUS_FIELDS
        if unknown:
            raise TypeError(f"a status has no {', '.join(sorted(unknown))}")
        if "state" in values:
            values["state"] = str(State(values["state"]))
        if isinstance(values.get("error"), str):
            values["error"] = " ".join(values["error"].split())[:_WORDS_LIMIT]
        # One C-level call: the heartbeat thread copies the dict in another.
        self._values.update(values)

    def _run(self) -> None:
        while not self._closing:
            self._wake.wait(self._beat_seconds)
            self._wake.clear()
            if self._on_beat:
                self._on_beat()
            self._write()

    def _write(self) -> None:
        with self._mutex:
            self._beat += 1
            values = dict(self._values)
            values["heartbeat"], values["updated"] = self._beat, time.time()
            values["monotonic"] = self._clock()
            self._pace.note(values["monotonic"], values)
            for name, value in self._pace.shown(values).items():
                values.setdefault(name, value)
            try:
                replace_json(self._folder.status, values)
            except OSError:
                # A full disk must not end a training; the next beat tries again.
                self.lost += 1


class _Pace:
    """Speed over the last beats of pure training, and the time left at the pace of the whole
    session.
    """

    def __init__(self) -> None:
        self._recent: deque[tuple[float, int]] = deque(maxlen=_SPEED_BEATS)
        self._first: tuple[float, int] | None = None
        self._paused_at: float | None = None
        self._paused = 0.0

    def note(self, now: float, values: dict[str, Any]) -> None:
        """Take the step reached at `now` (monotonic seconds)."""
        state, step = values["state"], int(values.get("step", 0))
        if state == State.PAUSED:
            if self._paused_at is None:
                self._paused_at = now
            return
        if self._paused_at is not None:
            self._paused += now - self._paused_at
            self._paused_at = None
            self._recent.clear()
        if state != State.TRAINING:
            self._recent.clear()
            return
        if self._first is None:
            self._first = (now, step)
        self._recent.append((now, step))

    def shown(self, values: dict[str, Any]) -> dict[str, float | None]:
        """`steps_per_second` (previews and saves apart) and `eta_seconds` (with their share
        included).
        """
        speed = eta = None
        if len(self._recent) > 1:
            (before, low), (now, high) = self._recent[0], self._recent[-1]
            speed = (high - low) / (now - before) if now > before else None
        steps, step = values.get("steps"), int(values.get("step", 0))
        if self._first and steps and step > self._first[1] and values["state"] not in ENDED:
            # A pause that goes on stops this clock too.
            until = values["monotonic"] if self._paused_at is None else self._paused_at
            spent = until - self._first[0] - self._paused
            eta = spent / (step - self._first[1]) * max(int(steps) - step, 0)
        return {"steps_per_second": speed, "eta_seconds": eta}
