"""The jump overlay: `f` writes letters on every visible section and field, typing them goes there.

Letters stand where the marks are, so nothing moves. While it is open the next keys are its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import TYPE_CHECKING

from textual import events

from tui.form.acts import Act
from tui.form.optionlist import OptionList
from tui.form.sidebar import Sidebar
from tui.widgets.lines import OneLine, Piece

if TYPE_CHECKING:
    from textual.widget import Widget

    from tui.theme import Look
    from tui.views.config import ConfigView

LETTERS = "asdfghjklqwertyuiopzxcvbnm"
"""The home row first."""
MOST = len(LETTERS) ** 2
Target = tuple["OptionList | Sidebar", int]


def labels(count: int) -> list[str]:
    """That many labels of the fewest letters, the short ones first, none the start of another.

    26 letters of which k begin pairs make 26 - k + 26 k labels.
    """
    letters = len(LETTERS)
    starts = next(k for k in range(letters + 1) if letters - k + k * letters >= count)
    first = list(LETTERS[: letters - starts])
    pairs = product(LETTERS[letters - starts :], LETTERS)
    return [*first, *("".join(pair) for pair in pairs)][:count]


class JumpLine(OneLine):
    """A line in place of the crumb that has the focus while letters are typed."""

    DEFAULT_CSS = "JumpLine { height: 1; dock: top; background: $panel; }"
    ON = "panel"
    can_focus = True

    def __init__(self, jump: Jump) -> None:
        super().__init__(id="jump")
        self.jump = jump

    def pieces(self, look: Look, width: int) -> list[Piece]:
        """What is typed so far, and the way out."""
        return [
            (" jump to ", look.style("primary", self.ON, bold=True)),
            (f"{self.jump.typed}_", look.style("foreground", self.ON)),
            ("   type the letters; ctrl+g stays here", look.style("muted", self.ON)),
        ]

    async def on_key(self, event: events.Key) -> None:
        """Every key is a letter of a label, or the end."""
        event.stop()
        event.prevent_default()
        await self.jump.key(event.character or event.key)


class Jump:
    """The act of the config view, and what the lists draw while it is open."""

    def __init__(self, view: ConfigView) -> None:
        self.view = view
        self.typed = ""
        self.targets: dict[str, Target] = {}
        self._back: Widget | None = None

    def table(self) -> dict[str, Act]:
        """Acts by key id."""
        return {"jump-letters": self.start}

    def why_not(self, key_id: str) -> str | None:
        """There is always something to jump to, but in text."""
        return None if self.view.option_list.display else "not in a text pane; q leaves it"

    async def start(self) -> None:
        """Letters on everything that can be seen."""
        view = self.view
        self._back = view.focused
        found = list(self._visible())[:MOST]
        self.typed, self.targets = "", dict(zip(labels(len(found)), found))
        line = JumpLine(self)
        await view.query_one("#center").mount(line, before=0)
        view.set_focus(line)
        self._draw()

    def _visible(self) -> Iterator[Target]:
        rows, sidebar = self.view.option_list, self.view.sidebar
        for y in _on_screen(rows, len(rows.rows)):
            if rows.rows[y].selectable:
                yield rows, y
        if sidebar.display:
            lines = _on_screen(sidebar, sidebar.lines)
            for node in dict.fromkeys(sidebar.node_at(y) for y in lines):
                yield sidebar, node

    def _draw(self) -> None:
        for widget in (self.view.option_list, self.view.sidebar):
            fitting = {y: name for name, (of, y) in self.targets.items() if of is widget}
            shown = {y: name for y, name in fitting.items() if name.startswith(self.typed)}
            widget.letters = shown
            widget.refresh()

    async def key(self, letter: str) -> None:
        """Another letter: the jump, a shorter choice, or the end where none fits."""
        wanted = self.typed + letter
        if wanted in self.targets:
            widget, y = self.targets[wanted]
            await self._end()
            widget.jump_to(y)
            self.view.set_focus(widget)
        elif any(name.startswith(wanted) for name in self.targets):
            self.typed = wanted
            self._draw()
            self.view.query_one(JumpLine).refresh()
        else:
            await self._end()
            self.view.set_focus(self._back)

    async def _end(self) -> None:
        self.targets = {}
        self._draw()
        await self.view.query(JumpLine).remove()


def _on_screen(widget: OptionList | Sidebar, count: int) -> Sequence[int]:
    first = widget.scroll_offset.y
    return range(first, min(count, first + widget.size.height))
