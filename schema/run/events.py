"""Events: what happened in a run now and then (a sample, a checkpoint), one JSON object a line.

Every writing process has its own append-only file, so no two ever mix their bytes; a reader merges
them by time. A training step is never an event: steps live in `schema.run.metrics`. Kinds and their
fields: created; started; state(state, detail); sample(path, step, index, prompt, seed);
checkpoint(step, path, files); command(id, name, status, message); warning(message); error(message,
phase); resumed(step, path); timing(step, seconds); progress(phase, done, total); finished;
exit(code, signal, reason).
Readers ignore what they do not know.
"""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path
from typing import Any

from schema.run.layout import RECORD_VERSION, RunFolder


class EventWriter:
    """Appends the events of one process to its own file; never raises for a full disk."""

    def __init__(self, folder: RunFolder, role: str) -> None:
        self.role = role
        self.lost = 0
        self._number = 0
        self._mutex = threading.Lock()
        self._path = folder.events / f"{role}-{time.time_ns()}.jsonl"
        self._torn = False

    def emit(self, kind: str, /, **fields: Any) -> bool:
        """Append one event with the present time; False when it could not be written (counted in
        `.lost`).
        """
        with self._mutex:
            self._number += 1
            head = {"v": RECORD_VERSION, "t": time.time(), "kind": kind, "role": self.role}
            event = {**fields, **head, "n": self._number}
            if self.lost:
                event["lost_before"] = self.lost
            line = json.dumps(event, ensure_ascii=False, default=str).encode() + b"\n"
            if self._append(b"\n" + line if self._torn else line):
                self.lost = 0
                return True
            self.lost += 1
            return False

    def _append(self, line: bytes) -> bool:
        # Opened for each event: events are rare, and a network mount shows them to others on close.
        try:
            # Not its parents: a run folder that was removed or moved away stays so.
            self._path.parent.mkdir(exist_ok=True)
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            descriptor = os.open(self._path, flags, 0o666)
            try:
                written = os.write(descriptor, line)
            finally:
                os.close(descriptor)
        except OSError:
            return False
        self._torn = written < len(line)
        return not self._torn


class EventTail:
    """Follows the events of a run; each `poll` returns what is new, from all writers, by time."""

    def __init__(self, folder: RunFolder) -> None:
        self._place = folder.events
        self._offsets: dict[Path, int] = {}

    def poll(self) -> list[dict[str, Any]]:
        """The whole events since the last poll (the first poll: since the beginning). A torn last
        line waits.
        """
        found: list[dict[str, Any]] = []
        try:
            paths = sorted(self._place.glob("*.jsonl"))
        except OSError:
            return []
        for path in paths:
            found += self._new_in(path)
        return sorted(found, key=_order)

    def _new_in(self, path: Path) -> list[dict[str, Any]]:
        offset = self._offsets.get(path, 0)
        try:
            with path.open("rb") as file:
                file.seek(offset)
                new = file.read()
        except OSError:
            return []
        whole = new.rfind(b"\n") + 1
        self._offsets[path] = offset + whole
        return [event for line in new[:whole].split(b"\n") if (event := _parse(line)) is not None]


def read_events(folder: RunFolder) -> list[dict[str, Any]]:
    """All events of a run so far, by time."""
    return EventTail(folder).poll()


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:
        # A line that was cut by a full disk or a lost power supply: skipped, its neighbours count.
        return None
    return event if isinstance(event, dict) and isinstance(event.get("kind"), str) else None


def _order(event: dict[str, Any]) -> tuple[float, str, int]:
    return (float(event.get("t", 0.0)), str(event.get("role", "")), int(event.get("n", 0)))
