"""The `:` line at the bottom with its list of completions above; docked, never a dialog."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from rich.style import Style
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input, Static

from tui.palette import Command, Completion, completions
from tui.widgets.lines import clip, look_of, strip_of

ROWS = 8


class Choices(Widget):
    """A few lines to choose from, drawn as strips; the cursor is moved by whoever has the focus."""

    DEFAULT_CSS = "Choices { height: auto; width: 1fr; background: $panel; }"
    can_focus = False

    class Chosen(Message):
        """A line was clicked."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    def __init__(self, rows: int = ROWS, on_color: str = "panel", id: str | None = None) -> None:
        super().__init__(id=id)
        self.rows = rows
        self.on_color = on_color
        self.items: Sequence[Completion] = ()
        self.cursor = 0
        self.top = 0

    def show(self, items: Sequence[Completion], cursor: int = 0) -> None:
        """New lines; the cursor goes to `cursor`, or nowhere yet where that is -1."""
        before = min(len(self.items), self.rows)
        self.items, self.top = items, 0
        self.cursor = max(min(cursor, 0), min(cursor, len(items) - 1))
        self._follow()
        self.refresh(layout=min(len(items), self.rows) != before)

    def move(self, by: int) -> None:
        """Moves the cursor, stopping at the ends."""
        self.cursor = max(0, min(self.cursor + by, len(self.items) - 1))
        self._follow()
        self.refresh()

    def _follow(self) -> None:
        self.top = max(min(self.top, self.cursor), self.cursor - self.rows + 1, 0)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many lines as there are, up to `rows`."""
        return max(0, min(len(self.items), self.rows))

    def render_line(self, y: int) -> Strip:
        """One choice: its text, then words on it, dim with the reason when it is off."""
        look, width, index = look_of(self), self.size.width, self.top + y
        on_color = "cursor" if index == self.cursor else self.on_color
        fill = look.style("foreground", on_color)
        if index >= len(self.items):
            return strip_of([], width, fill)
        item = self.items[index]
        mark = "▸" if index == self.cursor else " "
        names = min(max(len(one.text) for one in self.items) + 2, max(12, width // 2))
        main = look.style("cursor-text" if on_color == "cursor" else "foreground", on_color)
        side: Style = look.style("cursor-text" if on_color == "cursor" else "muted", on_color)
        words = f"({item.off})" if item.off else item.words
        text = clip(item.text, names - 1).ljust(names)
        pieces = [
            (f"{mark}{text}", side if item.off else main),
            (clip(words, width - names - 1), side),
        ]
        return strip_of(pieces, width, fill)

    def on_click(self, event: events.Click) -> None:
        """Chooses the line."""
        if (index := self.top + event.y) < len(self.items):
            self.post_message(self.Chosen(index))


class CommandLine(Vertical):
    """Input with a colon; posts nothing, calls `run` with the line and goes away."""

    DEFAULT_CSS = """
    CommandLine { dock: bottom; height: auto; margin-bottom: 1; layer: top; background: $panel; }
    CommandLine > Horizontal { height: 1; }
    CommandLine Static { width: 2; padding-left: 1; color: $primary; }
    CommandLine Input { border: none; height: 1; padding: 0; background: $panel; width: 1fr; }
    """
    BINDINGS = [
        Binding("escape,ctrl+g,ctrl+p", "close", show=False),
        Binding("down", "move(1)", show=False),
        Binding("up", "move(-1)", show=False),
        Binding("tab", "complete", show=False, priority=True),
    ]

    def __init__(
        self,
        commands: Sequence[Command],
        run: Callable[[str], None],
        text: str,
        more: Callable[[str], Iterable[Completion]] | None = None,
    ) -> None:
        super().__init__(id="commandline")
        self.more = more
        self.commands = commands
        self.run = run
        self.text = text
        self._back: Widget | None = None

    def compose(self) -> ComposeResult:
        """Completions above, the line below."""
        yield Choices(id="completions")
        with Horizontal():
            yield Static(":")
            line = Input(self.text, compact=True, select_on_focus=False)
            line.cursor_blink = False
            yield line

    def on_mount(self) -> None:
        """Takes the focus, remembers who had it."""
        self._back = self.screen.focused
        line = self.query_one(Input)
        self.screen.set_focus(line)  # at once: see typeahead
        line.cursor_position = len(self.text)
        self._show(self.text)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._show(event.value)

    def _show(self, line: str) -> None:
        self.query_one(Choices).show(completions(self.commands, line, self.more))

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        choices, line = self.query_one(Choices), event.value
        if choices.items and choices.cursor > 0:
            line = choices.items[choices.cursor].text  # moved to: chosen
        self._finish(line)

    @on(Choices.Chosen)
    def _clicked(self, event: Choices.Chosen) -> None:
        self._take(event.index)

    def action_move(self, by: int) -> None:
        """Cursor in the list of completions."""
        self.query_one(Choices).move(by)

    def action_complete(self) -> None:
        """The chosen completion becomes the line."""
        choices = self.query_one(Choices)
        if choices.items:
            self._take(choices.cursor)

    def _take(self, index: int) -> None:
        line = self.query_one(Input)
        line.value = self.query_one(Choices).items[index].text
        line.cursor_position = len(line.value)

    def action_close(self) -> None:
        """Goes away, the focus returns."""
        if self._back is not None:
            self.screen.set_focus(self._back)
        self.remove()

    def _finish(self, line: str) -> None:
        self.action_close()
        self.run(line)
