"""What a run can be told while it works: small files in `control/`, each applied exactly once.

A sender puts `<ns>-<name>.json` there and waits for the answering event. The worker's inbox claims
a command by renaming it to `.taken` before anyone acts on it, answers with a `command` event and
only then removes the file. So a command whose worker was killed while acting is never applied
again: the next start finds it claimed, and answers for it. Where the answer cannot be written (a
full disk) the file's own name carries it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from schema.run.events import EventTail, EventWriter, read_events
from schema.run.files import read_json, replace_json
from schema.run.layout import RunFolder

CommandName = Literal["stop", "pause", "resume", "save", "sample"]
COMMANDS: tuple[CommandName, ...] = ("stop", "pause", "resume", "save", "sample")
Answer = Literal["done", "refused"]
_LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class Command:
    """One order to the worker."""

    id: str
    name: str
    args: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Acknowledgement:
    """The worker's answer to a command."""

    status: Answer
    message: str


def send(folder: RunFolder, name: str, /, **args: Any) -> str:
    """Put a command into the run's inbox and return its id.

    Raises:
        ValueError: for a name that is no command.
        OSError: when the folder cannot be written.
    """
    if name not in COMMANDS:
        raise ValueError(f"{name!r} is no command; there are {', '.join(COMMANDS)}")
    folder.control.mkdir(parents=True, exist_ok=True)
    moment = time.time_ns()
    while list(folder.control.glob(f"{moment}-*")):
        moment += 1
    command_id = f"{moment}-{name}"
    value = {"v": 1, "id": command_id, "name": name, "args": args, "sent": time.time()}
    replace_json(folder.control / f"{command_id}.json", value)
    return command_id


def wait(
    folder: RunFolder,
    command_id: str,
    timeout: float,
    *,
    given_up: Callable[[], str | None] = lambda: None,
) -> Acknowledgement | None:
    """The answer to a command, or None when none came within `timeout` seconds.

    Args:
        folder: the run.
        command_id: what `send` returned.
        timeout: seconds.
        given_up: asked now and then; a text from it (the run is over) ends the wait as a refusal.
    """
    tail = EventTail(folder)
    deadline = time.monotonic() + timeout
    while True:
        # Asked before the events are read: what was answered before the run ended still counts.
        over = given_up()
        answer = _answer_in(tail.poll(), command_id) or _answer_by_name(folder, command_id)
        if answer:
            return answer
        if over:
            return Acknowledgement("refused", over)
        if time.monotonic() >= deadline:
            return None
        time.sleep(_LOOK_SECONDS)


def withdraw(folder: RunFolder, command_id: str) -> bool:
    """Take a command back that nobody has claimed yet; False when it is too late."""
    try:
        (folder.control / f"{command_id}.json").unlink()
    except OSError:
        return False
    return True


class CommandInbox:
    """The worker's end: hands out each command once, in the order they were sent."""

    def __init__(
        self, folder: RunFolder, events: EventWriter | None = None, *, every: float = 0.1
    ) -> None:
        """Answer for what an earlier worker claimed and never finished, then be ready.

        Args:
            folder: the run.
            events: where answers go; an own writer when None.
            every: seconds between two looks at the disk, so that `poll` may be called after every
                step.
        """
        self._control = folder.control
        self._events = events or EventWriter(folder, "inbox")
        self._every = every
        self._next_look = 0.0
        self._answer_for_the_dead(folder)

    def poll(self) -> list[Command]:
        """The commands that came since the last poll; each must be answered by `acknowledge`."""
        now = time.monotonic()
        if now < self._next_look:
            return []
        self._next_look = now + self._every
        return [command for path in _sorted(self._control, ".json") if (command := _claim(path))]

    def acknowledge(self, command: Command, status: Answer, message: str = "") -> None:
        """Answer a command, once; a second answer to the same one is ignored."""
        taken = self._control / f"{command.id}.taken"
        if not taken.exists():
            return
        fields = {"id": command.id, "name": command.name, "status": status, "message": message}
        _settle(taken, status, self._events.emit("command", **fields))

    def refuse_all(self, reason: str) -> None:
        """Refuse everything that waits: the run is over, or is only about to begin."""
        self._next_look = 0.0
        for command in self.poll():
            self.acknowledge(command, "refused", reason)

    def _answer_for_the_dead(self, folder: RunFolder) -> None:
        left = _sorted(self._control, ".taken")
        if not left:
            return
        answered = {event.get("id") for event in read_events(folder) if event["kind"] == "command"}
        for path in left:
            if path.stem in answered:
                path.unlink(missing_ok=True)
            else:
                name = path.stem.rpartition("-")[2]
                reason = "the worker ended while it was doing this; send it again"
                self.acknowledge(Command(path.stem, name), "refused", reason)


def _sorted(control: Path, suffix: str) -> list[Path]:
    try:
        names = [entry.name for entry in os.scandir(control) if entry.name.endswith(suffix)]
    except OSError:
        return []
    return [control / name for name in sorted(names) if name[0].isdigit()]


def _claim(path: Path) -> Command | None:
    taken = path.with_suffix(".taken")
    try:
        os.rename(path, taken)
    except OSError:
        # Withdrawn by its sender in this moment.
        return None
    value = read_json(taken) or {}
    args = value.get("args")
    name = path.stem.rpartition("-")[2]
    return Command(path.stem, name, args if isinstance(args, dict) else {})


def _settle(taken: Path, status: Answer, told: bool) -> None:
    try:
        if told:
            taken.unlink(missing_ok=True)
        else:
            # Renaming needs no space: the sender can still find the answer.
            os.rename(taken, taken.with_suffix(f".{status}"))
    except OSError:
        return


def _answer_in(events: list[dict[str, Any]], command_id: str) -> Acknowledgement | None:
    for event in events:
        if event["kind"] == "command" and event.get("id") == command_id:
            status: Answer = "done" if event.get("status") == "done" else "refused"
            return Acknowledgement(status, str(event.get("message", "")))
    return None


def _answer_by_name(folder: RunFolder, command_id: str) -> Acknowledgement | None:
    statuses: tuple[Answer, ...] = ("done", "refused")
    for status in statuses:
        if (folder.control / f"{command_id}.{status}").exists():
            return Acknowledgement(status, "")
    return None
