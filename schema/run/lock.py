"""One worker per run folder: the lock that supervisor and worker share.

The supervisor takes the lock and lets its worker inherit the open file, so the folder stays taken
as long as either of them lives, whatever signal ends the other. A worker that is started without a
supervisor takes the lock itself. The lock is only ever closed, never unlocked: unlocking one copy
would free them all.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
from pathlib import Path
from types import TracebackType

from schema.run.process import ProcessId, fate, this_process

_UNSUPPORTED = {errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS}
_HIGHEST_INHERITED = 256
_DYING_SECONDS = 1.0


class RunLocked(Exception):
    """Another process is at work on this run folder; `.holder` says which, where that is known."""

    def __init__(self, path: Path, holder: ProcessId | None) -> None:
        who = f"process {holder.pid} on {holder.host}" if holder else "another process"
        super().__init__(f"{who} is already at work on {path.parent}")
        self.holder = holder


class RunLock:
    """The held lock of one run folder; closing it (or the end of the process) gives it back."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    @classmethod
    def take(cls, path: Path) -> RunLock:
        """Hold `path`, inheriting it where the parent process already does.

        Raises:
            RunLocked: when another process holds it.
            OSError: when the file cannot be opened.
        """
        inherited = _inherited(path)
        if inherited is not None:
            os.set_inheritable(inherited, False)
            return cls(inherited)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            _lock(descriptor, path)
            content = json.dumps(this_process().as_json()).encode()
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, content, 0)
        except OSError as fault:
            # A full disk loses the holder's name, not the lock.
            if fault.errno not in (errno.ENOSPC, errno.EDQUOT):
                os.close(descriptor)
                raise
        except RunLocked:
            os.close(descriptor)
            raise
        return cls(descriptor)

    def close(self) -> None:
        """Give up this process's share of the lock."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def __enter__(self) -> RunLock:
        """The lock itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the lock up."""
        self.close()


def wait_until_free(path: Path, seconds: float) -> bool:
    """Whether nobody holds the lock at `path` by the end of `seconds`.

    A run says that it has ended a moment before its supervisor lets the folder go; who starts it
    again at once waits here instead of being told that it is at work.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            RunLock.take(path).close()
        except RunLocked:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.05)
        else:
            return True


def holder_of(path: Path) -> ProcessId | None:
    """Who last took the lock at `path`; it may be gone by now."""
    try:
        return ProcessId.from_json(json.loads(path.read_bytes()))
    except (OSError, ValueError):
        return None


def _lock(descriptor: int, path: Path) -> None:
    deadline = time.monotonic() + _DYING_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError as fault:
            if fault.errno in (errno.EWOULDBLOCK, errno.EACCES):
                holder = holder_of(path)
                # A killed process counts as gone a moment before its last thread lets the file go.
                dying = holder is not None and fate(holder) == "gone"
                if dying and time.monotonic() < deadline:
                    time.sleep(0.02)
                    continue
                raise RunLocked(path, holder) from None
            if fault.errno not in _UNSUPPORTED:
                raise
            break
    # A mount without locks: the holder's name in the file has to do.
    holder = holder_of(path)
    if holder and fate(holder) == "alive" and holder.pid != os.getpid():
        raise RunLocked(path, holder)


def _inherited(path: Path) -> int | None:
    """The descriptor of `path` that this process was started with, if any."""
    try:
        wanted = os.stat(path)
    except OSError:
        return None
    for descriptor in range(3, _HIGHEST_INHERITED):
        try:
            found = os.fstat(descriptor)
        except OSError:
            continue
        same = (found.st_dev, found.st_ino) == (wanted.st_dev, wanted.st_ino)
        # Only a descriptor that crossed an exec is inheritable: our own are not.
        if same and os.get_inheritable(descriptor):
            return descriptor
    return None
