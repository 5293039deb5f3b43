"""A real terminal for tests: a private tmux server that types keys and reads the screen.

Waiting is by output, not by the clock: the pane's bytes also go into a pipe, and the screen is read
again only when something was written. Every wait has a deadline and fails with the screen as it is.
"""

import os
import re
import select
import shlex
import subprocess
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

DEADLINE = 60.0
"""Seconds to wait for a text; generous, since two other tests may share the cores."""


class Terminal:
    """One window of a tmux server of its own, running one command.

    The server has stock configuration (no file is read) and dies with the `with` block, as would
    a closed terminal: programs that are meant to survive that must be detached.
    """

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        *,
        size: tuple[int, int] = (120, 40),
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.command, self.folder, self.size = list(command), folder, size
        self.environ = dict(environ or {})
        self.server = f"finetui-test-{uuid.uuid4().hex[:12]}"
        self._code = folder / f"{self.server}.code"
        self._pipe: int | None = None

    def __enter__(self) -> "Terminal":
        fifo = self.folder / f"{self.server}.fifo"
        os.mkfifo(fifo)
        self._pipe = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        columns, lines = map(str, self.size)
        variables = [f"{name}={value}" for name, value in self.environ.items()]
        script = " ".join(
            ["cd", shlex.quote(str(self.folder)), "&&", "env", *map(shlex.quote, variables)]
            + [shlex.quote(word) for word in self.command]
        )
        # tmux itself sometimes forgets how a pane ended; the shell does not.
        note = shlex.quote(str(self._code))
        script += f"; echo $? > {note}.new; mv {note}.new {note}"
        # The program starts only when its output is being watched, so that nothing is missed.
        gate = f"tmux -L {self.server} wait-for begin; {script}"
        self._tmux("new-session", "-d", "-x", columns, "-y", lines, "sh", "-c", gate)
        self._tmux("set", "-g", "remain-on-exit", "on")
        self._tmux("pipe-pane", "-o", f"cat > {shlex.quote(str(fifo))}")
        self._tmux("wait-for", "-S", "begin")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Kill the server with everything attached to it; twice is no harm."""
        subprocess.run(["tmux", "-L", self.server, "kill-server"], capture_output=True)
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None

    def type(self, *keys: str) -> None:
        """Send keys in tmux's spelling: `Enter`, `C-q`, `Down`, or characters."""
        self._tmux("send-keys", *keys)

    def type_text(self, text: str) -> None:
        """Send characters as they are."""
        self._tmux("send-keys", "-l", text)

    def resize(self, columns: int, lines: int) -> None:
        """Give the window another size."""
        self._tmux("resize-window", "-x", str(columns), "-y", str(lines))

    def screen(self) -> str:
        """The text on the screen now."""
        return self._tmux("capture-pane", "-p")

    def ended(self) -> bool:
        """Whether the command has exited."""
        return self._code.exists()

    def exit_code(self) -> int:
        """How the command ended."""
        return int(self._code.read_text())

    def wait_for(self, pattern: str, deadline: float = DEADLINE) -> str:
        """The screen once it shows this regular expression."""
        wanted = re.compile(pattern, re.MULTILINE)
        return self.wait_until(lambda: bool(wanted.search(self.screen())), pattern, deadline)

    def wait_until(
        self, condition: Callable[[], bool], words: str, deadline: float = DEADLINE
    ) -> str:
        """The screen once the condition holds; it is asked again after each output."""
        end = time.monotonic() + deadline
        while True:
            if condition():
                return self.screen()
            left = end - time.monotonic()
            if left <= 0:
                shown = "\n".join(line.rstrip() for line in self.screen().splitlines())
                raise AssertionError(f"waited {deadline:.0f} s for {words}; the screen:\n{shown}")
            self._await_output(min(left, 1.0))

    def wait_end(self, deadline: float = DEADLINE) -> int:
        """The exit code, once the command has ended."""
        self.wait_until(self.ended, "the end of the program", deadline)
        return self.exit_code()

    def _await_output(self, seconds: float) -> None:
        assert self._pipe is not None
        ready, _, _ = select.select([self._pipe], [], [], seconds)
        if ready and not os.read(self._pipe, 1 << 20):
            # The writer is gone (the program ended): nothing more will come.
            select.select([], [], [], min(seconds, 0.05))

    def _tmux(self, *arguments: str) -> str:
        # TMUX of a developer's own session must not leak in; -f: no configuration but stock.
        environ = {k: v for k, v in os.environ.items() if k not in ("TMUX", "TMUX_PANE")}
        environ.setdefault("LANG", "C.UTF-8")
        done = subprocess.run(
            ["tmux", "-u", "-L", self.server, "-f", "/dev/null", *arguments],
            capture_output=True,
            text=True,
            env=environ,
            timeout=30,
        )
        if done.returncode:
            raise RuntimeError(f"tmux {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout
