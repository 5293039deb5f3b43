"""Stands in for `engine.worker` where only processes, signals and files matter: no torch, starts at
once.

It records a loss per step, answers commands and signals like the real one, and misbehaves as its
arguments say.
"""

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

from schema.run.commands import Command, CommandInbox
from schema.run.events import EventWriter
from schema.run.layout import RunFolder
from schema.run.lock import RunLock, RunLocked
from schema.run.metrics import MetricsWriter
from schema.run.status import State, StatusWriter


class Worker:
    """A training that only counts."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.folder = RunFolder(arguments.run)
        self.status = StatusWriter(self.folder, steps=arguments.steps, beat_seconds=0.05)
        self.events = EventWriter(self.folder, "worker")
        self.inbox = CommandInbox(self.folder, self.events, every=0.0)
        self.stopping = threading.Event()
        self.paused = False
        self.step = arguments.start

    def on_signal(self, number: int, _frame: object) -> None:
        """The first signal asks for a clean end, the second one is obeyed at once."""
        if self.stopping.is_set():
            os._exit(128 + number)
        self.stopping.set()

    def obey(self, command: Command) -> None:
        """Do what a command says and note that it was done."""
        with (self.folder.path / "obeyed").open("a") as file:
            file.write(f"{command.name}\n")
        if self.arguments.die_obeying == command.name:
            os.kill(os.getpid(), signal.SIGKILL)
        if command.name == "stop":
            self.stopping.set()
        self.paused = command.name == "pause" or (self.paused and command.name != "resume")
        self.status.update(state=State.PAUSED if self.paused else State.TRAINING)
        self.inbox.acknowledge(command, "done", f"at step {self.step}")

    def train(self) -> State:
        """Step until done or stopped; the state in which that ended."""
        metrics = MetricsWriter(self.folder.metrics, self.step)
        self.status.update(state=State.TRAINING)
        while self.step < self.arguments.steps and not self.stopping.is_set():
            for command in [] if self.arguments.deaf else self.inbox.poll():
                self.obey(command)
            if not self.paused:
                self.step += 1
                metrics.record(self.step, {"loss": 1.0 / self.step, "lr/unet": 1e-4})
                self.status.update(step=self.step, loss=1.0 / self.step, lr=1e-4)
            self.stopping.wait(self.arguments.pace)
        metrics.close()
        return State.FINISHED if self.step >= self.arguments.steps else State.INTERRUPTED


def main() -> int:
    """Run the fake."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--pace", type=float, default=0.01)
    parser.add_argument("--exit", type=int)
    parser.add_argument("--kill", type=int, help="end itself by this signal")
    parser.add_argument("--die-obeying", default="", help="be killed before answering this one")
    parser.add_argument("--deaf", action="store_true", help="never look at commands")
    parser.add_argument("--say", default="")
    parser.add_argument("run", type=Path)
    arguments = parser.parse_args()
    try:
        lock = RunLock.take(RunFolder(arguments.run).lock)
    except RunLocked as fault:
        print(fault, file=sys.stderr)
        return 75
    with lock:
        worker = Worker(arguments)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, worker.on_signal)
        worker.events.emit("started", pid=os.getpid(), directory=os.getcwd())
        if arguments.say:
            print(arguments.say, flush=True)
        if arguments.kill:
            os.kill(os.getpid(), arguments.kill)
        if arguments.exit is not None:
            os._exit(arguments.exit)
        worker.status.close(state=worker.train())
    return 0


if __name__ == "__main__":
    sys.exit(main())
