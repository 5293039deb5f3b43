"""`python -P -m engine.worker RUN`: the process that trains.

It opens the run's folder, shows that it lives before anything slow is imported, builds the job and
runs it, and leaves with a reason. Nothing here imports torch: the first heartbeat, the commands and
the signals come first. The traceback of a failure goes to log.txt, one sentence to everyone else.

A signal (INT, TERM, HUP) means: finish the step, save everything, exit 0. A second one means: exit
now. A thread reads the signals, so that the second one works while a library holds the main thread.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from engine.errors import FAILED, ConfigError, InvalidConfigError, RunError, StoppedEarly
from engine.orders import Orders
from engine.report import Report
from schema.run.commands import CommandInbox
from schema.run.events import EventWriter
from schema.run.layout import RunFolder
from schema.run.lock import RunLock, RunLocked
from schema.run.status import State, StatusWriter

if TYPE_CHECKING:
    from schema.document import Document
    from schema.sections.job import JobFile

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
EXIT_NOW = 130
EXIT_USAGE = 2
ECHO_SECONDS = 0.25
"""Signals that arrive together are one wish: a shutdown reaches worker and supervisor at once."""


def main(arguments: list[str] | None = None) -> int:
    """Run the run in the given folder; the exit code of CONTRACT."""
    paths = sys.argv[1:] if arguments is None else arguments
    if len(paths) != 1 or not RunFolder(paths[0]).exists():
        print("usage: python -P -m engine.worker RUN  (a run's folder)", file=sys.stderr)
        return EXIT_USAGE
    folder = RunFolder(paths[0])
    try:
        lock = RunLock.take(folder.lock)
    except (RunLocked, OSError) as error:
        print(error, file=sys.stderr)
        return FAILED
    with lock:
        events = EventWriter(folder, "worker")
        orders = Orders(CommandInbox(folder, events))
        listen(orders.stop)

        def look() -> None:
            orders.look()
            # Nobody could see or stop it any more.
            if not folder.exists():
                orders.stop("the run's folder is gone")

        with StatusWriter(folder, on_beat=look, state=State.PREPARING) as status:
            return Worker(Report(folder, status, events, orders)).run()


class Worker:
    """One run of one config, from the first heartbeat to the last word."""

    def __init__(self, report: Report) -> None:
        self._report = report

    def run(self) -> int:
        """Do the job; the exit code."""
        report = self._report
        report.events.emit("started", pid=os.getpid(), python=sys.version.split()[0])
        try:
            finished = self._work()
        except StoppedEarly as stopped:
            return self._leave(State.INTERRUPTED, 0, str(stopped))
        except RunError as error:
            log_traceback()
            return self._fail(str(error), error.exit_code)
        except BaseException as error:
            log_traceback()
            return self._fail(*explain(error, report.phase))
        if finished:
            report.events.emit("finished")
            return self._leave(State.FINISHED, 0, "the run is finished")
        return self._leave(State.INTERRUPTED, 0, report.orders.why)

    def _work(self) -> bool:
        """Run every process of the config in turn."""
        from engine.jobs import Session, job_for

        document = read_document(self._report.folder.config)
        job = typed(document)
        if len(job.config.process) > 1:
            raise ConfigError("config.process", "a job with several processes cannot run yet.")
        for index, process in enumerate(job.config.process):
            self._report.status.update(process=index)
            session = Session(self._report.folder, job, process, self._report, told_paths(document))
            if not job_for(process.type)(session):
                return False
        return True

    def _fail(self, reason: str, code: int) -> int:
        report = self._report
        report.events.emit("error", message=reason, phase=str(report.phase))
        return self._leave(State.FAILED, code, reason, error=reason)

    def _leave(self, state: State, code: int, reason: str, error: str | None = None) -> int:
        """The last word: to log, commands, events and status."""
        report = self._report
        report.say(reason)
        report.orders.close(reason)
        report.events.emit("state", state=str(state), detail=reason)
        report.status.close(state=state, error=error, detail=None)
        return code


def read_config(folder: RunFolder) -> JobFile:
    """The typed config of the run; raises as `read_job` does."""
    return read_job(folder.config)


def read_job(path: Path) -> JobFile:
    """The typed config in a file; raises InvalidConfigError, every fault a line on stderr."""
    return typed(read_document(path))


def read_document(path: Path) -> Document:
    """The config in a file, whatever is wrong with it."""
    from schema.document import Document

    return Document.load(path)


def typed(document: Document) -> JobFile:
    """The typed config; raises InvalidConfigError, every fault a line on stderr."""
    from schema.findings import ConfigError as Findings

    try:
        return document.typed()
    except Findings as error:
        for finding in error.findings:
            print(finding.sentence(), file=sys.stderr)
        more = f" (and {len(error.findings) - 1} more)" if len(error.findings) > 1 else ""
        raise InvalidConfigError(f"{error}{more}") from error


def told_paths(document: Document) -> frozenset[str]:
    """The options about which the user was told something, such as that they have no effect."""
    from schema.check import check_document

    return frozenset(finding.path for finding in check_document(document, files=False))


def log_traceback() -> None:
    """The present error in full, for log.txt; a full disk must not hide the reason itself."""
    with suppress(OSError):
        traceback.print_exc()


def explain(error: BaseException, phase: str) -> tuple[str, int]:
    """One sentence and an exit code for an error that no part of the engine foresaw."""
    name = type(error).__name__
    text = " ".join(str(error).split())
    if (
        isinstance(error, MemoryError)
        or name == "OutOfMemoryError"
        or "out of memory" in text.lower()
    ):
        advice = "Lower the batch size or resolution, or turn gradient checkpointing on."
        return f"Out of memory while {phase}: {text[:300]} {advice}", FAILED
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror} (while {phase})", FAILED
    return f"{name} while {phase}: {text[:500]}", FAILED


def listen(stop: Callable[[str], object]) -> None:
    """First signal: `stop` with its name. Another one after a moment: exit at once."""
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    for number in SIGNALS:
        signal.signal(number, lambda *_: None)
    # Written by the interpreter's C handler, even while the main thread is inside a library.
    signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)

    def read() -> None:
        first: float | None = None
        # Asking the writing end keeps it alive: a collected socket would close the descriptor.
        while writer.fileno() >= 0:
            received = reader.recv(1)
            if not received:  # the interpreter is going
                return
            number = received[0]
            if number not in SIGNALS:
                continue
            now = time.monotonic()
            if first is None:
                first = now
                stop(f"stopped by {signal.Signals(number).name}")
            elif now - first > ECHO_SECONDS:
                with suppress(OSError):
                    print(f"a second signal ({signal.Signals(number).name}): exit now", flush=True)
                os._exit(EXIT_NOW)

    threading.Thread(target=read, name="signals", daemon=True).start()


def leave(code: int) -> NoReturn:
    """End the process at once: taking thousands of modules apart takes a second for nothing.

    Everything is on disk by now; the lock and the daemon threads go with the process.
    """
    with suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    leave(main())
