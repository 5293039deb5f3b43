"""A log of any length as one widget: only the lines on screen exist.

The lines come from a source that answers requests with windows: `MemoryLog` at once, or
`tui.watch.logfile.LogReader` from its thread. No scrollbar on purpose: repainting one costs more
than the line that was added.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from textual import events

from tui.watch.history import ERROR, INFO, WARNING, LogLine
from tui.watch.logfile import LogRequest, LogWindow
from tui.widgets.rows import Row, Rows, row

KEPT: Final = 5000
ROLES: Final = {INFO: "", WARNING: "warning", ERROR: "error"}
LEVELS: Final = (
    ("all lines", frozenset({INFO, WARNING, ERROR})),
    ("warnings and errors", frozenset({WARNING, ERROR})),
    ("errors", frozenset({ERROR})),
)


class LogSource(Protocol):
    """Where lines come from."""

    def ask(self, request: LogRequest) -> object:
        """Answer now or later with a window."""


class MemoryLog:
    """The last few thousand lines of a run, newest last."""

    def __init__(self, answer: Callable[[LogWindow], object]) -> None:
        """Start empty."""
        self._lines: deque[LogLine] = deque(maxlen=KEPT)
        self._answer = answer
        self._request = LogRequest()

    def add(self, lines: Iterable[LogLine]) -> None:
        """Append lines and answer again, if there were any."""
        before = len(self._lines)
        newest = self._lines[-1] if self._lines else None
        self._lines.extend(lines)
        if len(self._lines) != before or (self._lines and self._lines[-1] is not newest):
            self.ask(self._request)

    def clear(self) -> None:
        """Forget everything."""
        self._lines.clear()
        self.ask(self._request)

    def ask(self, request: LogRequest) -> None:
        """Answer at once."""
        self._request = request
        found = list(self._lines)
        if request.pattern or len(request.levels) < 3:
            try:
                wanted = re.compile(request.pattern, re.IGNORECASE)
            except re.error as error:
                self._answer(LogWindow(0, 0, (), f"not a pattern: {error}"))
                return
            found = [at for at in found if at.level in request.levels and wanted.search(at.shown)]
        top = len(found) - request.count if request.top < 0 else request.top
        top = max(0, min(top, len(found) - 1))
        shown = found[top : top + request.count]
        self._answer(LogWindow(len(found), top, tuple((at.level, at.shown) for at in shown)))


class LogView(Rows):
    """Shows windows of a source: follows the end until scrolled, filters, and has a line cursor."""

    can_focus = False

    def __init__(self, *, id: str | None = None, empty: str = "nothing yet") -> None:
        """Without a source nothing is asked."""
        super().__init__(id=id)
        self.source: LogSource | None = None
        self.window = LogWindow(0, 0, ())
        self.pattern = ""
        self.level = 0
        self.cursor: int | None = None
        """The line under the cursor, counted from the first; None while following the end."""
        self._left_at = 0
        self._empty = empty

    @property
    def following(self) -> bool:
        """Whether new lines move into view by themselves."""
        return self.cursor is None

    @property
    def new_lines(self) -> int:
        """Lines that came since the end was left."""
        return 0 if self.following else max(0, self.window.total - self._left_at)

    @property
    def title(self) -> str:
        """What the pane's rule says: `log  following  error  …`."""
        words = [
            "following" if self.following else f"line {self.cursor_line} of {self.window.total}"
        ]
        if self.new_lines:
            words.append(f"{self.new_lines} new, end follows")
        if self.level:
            words.append(f"only {LEVELS[self.level][0]}")
        if self.pattern:
            words.append(f"/{self.pattern}/ {self.window.total} lines")
        return "  ".join(words)

    @property
    def cursor_line(self) -> int:
        """The number of the line under the cursor, counted from one."""
        return 1 + (self.window.total - 1 if self.cursor is None else self.cursor)

    def deliver(self, window: LogWindow) -> None:
        """Take an answer of the source."""
        self.window = window
        if self.cursor is not None:
            self.cursor = max(0, min(self.cursor, window.total - 1))
        self.show(self._made())

    def request(self) -> None:
        """Ask the source for what fits the widget now."""
        if self.source is None or not self.size.height:
            return
        top = -1
        if self.cursor is not None:
            height = self.size.height
            top = self.window.top
            top = min(max(top, self.cursor - height + 1), self.cursor)
        levels = LEVELS[self.level][1]
        self.source.ask(LogRequest(top, self.size.height, self.pattern, levels))

    def move(self, by: int) -> None:
        """Move the line cursor; the first move leaves the end, one past the end follows again."""
        total = self.window.total
        if self.cursor is None:
            if by >= 0:
                return
            self._left_at, self.cursor = total, total - 1
        self.cursor += by
        if self.cursor >= total and by > 0:
            self.cursor = None
        else:
            self.cursor = max(0, self.cursor)
        self.request()

    def page(self, pages: int) -> None:
        """Move by whole screens."""
        self.move(pages * max(1, self.size.height - 1))

    def to_start(self) -> None:
        """Go to the first line."""
        if self.window.total:
            self._left_at, self.cursor = self.window.total, 0
            self.request()

    def to_end(self) -> None:
        """Follow the end."""
        self.cursor = None
        self.request()

    def filter(self, pattern: str) -> None:
        """Show only lines that match a regular expression; empty shows all."""
        self.pattern, self.cursor = pattern, None
        self.request()

    def next_level(self) -> str:
        """Cycle which levels are shown; returns the words for it."""
        self.level = (self.level + 1) % len(LEVELS)
        self.cursor = None
        self.request()
        return LEVELS[self.level][0]

    def current_text(self) -> str:
        """The line under the cursor, or the last one."""
        if not self.window.lines:
            return ""
        at = len(self.window.lines) - 1 if self.cursor is None else self.cursor - self.window.top
        return self.window.lines[at][1] if 0 <= at < len(self.window.lines) else ""

    def on_resize(self) -> None:
        """Ask for as many lines as fit now."""
        self.request()
        self.show(self._made())

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel moves three lines."""
        event.stop()
        self.move(-3)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel moves three lines."""
        event.stop()
        self.move(3)

    def _made(self) -> list[Row]:
        if not self.window.lines:
            return [row((f" {self.window.problem or self._empty}", "muted"))]
        return [
            row((f" {text}", "cursor-text" if self.cursor == at else ROLES.get(level, "")))
            for at, (level, text) in enumerate(self.window.lines, self.window.top)
        ]
