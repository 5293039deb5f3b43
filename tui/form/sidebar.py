"""The sidebar: the outline of the config with a state at the right of each row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import wrap

from rich.cells import cell_len
from textual import events
from textual.binding import Binding
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.form.outline import Node
from tui.widgets.lines import clip, look_of, strip_of

State = tuple[str, str]
"""Words (`1!`, `2*`, `off`) and their colour."""


class Sidebar(ScrollView, can_focus=True):
    """Nodes with a cursor; moving the cursor shows the node at once."""

    DEFAULT_CSS = """
    Sidebar { width: 24; height: 1fr; background: $surface; scrollbar-size-vertical: 0;
              overflow-x: hidden; }
    """
    BINDINGS = [
        Binding("down,j", "move(1)", show=False),
        Binding("up,k", "move(-1)", show=False),
        Binding("pagedown,ctrl+d,end,G", "move(99)", show=False),
        Binding("pageup,ctrl+u,home,g", "move(-99)", show=False),
        Binding("enter,right,l", "open", show=False),
    ]

    class Moved(Message):
        """Another node is shown."""

    class Opened(Message):
        """Enter, or a click on the node that is shown already."""

    def __init__(self) -> None:
        super().__init__(id="sidebar")
        self.nodes: Sequence[Node] = ()
        self.states: Mapping[str, State] = {}
        self.foot: tuple[str, ...] = ()
        self.cursor = 0
        self.letters: Mapping[int, str] = {}
        self._lines: list[tuple[int, str]] = []

    def jump_to(self, y: int) -> None:
        """The cursor to a node, from the jump overlay; the node is shown."""
        if y != self.cursor:
            self._move_to(y)
            self.post_message(self.Moved())

    @property
    def node(self) -> Node:
        """The node under the cursor."""
        return self.nodes[self.cursor]

    def show(
        self, nodes: Sequence[Node], states: Mapping[str, State], foot: tuple[str, ...]
    ) -> None:
        """New content; the cursor stays on its node, or on the nearest one."""
        same = nodes == self.nodes and foot == self.foot
        changed = [
            y for y, node in enumerate(nodes) if self.states.get(node.id) != states.get(node.id)
        ]
        wanted = self.nodes[self.cursor].id if self.nodes else nodes[0].id
        self.nodes, self.states, self.foot = nodes, states, foot
        at = next((y for y, node in enumerate(nodes) if node.id == wanted), None)
        self.cursor = min(self.cursor, len(nodes) - 1) if at is None else at
        before = self._lines
        self._lay_out()
        if not same or before != self._lines:
            self.refresh()
        for y in changed:
            self._refresh_node(y)

    def _lay_out(self) -> None:
        """Which lines a node takes: a title that is too long for one goes on in a second."""
        self._lines = []
        for at, node in enumerate(self.nodes):
            state = self.states.get(node.id, ("", ""))[0]
            indent = 1 + 2 * min(node.depth, 1) + max(0, node.depth - 1)
            room = max(8, self.size.width - indent - (len(state) + 2 if state else 1))
            parts = [node.title]
            if cell_len(node.title) > room:
                parts = wrap(node.title, room, subsequent_indent=" ", max_lines=2, placeholder="…")
            self._lines += [(at, " " * (indent - 1) + part) for part in parts]
        height = len(self._lines) + (len(self.foot) + 1 if self.foot else 0)
        self.virtual_size = Size(self.size.width, height)

    def on_resize(self) -> None:
        """Other widths wrap otherwise."""
        self._lay_out()
        self.refresh()

    def node_at(self, line: int) -> int:
        """The node that a line is of; -1 for a line of none."""
        return self._lines[line][0] if 0 <= line < len(self._lines) else -1

    @property
    def lines(self) -> int:
        """How many lines the nodes take."""
        return len(self._lines)

    def _line_of(self, node: int) -> int:
        return next((y for y, (at, _) in enumerate(self._lines) if at == node), 0)

    def go(self, node_id: str) -> bool:
        """Puts the cursor on a node, without saying so; false when there is none."""
        at = next((y for y, node in enumerate(self.nodes) if node.id == node_id), None)
        if at is None:
            return False
        self._move_to(at)
        return True

    def _move_to(self, node: int) -> None:
        old, self.cursor = self.cursor, node
        self._refresh_node(old)
        self._refresh_node(node)
        height = sum(at == node for at, _ in self._lines)
        region = Region(0, self._line_of(node), 1, max(1, height))
        self.scroll_to_region(region, animate=False, immediate=True)

    def _refresh_node(self, node: int) -> None:
        for y, (at, _) in enumerate(self._lines):
            if at == node:
                self.refresh(Region(0, y - self.scroll_offset.y, self.size.width, 1))

    def action_move(self, by: int) -> None:
        """Another node."""
        y = max(0, min(self.cursor + by, len(self.nodes) - 1))
        if y != self.cursor:
            self._move_to(y)
            self.post_message(self.Moved())

    def action_open(self) -> None:
        """Into the node."""
        self.post_message(self.Opened())

    def on_click(self, event: events.Click) -> None:
        """Shows the node."""
        node = self.node_at(event.y + self.scroll_offset.y)
        if node < 0:
            return
        if node == self.cursor:
            self.post_message(self.Opened())
        else:
            self._move_to(node)
            self.post_message(self.Moved())

    def on_focus(self) -> None:
        """Strong cursor."""
        self._refresh_node(self.cursor)

    def on_blur(self) -> None:
        """Weak cursor."""
        self._refresh_node(self.cursor)

    def render_line(self, y: int) -> Strip:
        """A line of a node: title, state at the first; below the nodes the foot."""
        look, width, index = look_of(self), self.size.width, y + self.scroll_offset.y
        if (at := self.node_at(index)) < 0:
            line = index - len(self._lines) - 1
            text = self.foot[line] if 0 <= line < len(self.foot) else ""
            style = look.style("muted", "surface")
            return strip_of([(clip(f" {text}", width), style)], width, style)
        node, first, here = self.nodes[at], self.node_at(index - 1) != at, at == self.cursor
        strong = here and self.has_focus
        on = ("cursor" if strong else "panel") if here else "surface"
        words, color = self.states.get(node.id, ("", "muted")) if first else ("", "muted")
        room = width - len(words) - 2 if words else width - 1
        bold = node.kind in ("section", "process") or here
        tone = "muted" if node.kind == "add" else "primary" if here else "foreground"
        mark = "▸" if here and first else " "
        title = clip(f"{mark}{self._lines[index][1]}", room)
        main = look.style("cursor-text" if strong else tone, on, bold=bold)
        side = look.style("cursor-text" if strong else color, on, bold=True)
        strip = strip_of([(title.ljust(room), main), (f" {words} ", side)], width, main)
        if (label := self.letters.get(at)) is not None and first:
            jump = (label, look.style("background", "primary", bold=True))
            gap = len(label) + 1
            return Strip([*strip_of([jump], gap, main), *strip.crop(1, width - gap + 1)])
        return strip
