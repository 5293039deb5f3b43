"""`python -P -m engine.supervisor RUN`: starts a run's worker and notes how it ends.

Small and without torch, so that it outlives what kills a trainer. It is detached from every
terminal, holds the run's lock together with its worker, passes signals on, samples the machine each
second, and writes the exit record that turns a vanished process into "killed, probably for memory,
at step 812". If it is killed itself, the worker goes on: nothing of the training depends on it. It
removes nothing from the run folder.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from engine.telemetry import Telemetry
from schema.run.commands import CommandInbox
from schema.run.events import EventWriter
from schema.run.files import replace_json
from schema.run.layout import RunFolder
from schema.run.lock import RunLock, RunLocked
from schema.run.metrics import MetricsReader
from schema.run.process import this_process
from schema.run.status import ENDED, State, read_status

WORKER = (sys.executable, "-P", "-m", "engine.worker")
EXIT_FAILED = 3
EXIT_LOCKED = 75
FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_REASON_LIMIT = 300


class Ending(NamedTuple):
    """How a worker ended."""

    code: int | None
    signal: str | None
    reason: str


def main(argv: Sequence[str] | None = None) -> int:
    """Supervise one run from start to end; the worker's exit code (128 + signal where one ended
    it).
    """
    parser = argparse.ArgumentParser(prog="engine.supervisor", description=main.__doc__)
    parser.add_argument("run", type=Path, help="the run's folder")
    parser.add_argument(
        "--worker",
        nargs=argparse.REMAINDER,
        help="command to start in place of the engine's worker; the folder is appended",
    )
    arguments = parser.parse_args(argv)
    return supervise(RunFolder(arguments.run), arguments.worker or WORKER)


def supervise(folder: RunFolder, worker: Sequence[str], *, nvml: Any = None) -> int:
    """Run `worker` on `folder` until it ends, and record everything about its end.

    Args:
        folder: the run; it must have been laid out.
        worker: the command; the folder is appended.
        nvml: stands in for pynvml in tests.
    """
    try:
        lock = RunLock.take(folder.lock)
    except RunLocked as fault:
        print(f"finetui: {fault}", file=sys.stderr)
        return EXIT_LOCKED
    with lock, _Signals() as signals:
        events = EventWriter(folder, "supervisor")
        CommandInbox(folder, events).refuse_all("it was sent before the run was started")
        before = _announce(folder)
        kills_before = oom_kills()
        try:
            process = _start(folder, worker, lock)
        except OSError as fault:
            return _never_started(folder, events, before, fault)
        events.emit("started", pid=os.getpid(), worker=process.pid, command=[*worker])
        telemetry = Telemetry(folder.telemetry, process.pid, nvml=nvml)
        try:
            ending = _wait(process, signals, folder, kills_before)
        finally:
            telemetry.close()
        events.emit("exit", pid=process.pid, **ending._asdict())
        _conclude(folder, ending, process.pid, before)
        CommandInbox(folder, events).refuse_all("the run has ended")
    return process.returncode if process.returncode >= 0 else 128 - process.returncode


def _never_started(
    folder: RunFolder, events: EventWriter, record: dict[str, Any], fault: OSError
) -> int:
    reason = f"the worker could not be started: {fault}"
    events.emit("exit", pid=None, code=EXIT_FAILED, signal=None, reason=reason)
    _write_status(folder, record | {"state": str(State.FAILED), "error": reason})
    print(f"finetui: {reason}", file=sys.stderr)
    return EXIT_FAILED


def _announce(folder: RunFolder) -> dict[str, Any]:
    """Take over the status record from the run's last session: preparing, with no worker yet."""
    me = this_process()
    record = {
        key: value
        for key, value in read_status(folder).items()
        if key in ("step", "steps", "loss", "lr", "heartbeat", "device")
    }
    now = time.time()
    record |= {"v": 1, "name": folder.name, "folder": str(folder.path), "host": me.host}
    record |= {"state": str(State.PREPARING), "started": now, "updated": now, "pid": None}
    record |= {"supervisor": me.as_json(), "error": None}
    _write_status(folder, record)
    return record


def _start(folder: RunFolder, worker: Sequence[str], lock: RunLock) -> subprocess.Popen[bytes]:
    """Start the worker in a session of its own; it logs to `log.txt` and shares the lock."""
    base = folder.about().get("base")
    with folder.log.open("ab") as log:
        log.write(f"--- {time.strftime('%F %T %z')} {' '.join(worker)}\n".encode())
        log.flush()
        return subprocess.Popen(
            [*worker, str(folder.path)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # Relative paths of a config count from where the run was first launched.
            cwd=base if isinstance(base, str) and os.path.isdir(base) else None,
            pass_fds=(lock.descriptor,),
            start_new_session=True,
        )


class _Signals:
    """Turns INT, TERM, HUP and the end of the worker into bytes to wait for, without polling."""

    def __enter__(self) -> _Signals:
        self._reader, self._writer = socket.socketpair()
        for end in (self._reader, self._writer):
            end.setblocking(False)
        self._wakeup = signal.set_wakeup_fd(self._writer.fileno())
        caught = (*FORWARDED, signal.SIGCHLD)
        self._before = {number: signal.signal(number, _note) for number in caught}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)
        self._reader.close()
        self._writer.close()

    def next(self) -> bytes:
        """Wait for signals and return their numbers."""
        select.select([self._reader], [], [])
        return self._reader.recv(64)


def _note(_number: int, _frame: FrameType | None) -> None:
    # The number goes through the wakeup descriptor; Python only wants a handler to exist.
    return


def _wait(
    process: subprocess.Popen[bytes], signals: _Signals, folder: RunFolder, kills_before: int
) -> Ending:
    """Pass signals on until the worker has ended, then say how."""
    while not _has_ended(process):
        for number in signals.next():
            if number in FORWARDED and not _has_ended(process):
                # Not `send_signal`: it would reap the worker and free its pid for others.
                os.kill(process.pid, number)
    # The worker is still a zombie here, so its process group cannot be another's: end its helpers.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return describe(process.returncode, folder, oom_kills() > kills_before)


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    if not hasattr(os, "waitid"):  # macOS before Python 3.13
        return process.poll() is not None
    flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
    return os.waitid(os.P_PID, process.pid, flags) is not None


def describe(returncode: int, folder: RunFolder, memory_ran_out: bool) -> Ending:
    """The end of a worker in words for people.

    Args:
        returncode: as `subprocess` gives it, negative for a signal.
        folder: the run, for the last words of its log.
        memory_ran_out: whether the system killed anything for memory meanwhile.
    """
    if returncode < 0:
        name = signal.Signals(-returncode).name
        reason = f"the worker was ended by {name}"
        if name == "SIGKILL":
            reason = (
                "the system killed the worker (SIGKILL) because memory (RAM) ran out"
                if memory_ran_out
                else "the worker was killed (SIGKILL), by someone or for lack of memory (RAM)"
            )
        elif name in ("SIGSEGV", "SIGBUS", "SIGABRT", "SIGILL", "SIGFPE"):
            reason += f": a library crashed; log.txt ends with: {_last_words(folder)}"
        return Ending(None, name, reason)
    if returncode == 0:
        return Ending(0, None, "done")
    return Ending(returncode, None, f"exit code {returncode}: {_last_words(folder)}")


def _last_words(folder: RunFolder) -> str:
    try:
        with folder.log.open("rb") as log:
            log.seek(max(log.seek(0, os.SEEK_END) - 4096, 0))
            lines = log.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return "(no log)"
    spoken = [line.strip() for line in lines if line.strip() and not line.startswith("--- ")]
    return spoken[-1][:_REASON_LIMIT] if spoken else "(nothing)"


def _conclude(folder: RunFolder, ending: Ending, pid: int, announced: dict[str, Any]) -> None:
    """Leave a final status, unless the worker has left its own."""
    record = read_status(folder) or announced
    own = record.get("pid") == pid
    said = record.get("state")
    released = said == State.PAUSED and record.get("released") and ending.code == 0
    if own and (said in set(ENDED) or released):
        return
    state = _state_after(ending, record)
    error = None if state is State.FINISHED or ending.code == 0 else ending.reason
    # The last heartbeat may be a second old; the rows that reached the disk know better.
    newest = MetricsReader(folder.metrics).span()
    step = max(record.get("step", 0), newest[1] if newest else 0)
    record |= {"state": str(state), "error": error, "updated": time.time(), "pid": pid}
    record["step"] = step
    _write_status(folder, record)


def _state_after(ending: Ending, record: dict[str, Any]) -> State:
    interrupts = {number.name for number in FORWARDED}
    if ending.code == 130 or ending.signal in interrupts:
        return State.INTERRUPTED
    if ending.code == 0:
        whole = record.get("steps") and record.get("step", 0) >= record["steps"]
        return State.FINISHED if whole else State.INTERRUPTED
    return State.FAILED


def _write_status(folder: RunFolder, record: dict[str, Any]) -> None:
    try:
        replace_json(folder.status, record)
    except OSError as fault:
        print(f"finetui: the status cannot be written: {fault}", file=sys.stderr)


def oom_kills() -> int:
    """How often this system has killed a process for memory since it started (0 where it does not
    say).
    """
    try:
        lines = Path("/proc/vmstat").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))


if __name__ == "__main__":
    sys.exit(main())
