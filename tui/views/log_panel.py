"""The log panel (`0`): the worker's whole output in the lower half of any view.

It follows the file in its own thread and goes away with the key that opened it. A one-line filter
(`/`) narrows the lines with a regular expression, `!` by how grave they are.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from tui.watch.logfile import LogReader, LogWindow
from tui.widgets.loglines import LogView
from tui.widgets.rows import Rows, rule

if TYPE_CHECKING:
    from tui.views.frame import View


class FilterLine(Horizontal):
    """A docked line that asks for a regular expression and applies it while it is typed."""

    DEFAULT_CSS = """
    FilterLine { dock: bottom; height: 1; margin-bottom: 1; layer: top; background: $panel; }
    FilterLine Static { width: auto; padding: 0 1; color: $primary; }
    FilterLine Input { border: none; height: 1; padding: 0; background: $panel; width: 1fr; }
    """
    BINDINGS = [
        Binding("escape,ctrl+g", "cancel", show=False),
    ]

    def __init__(self, apply: Callable[[str], None], before: str = "") -> None:
        """`apply` gets the pattern at every change; cancelling applies `before` again."""
        super().__init__(id="filter")
        self._apply, self._before = apply, before
        self._back: Widget | None = None

    def compose(self) -> ComposeResult:
        """Label and input."""
        yield Static("/ filter the log")
        line = Input(self._before, compact=True, placeholder="words or a regular expression")
        line.cursor_blink = False
        yield line

    def on_mount(self) -> None:
        """Take the focus, remember who had it."""
        self._back = self.screen.focused
        self.screen.set_focus(self.query_one(Input))  # at once: see typeahead

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._apply(event.value)

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self._close()

    def action_cancel(self) -> None:
        """Back to the filter of before."""
        self._apply(self._before)
        self._close()

    def _close(self) -> None:
        self.screen.set_focus(self._back)
        self.remove()


class LogPanel(Vertical):
    """Rule, lines; keys of its own while it is open."""

    DEFAULT_CSS = """
    LogPanel { dock: bottom; height: 60%; margin-bottom: 1; layer: top; background: $surface; }
    LogPanel > #logpanel-rule { height: 1; }
    """
    BINDINGS = [
        Binding("0,escape,ctrl+g,q", "close", show=False),
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup,ctrl+u", "page(-1)", show=False),
        Binding("pagedown,ctrl+d", "page(1)", show=False),
        Binding("home,g", "ends(-1)", show=False),
        Binding("end,G", "ends(1)", show=False),
        Binding("slash", "find", show=False),
        Binding("exclamation_mark", "level", show=False),
        Binding("y", "copy", show=False),
    ]
    can_focus = True

    class Answered(Message):
        """The reader's thread has lines."""

        def __init__(self, window: LogWindow) -> None:
            super().__init__()
            self.window = window

    def __init__(self, path: Path) -> None:
        """Nothing is read before the panel is mounted."""
        super().__init__(id="logpanel")
        self.path = path
        self._reader = LogReader(path, lambda window: self.post_message(self.Answered(window)))
        self._back: Widget | None = None

    def compose(self) -> ComposeResult:
        """Rule and lines."""
        yield Rows(id="logpanel-rule")
        yield LogView(id="logpanel-lines", empty="the worker has not written anything yet")

    @property
    def lines(self) -> LogView:
        """The lines."""
        return self.query_one(LogView)

    def on_mount(self) -> None:
        """Start reading, take the focus."""
        self._back = self.screen.focused
        self.lines.source = self._reader
        self._reader.start()
        self.focus()

    def on_unmount(self) -> None:
        """End the thread."""
        self._reader.stop()

    def on_resize(self) -> None:
        """The rule has the width of the panel."""
        self.call_after_refresh(self._draw_rule)

    def on_log_panel_answered(self, message: Answered) -> None:
        """Show what was read."""
        message.stop()
        self.lines.deliver(message.window)
        self._draw_rule()

    def _draw_rule(self) -> None:
        title = f"{self.path.name}  {self.lines.title}   0 closes  / filters  ! levels  y copies"
        self.query_one("#logpanel-rule", Rows).show([rule(title, self.size.width, role="primary")])

    def action_move(self, by: int) -> None:
        """The line cursor."""
        self.lines.move(by)
        self._draw_rule()

    def action_page(self, by: int) -> None:
        """A screen up or down."""
        self.lines.page(by)
        self._draw_rule()

    def action_ends(self, where: int) -> None:
        """First line, or follow the end."""
        self.lines.to_start() if where < 0 else self.lines.to_end()
        self._draw_rule()

    def action_level(self) -> None:
        """Only warnings and errors, only errors, everything."""
        self.lines.next_level()
        self._draw_rule()

    async def action_find(self) -> None:
        """Ask for a filter."""
        await self.screen.mount(FilterLine(self.lines.filter, self.lines.pattern))

    def action_copy(self) -> None:
        """Copy the line under the cursor."""
        copy_text(cast("View", self.screen), self.lines.current_text())

    def action_close(self) -> None:
        """Go away; the focus returns."""
        self.screen.set_focus(self._back)
        self.remove()


def toggle_log(view: View, path: Path) -> None:
    """Open the panel on a file, or close it."""
    open_panels = view.query(LogPanel)
    if open_panels:
        open_panels.first().action_close()
    else:
        view.mount(LogPanel(path))


def copy_text(view: View, text: str) -> None:
    """Put text into the clipboard by the route that works here, and say so."""
    if not text:
        view.say("nothing to copy", "warning")
        return
    view.frame.copy_text(text)
