"""The one-line search docked above the option list; it searches all sections at each key."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static


class SearchLine(Horizontal):
    """A slash and an input; says what is typed, Enter goes to the match, Esc or ctrl+g ends it."""

    DEFAULT_CSS = """
    SearchLine { height: 1; background: $panel; }
    SearchLine Static { width: 2; padding-left: 1; color: $primary; background: $panel; }
    SearchLine Input { border: none; height: 1; padding: 0; background: $panel; width: 1fr; }
    """
    BINDINGS = [
        Binding("ctrl+g,escape", "close", show=False, priority=True),
        Binding("down", "move(1)", show=False),
        Binding("up", "move(-1)", show=False),
        Binding("pagedown", "move(10)", show=False),
        Binding("pageup", "move(-10)", show=False),
    ]

    class Typed(Message):
        """Another query."""

        def __init__(self, query: str) -> None:
            super().__init__()
            self.query = query

    class Move(Message):
        """The cursor of the results."""

        def __init__(self, by: int) -> None:
            super().__init__()
            self.by = by

    class Closed(Message):
        """The end: with a match to go to, or without."""

        def __init__(self, *, go: bool) -> None:
            super().__init__()
            self.go = go

    def compose(self) -> ComposeResult:
        """The line."""
        yield Static("/")
        line = Input(
            placeholder="label, key, help, choice; also changed: set: error: tier:expert type:bool",
            compact=True,
        )
        line.cursor_blink = False
        yield line

    def on_mount(self) -> None:
        """Takes the focus."""
        self.screen.set_focus(self.query_one(Input))  # at once: see typeahead

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Typed(event.value))

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Closed(go=True))

    def action_move(self, by: int) -> None:
        """Up and down in the results."""
        self.post_message(self.Move(by))

    def action_close(self) -> None:
        """Back to where one was."""
        self.post_message(self.Closed(go=False))
