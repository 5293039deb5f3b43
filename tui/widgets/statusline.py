"""The status line: what just happened, a question with its keys, or the view's resting text.

One line instead of toasts and dialogs: a modal costs 74 kB to open over a slow link, this a few
hundred bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from textual import events
from textual.widget import Widget

from tui.keys import shown
from tui.theme import Look
from tui.widgets.lines import OneLine, Piece, clip

if TYPE_CHECKING:
    from tui.views.frame import View

Severity = Literal["information", "success", "warning", "error"]
MARKS: dict[Severity, tuple[str, str]] = {
    "information": ("", "foreground"),
    "success": ("✓ ", "success"),
    "warning": ("? ", "warning"),
    "error": ("! ", "error"),
}
LINES = (":", "/", "?")
"""Keys after which one types text."""


@dataclass(frozen=True)
class Question:
    """A question in the status line: answers by key, each a word and what to do."""

    text: str
    answers: Mapping[str, tuple[str, Callable[[], object]]]


class StatusLine(OneLine):
    """The line above the key hints."""

    can_focus = False

    def __init__(self) -> None:
        super().__init__(id="status")
        self.message: tuple[str, Severity] | None = None
        self.question: Question | None = None
        self._focus_back: Widget | None = None

    def say(self, text: str, severity: Severity = "information") -> None:
        """Shows a message until the next key press after it or the next message."""
        self.message = (text, severity)
        self.refresh()

    def ask(self, question: Question) -> None:
        """Shows a question and takes the focus: the next key answers it."""
        if self.question is None:
            self._focus_back = self.screen.focused
        self.question = question
        self.can_focus = True
        self.screen.set_focus(self)  # at once: see typeahead
        self.refresh()

    def clear(self) -> None:
        """Back to the resting text."""
        if self.message is not None:
            self.message = None
            self.refresh()

    def on_key(self, event: events.Key) -> None:
        """Takes a key for the question asked; a key that is no answer means no.

        A key that opens a line for text opens it all the same: what is typed after it would
        otherwise be taken for keys.
        """
        if (question := self.question) is None:
            return
        if event.character not in LINES:
            event.stop()
            event.prevent_default()
        self.question = None
        self.can_focus = False
        self.screen.set_focus(self._focus_back)
        self.refresh()
        chosen = question.answers.get(event.character or event.key) or question.answers.get(
            event.key
        )
        if chosen is not None:
            chosen[1]()

    def pieces(self, look: Look, width: int) -> list[Piece]:
        """The question, else the message, else what the view says at rest."""
        if self.question is not None:
            out = [(f" {self.question.text}  ", look.style("warning", bold=True))]
            for key, (words, _) in self.question.answers.items():
                out.append((shown(key), look.style("primary", bold=True)))
                out.append((f" {words}  ", look.style("foreground")))
            return out
        if self.message is not None:
            text, severity = self.message
            mark, color = MARKS[severity]
            return [(clip(f" {mark}{text}", width), look.style(color))]
        return [(clip(f" {cast('View', self.screen).resting()}", width), look.style("muted"))]

    def on_click(self, event: events.Click) -> None:
        """A click puts the message away."""
        self.clear()
