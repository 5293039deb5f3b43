"""A command on a terminal of its own: keys go in, text comes out, and the line can go dead."""

import os
import select
import subprocess
import sys
import threading
from collections.abc import Mapping

# Opens the given terminal as the controlling one of its session, as a login does, then becomes the
# command.
_LOGIN = (
    "import fcntl, os, sys, termios\n"
    "fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
    "os.execv(sys.argv[1], sys.argv[1:])\n"
)


class Terminal:
    """A running command and the far end of its terminal."""

    def __init__(self, arguments: list[str], env: Mapping[str, str] | None = None) -> None:
        self._leader, follower = os.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", _LOGIN, *arguments],
            stdin=follower,
            stdout=follower,
            stderr=follower,
            start_new_session=True,
            env=env,
        )
        os.close(follower)
        self.text = ""
        self._stopped, self._stop = os.pipe()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while self._leader in select.select([self._leader, self._stopped], [], [])[0]:
            try:
                new = os.read(self._leader, 4096)
            except OSError:
                # The last program on this terminal has ended.
                break
            self.text += new.decode(errors="replace")

    def press(self, key: bytes) -> None:
        """Type."""
        os.write(self._leader, key)

    def hang_up(self) -> None:
        """Close the terminal: the connection is lost, the window closed."""
        # A read that waits would keep the terminal open.
        os.close(self._stop)
        self._reader.join()
        os.close(self._leader)

    def exit_code(self) -> int:
        """Wait for the command to end."""
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"the command goes on; it said {self.text}") from None
