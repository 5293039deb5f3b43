"""The help panel: prose on the view, then its keys, then the keys that work everywhere.

It docks beside (or, on narrow screens, over the lower half of) what it explains. Typing filters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from textwrap import wrap

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input

from tui.keys import EVERYWHERE, Key, shown
from tui.widgets.lines import Piece, clip, look_of, strip_of

HelpLine = tuple[str, str, str]
"""Kind (`title`, `text`, `key`), left, right."""
KEYS_WIDTH = 15
"""Columns of the keys, with a space on both sides."""


def help_lines(prose: str, rows: Sequence[Key], query: str, width: int) -> list[HelpLine]:
    """The lines of the panel: prose, the view's own keys, then everywhere; filtered by `query`."""
    query = query.strip().lower()
    out: list[HelpLine] = []
    if not query:
        for paragraph in prose.strip().split("\n\n"):
            out += [("text", line, "") for line in wrap(" ".join(paragraph.split()), width)]
            out.append(("text", "", ""))
    for title, group in _grouped(rows):
        found = [row for row in group if _fits(row, query)]
        if found:
            out.append(("title", title, ""))
            for row in found:
                first, *more = wrap(row.words, max(16, width - KEYS_WIDTH))
                out.append(("key", _keys(row), first))
                out += [("key", "", line) for line in more]
            out.append(("text", "", ""))
    return out or [("text", "nothing found", "")]


def _grouped(rows: Iterable[Key]) -> list[tuple[str, list[Key]]]:
    groups: dict[str, list[Key]] = {}
    for row in rows:
        groups.setdefault(row.where, []).append(row)
    order = sorted(groups, key=lambda where: where == EVERYWHERE)
    return [(where, groups[where]) for where in order]


def _keys(row: Key) -> str:
    return " ".join(shown(key) for key in row.keys)


def _fits(row: Key, query: str) -> bool:
    text = f"{_keys(row)} {row.id} {row.words}".lower()
    return all(word in text for word in query.split())


class HelpText(ScrollView):
    """Draws the lines; scrolls."""

    DEFAULT_CSS = """
    HelpText { height: 1fr; background: $surface; scrollbar-size-vertical: 1;
               overflow-x: hidden; overflow-y: scroll; }
    """
    can_focus = False

    def __init__(self) -> None:
        super().__init__(id="help-text")
        self.lines: list[HelpLine] = []

    def show(self, lines: list[HelpLine]) -> None:
        """New content, from the top."""
        self.lines = lines
        self.virtual_size = Size(self.size.width, len(lines))
        self.scroll_to(0, 0, animate=False)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line; keys in colour."""
        look, width, index = look_of(self), self.size.width, y + self.scroll_offset.y
        fill = look.style("foreground", "surface")
        pieces: list[Piece] = []
        if index < len(self.lines):
            kind, left, right = self.lines[index]
            if kind == "title":
                pieces = [(f" {left}", look.style("primary", "surface", bold=True))]
            elif kind == "key":
                keys = f" {left:<{KEYS_WIDTH - 2}} "
                pieces = [
                    (keys, look.style("accent", "surface")),
                    (clip(right, width - len(keys)), fill),
                ]
            else:
                pieces = [(f" {left}", fill)]
        return strip_of(pieces, width, fill)


class _Filter(Input):
    """Leaves the question mark to the panel, which closes with it."""

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Everything printable but that one."""
        return character != "?" and super().check_consume_key(key, character)


class HelpPanel(Vertical):
    """Filter line on top, text below."""

    DEFAULT_CSS = """
    HelpPanel { dock: bottom; height: 12; margin-bottom: 2; layer: top; background: $surface;
                border-top: solid $border; }
    HelpPanel Input { border: none; height: 1; margin: 0 1; background: $surface; }
    """
    BINDINGS = [
        Binding("escape,ctrl+g,f1", "close", show=False),
        Binding("question_mark", "close", show=False, priority=True),
        Binding("down", "scroll(1)", show=False),
        Binding("up", "scroll(-1)", show=False),
        Binding("pagedown", "scroll(10)", show=False),
        Binding("pageup", "scroll(-10)", show=False),
    ]

    def __init__(self, prose: str, rows: Sequence[Key]) -> None:
        super().__init__(id="help")
        self.prose = prose
        self.rows = rows
        self._back: Widget | None = None

    def compose(self) -> ComposeResult:
        """Filter, text."""
        line = _Filter(placeholder="type to search the keys; ? or ^g closes", compact=True)
        line.cursor_blink = False
        yield line
        yield HelpText()

    def on_mount(self) -> None:
        """Takes the focus for the filter."""
        self._back = self.screen.focused
        self._fit()
        self.screen.set_focus(self.query_one(Input))  # at once: see typeahead
        self.call_after_refresh(self._show)

    def on_resize(self) -> None:
        """Wraps the prose anew."""
        self._fit()
        self._show()

    def _fit(self) -> None:
        """Between title and status line; a docked panel of a layer of its own has to be told."""
        room = self.app.size.height - 3
        self.styles.height = room if self.app.size.width >= 110 else room * 3 // 5

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._show()

    def _show(self) -> None:
        query = self.query_one(Input).value
        width = max(20, self.size.width - 4)
        self.query_one(HelpText).show(help_lines(self.prose, self.rows, query, width))

    def action_scroll(self, by: int) -> None:
        """Scrolls the text, the filter keeps the focus."""
        self.query_one(HelpText).scroll_relative(y=by, animate=False)

    def action_close(self) -> None:
        """Goes away, the focus returns."""
        if self._back is not None:
            self.screen.set_focus(self._back)
        self.remove()
