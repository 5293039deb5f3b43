"""What to believe about a run: derived from its status record and from whether its processes live.

A stored word is never trusted alone. A worker that is gone without having said so makes the run
`lost`, unless its supervisor noted how it ended. On this machine processes are looked up by pid,
start time and boot; on another host or in another container only the heartbeat speaks, and only its
changing counts, not its clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import fields
from typing import Any

from schema.run.layout import RunFolder
from schema.run.process import ProcessId, fate
from schema.run.status import ENDED, RunStatus, State, read_status

# A heartbeat of another host that has not moved for so long counts as the end of its process.
STALE_SECONDS = 10.0
_DERIVED = {"name", "folder", "state", "error", "silent_seconds"}
_SHOWN = frozenset(field.name for field in fields(RunStatus) if field.name not in _DERIVED)


def derive(folder: RunFolder) -> RunStatus:
    """The state of a run in one look.

    A run on another host is judged by its clock against ours here; `RunWatch` does better by
    looking twice.
    """
    return RunWatch(folder).status()


class RunWatch:
    """Looks at one run again and again, remembering when its heartbeat last moved."""

    def __init__(
        self,
        folder: RunFolder,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.folder = folder
        self._clock, self._wall = clock, wall
        self._heartbeat: object = None
        self._moved_at: float | None = None

    def status(self) -> RunStatus:
        """What to believe now."""
        record = read_status(self.folder)
        if not record:
            return self._before_first_word()
        silent = self._silence(record)
        state, error = self._judge(record, silent)
        known: dict[str, Any] = {key: record[key] for key in _SHOWN & record.keys()}
        ended = state in ENDED
        if ended:
            known |= {"eta_seconds": None, "steps_per_second": None}
        return RunStatus(
            name=self.folder.name,
            folder=str(self.folder.path),
            state=state,
            error=error if error is not None else record.get("error"),
            silent_seconds=None if ended else silent,
            **known,
        )

    def _before_first_word(self) -> RunStatus:
        name, path = self.folder.name, str(self.folder.path)
        created = self.folder.about().get("created")
        return RunStatus(name=name, folder=path, state=State.QUEUED, updated=created)

    def _silence(self, record: dict[str, Any]) -> float:
        """Seconds since the heartbeat last moved, by our own clock once we have seen it move."""
        beat, now = (record.get("heartbeat"), record.get("updated")), self._clock()
        by_their_clock = max(self._wall() - float(record.get("updated") or 0.0), 0.0)
        if beat != self._heartbeat:
            first_look, self._heartbeat = self._heartbeat is None, beat
            self._moved_at = None if first_look else now
            return by_their_clock if first_look else 0.0
        return by_their_clock if self._moved_at is None else now - self._moved_at

    def _judge(self, record: dict[str, Any], silent: float) -> tuple[State, str | None]:
        said = _state_in(record)
        if said in ENDED or (said is State.PAUSED and record.get("released")):
            return said, None
        worker = ProcessId.from_json(record.get("worker"))
        supervisor = ProcessId.from_json(record.get("supervisor"))
        alive = [_lives(process, silent) for process in (worker, supervisor) if process]
        # A supervisor that outlives its worker is about to say how that ended.
        if any(alive):
            return said, None
        step = record.get("step", 0)
        return State.LOST, f"the process is gone without a word after step {step}"


def _lives(process: ProcessId, silent: float) -> bool:
    found = fate(process)
    return silent < STALE_SECONDS if found == "elsewhere" else found == "alive"


def _state_in(record: dict[str, Any]) -> State:
    try:
        return State(str(record.get("state")))
    except ValueError:
        # Written by a later version: some work is going on.
        return State.PREPARING
