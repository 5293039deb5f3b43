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
from tui.palette import Command, Completion
from tui.widgets.hints import KeyHints
from tui.widgets.statusline import Question, Severity, StatusLine
from tui.widgets.titlebar import TitleBar
from tui.widgets.toosmall import TooSmall

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
    View.-w110 > #help, View.-w160 > #help { dock: right; width: 58; margin: 1 0 2 0;
                                             border-top: none; border-left: solid $border; }
    View > #too-small { display: none; }
    View.-w0 > *, View.-h0 > * { display: none; }
    View.-w0 > #too-small, View.-h0 > #too-small { display: block; }
    """

    @property
    def frame(self) -> FineTuiApp:
        """The app, typed."""
        return cast("FineTuiApp", self.app)

    @property
    def wide(self) -> bool:
        """Whether there is room for a third column."""
        return self.app.size.width >= 110

    def compose(self) -> ComposeResult:
        """Title, body, status line, key hints."""
        yield TitleBar()
        yield from self.body()
        yield StatusLine()
        yield KeyHints()
        yield TooSmall()

    def body(self) -> ComposeResult:
        """The content of the screen; subclasses yield their widgets."""
        yield Widget()

    def title_pieces(self) -> list[tuple[str, str]]:
        """Left half of the title line as (text, colour name)."""
        return [(" FineTUI ", "primary"), (f" {self.NAME}", "foreground")]

    def resting(self) -> str:
        """The status line when there is nothing to say."""
        return ""

    def plain_lines(self) -> list[str]:
        """What is shown instead of everything on a terminal under 60x16: a few lines of text."""
        return ["".join(text for text, _ in self.title_pieces()).strip(), self.resting()]

    def hints(self) -> list[Key]:
        """Rows for the key-hint line, in order; the lowest ranks stay when it is narrow."""
        return [row for row in (*self.KEYS, *APP_KEYS) if row.hint]

    def help_rows(self) -> list[Key]:
        """The rows of the help panel besides those that work everywhere."""
        return list(self.KEYS)

    def why_not(self, key_id: str) -> str | None:
        """Why a key does nothing right now, in words; None when it works."""
        return None

    def commands(self) -> list[Command]:
        """What the `:` line can do here besides the keys and the app's own commands."""
        return []

    def more_completions(self, text: str) -> list[Completion]:
        """Lines for the `:` list besides the commands, for a word typed so far."""
        return []

    def go_back(self) -> bool:
        """The back key: closes what is open; false when there is nothing to close."""
        return False

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
        for binding in target._bindings.key_to_bindings.values():
            for one in binding:
                if one.id == row.id:
                    await self.app.run_action(one.action, default_namespace=target)
                    return
        await self._run_own(row)

    async def _run_own(self, row: Key) -> None:
        """The key's action as this screen or the app binds it; else the key is simply pressed."""
        for owner in (self, self.app):
            for bindings in owner._bindings.key_to_bindings.values():
                for one in bindings:
                    if one.id == row.id:
                        await self.app.run_action(one.action, default_namespace=owner)
                        return
        self.app.simulate_key(row.key)

    def on_key(self, event: events.Key) -> None:
        """Any key puts an old message away."""
        self.query_one(StatusLine).clear()

    def rows_of(self, ids: Sequence[str]) -> list[Key]:
        """Rows by id in that order, from this view and the app."""
        by_id = {row.id: row for row in (*APP_KEYS, *self.KEYS)}
        return [by_id[name] for name in ids if name in by_id]
