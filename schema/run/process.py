"""Who a process is, in words that outlive it: pid, start time, boot, host and pid namespace.

A pid alone lies after a reboot or when it is given out again. `fate` answers what became of a
process that some file names; where that cannot be seen from here (another host, another container)
it says so and the caller has to judge by the heartbeat.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

Fate = Literal["alive", "gone", "elsewhere"]


@dataclass(frozen=True)
class ProcessId:
    """A process, told apart from every later one with the same pid."""

    pid: int
    start: str
    boot: str
    host: str
    namespace: str

    def as_json(self) -> dict[str, Any]:
        """Plain values for a JSON file."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: object) -> ProcessId | None:
        """The identity written by `as_json`, or None when `value` is not one."""
        if not isinstance(value, dict) or not isinstance(value.get("pid"), int):
            return None
        texts = {name: str(value.get(name, "")) for name in ("start", "boot", "host", "namespace")}
        return cls(pid=value["pid"], **texts)


def identify(pid: int) -> ProcessId | None:
    """The living process `pid` of this machine, or None when there is none (a zombie counts as
    none).
    """
    start = _start_of(pid)
    if start is None:
        return None
    return ProcessId(pid, start, boot_id(), socket.gethostname(), _pid_namespace())


def this_process() -> ProcessId:
    """The identity of the calling process."""
    found = identify(os.getpid())
    assert found is not None, "a running process can see itself"
    return found


def fate(process: ProcessId) -> Fate:
    """What became of `process`, as far as this machine can know."""
    here = (boot_id(), socket.gethostname(), _pid_namespace())
    if (process.boot, process.host, process.namespace) != here:
        return "elsewhere"
    return "alive" if _start_of(process.pid) == process.start else "gone"


@cache
def boot_id() -> str:
    """A text that is new after every boot; empty where the system has none."""
    if sys.platform == "darwin":
        return _output("sysctl", "-n", "kern.bootsessionuuid")
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


@cache
def _pid_namespace() -> str:
    # Two containers of one machine share boot id and perhaps the host name, but not their pids.
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def _start_of(pid: int) -> str | None:
    """When `pid` started, in the system's own words; None when it does not live."""
    if sys.platform == "darwin":
        state, _, start = _output("ps", "-o", "state=,lstart=", "-p", str(pid)).partition(" ")
        return start.strip() if state and not state.startswith("Z") else None
    try:
        line = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The second field is the name in brackets and may itself hold spaces and brackets.
    fields = line.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]


def _output(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()
