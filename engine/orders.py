"""What people ask of a running worker: commands from the control folder, and signals.

Looked at after every step by the loop and every second by the heartbeat thread, so a command is
answered while the main thread is deep inside a library. Stop, pause and resume set flags that the
loop obeys at the next boundary; save and sample wait there until they are done, and are answered
then. Each is answered exactly once (`schema.run.commands`).
"""

from __future__ import annotations

import threading
from collections import deque

from engine.errors import StoppedEarly
from schema.run.commands import Command, CommandInbox


class Orders:
    """The wishes that stand at this moment."""

    def __init__(self, inbox: CommandInbox) -> None:
        self._inbox = inbox
        self._mutex = threading.Lock()
        self._waiting: deque[Command] = deque()
        self._pauses: list[Command] = []
        self.stopping = False
        self.pausing = False
        self.why = ""
        self._boundaries = False
        self._standing = ""
        self._over = False

    def stop(self, why: str) -> None:
        """Ask for the end of the run (a signal, or the command)."""
        self.stopping, self.why = True, self.why or why

    def look(self) -> None:
        """Take in new commands; any thread may call it, and it is cheap enough for every step."""
        with self._mutex:
            if not self._over:
                for command in self._inbox.poll():
                    self._take(command)

    def _take(self, command: Command) -> None:
        match command.name:
            case "stop":
                self.stop("stopped by command")
                self._inbox.acknowledge(command, "done", "the run stops and saves")
            case "pause":
                self.pausing = True
                self._pauses.append(command)
                if self._standing:
                    self._answer_pauses(self._standing)
                elif not self._boundaries:
                    self._answer_pauses("the run pauses as soon as it trains")
            case "resume":
                was, self.pausing, self._standing = self.pausing, False, ""
                self._answer_pauses("the run was told to go on at once")
                self._inbox.acknowledge(command, "done", "" if was else "the run was not paused")
            case _:
                self._waiting.append(command)

    def _answer_pauses(self, message: str) -> None:
        for command in self._pauses:
            self._inbox.acknowledge(command, "done", message)
        self._pauses.clear()

    def paused(self, message: str) -> None:
        """Answer the pause commands: the run stands still now, until it is told to go on."""
        with self._mutex:
            self._answer_pauses(message)
            # Told to go on in this very moment, it stands no more.
            self._standing = message if self.pausing else ""

    def next(self) -> Command | None:
        """The next save or sample command, to be done now and then answered with `answer`."""
        with self._mutex:
            return self._waiting.popleft() if self._waiting else None

    def answer(self, command: Command, message: str, *, done: bool = True) -> None:
        """Acknowledge a command that `next` gave out."""
        self._inbox.acknowledge(command, "done" if done else "refused", message)

    def boundaries(self, *, near: bool) -> None:
        """Whether a boundary is at most a step away: a pause is answered there, else at once."""
        with self._mutex:
            self._boundaries = near
            if not near and self._pauses:
                self._answer_pauses("the run pauses when this is done")

    def check(self) -> None:
        """For phases that may be broken off: raise StoppedEarly when the run shall stop."""
        self.look()
        if self.stopping:
            raise StoppedEarly(self.why)

    def close(self, reason: str) -> None:
        """Refuse whatever is still waiting; the run is over."""
        with self._mutex:
            self._over = True
            for command in self._pauses:
                self._inbox.acknowledge(command, "refused", reason)
            self._pauses.clear()
            while self._waiting:
                self._inbox.acknowledge(self._waiting.popleft(), "refused", reason)
            self._inbox.refuse_all(reason)
