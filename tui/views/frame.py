"""The frame that every screen of the app stands in: title, body, panels, status, key hints.

A screen subclasses `View`, yields its content in `body()`, names its rows of `tui.keys` in `KEYS`
and sets `BINDINGS = bindings(KEYS)`. Panels dock; there are no dialogs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events
from textual.app import ComposeResult
from textual.screen import Screen
from textual.widget import Widget

from tui.keys import APP_KEYS, Key
from tui.widgets.hints import KeyHints
from tui.widgets.statusline import Question, Severity, StatusLine
from tui.widgets.titlebar import TitleBar

if TYPE_CHECKING:
    from tui.app import FineTuiApp


class View(Screen[None]):
    """A screen with the app's frame around it."""

    KEYS: ClassVar[tuple[Key, ...]] = ()
    HELP: ClassVar[str] = ""
    NAME: ClassVar[str] = ""
    HORIZONTAL_BREAKPOINTS = [
        (0, "-w0"),
        (60, "-w60"),
        (80, "-w80"),
        (110, "-w110"),
        (160, "-w160"),
    ]
    VERTICAL_BREAKPOINTS = [(0, "-h0"), (16, "-h16"), (24, "-h24"), (36, "-h36"), (50, "-h50")]
    DEFAULT_CSS = """
    View { background: $background; color: $foreground; layers: base top; }
    View > #title { dock: top; background: $panel; }
    View > #hints { dock: bottom; background: $panel; }
    View > #status { dock: bottom; margin-bottom: 1; background: $background; }
    """

    @property
    def frame(self) -> FineTuiApp:
        """The app, typed."""
        return cast("FineTuiApp", self.app)

    def compose(self) -> ComposeResult:
        """Title, body, status line, key hints."""
        yield TitleBar()
        yield from self.body()
        yield StatusLine()
        yield KeyHints()

    def body(self) -> ComposeResult:
        """The content of the screen; subclasses yield their widgets."""
        yield Widget()

    def title_pieces(self) -> list[tuple[str, str]]:
        """Left half of the title line as (text, colour name)."""
        return [(" FineTUI ", "primary"), (f" {self.NAME}", "foreground")]

    def resting(self) -> str:
        """The status line when there is nothing to say."""
        return ""

    def hints(self) -> list[Key]:
        """Rows for the key-hint line, in order; the lowest ranks stay when it is narrow."""
        return [row for row in (*self.KEYS, *APP_KEYS) if row.hint]

    def why_not(self, key_id: str) -> str | None:
        """Why a key does nothing right now, in words; None when it works."""
        return None

    def say(self, text: str, severity: Severity = "information") -> None:
        """A message in the status line."""
        self.query_one(StatusLine).say(text, severity)

    def ask(self, question: Question) -> None:
        """A question in the status line; the next key answers it."""
        self.query_one(StatusLine).ask(question)

    def redraw_frame(self) -> None:
        """Draws title, status and hints again, after what they show has changed."""
        for name in ("#title", "#status", "#hints"):
            for widget in self.query(name):
                widget.refresh()

    async def run_key(self, row: Key) -> None:
        """Does what the key does, or says why not."""
        if (reason := self.why_not(row.id)) is not None:
            self.say(reason, "warning")
            return
        target: Widget | Screen[None] = self.focused or self
        await self.app.run_action(row.action_name, default_namespace=target)

    def on_key(self, event: events.Key) -> None:
        """A question takes the next key; any key puts an old message away."""
        line = self.query_one(StatusLine)
        line.clear()

    def rows_of(self, ids: Sequence[str]) -> list[Key]:
        """Rows by id in that order, from this view and the app."""
        by_id = {row.id: row for row in (*APP_KEYS, *self.KEYS)}
        return [by_id[name] for name in ids if name in by_id]
