"""The sidebar: the outline of the config with a state at the right of each row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
        self.virtual_size = Size(self.size.width, len(nodes) + (len(foot) + 1 if foot else 0))
        if not same:
            self.refresh()
        for y in changed:
            self._refresh_row(y)

    def go(self, node_id: str) -> bool:
        """Puts the cursor on a node, without saying so; false when there is none."""
        at = next((y for y, node in enumerate(self.nodes) if node.id == node_id), None)
        if at is None:
            return False
        self._move_to(at)
        return True

    def _move_to(self, y: int) -> None:
        old, self.cursor = self.cursor, y
        self._refresh_row(old)
        self._refresh_row(y)
        self.scroll_to_region(Region(0, y, 1, 1), animate=False, immediate=True)

    def _refresh_row(self, y: int) -> None:
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
        y = event.y + self.scroll_offset.y
        if not 0 <= y < len(self.nodes):
            return
        if y == self.cursor:
            self.post_message(self.Opened())
        else:
            self._move_to(y)
            self.post_message(self.Moved())

    def on_focus(self) -> None:
        """Strong cursor."""
        self._refresh_row(self.cursor)

    def on_blur(self) -> None:
        """Weak cursor."""
        self._refresh_row(self.cursor)

    def render_line(self, y: int) -> Strip:
        """A node: title, state; below the nodes the foot."""
        look, width, index = look_of(self), self.size.width, y + self.scroll_offset.y
        if index >= len(self.nodes):
            line = index - len(self.nodes) - 1
            text = self.foot[line] if 0 <= line < len(self.foot) else ""
            style = look.style("muted", "surface")
            return strip_of([(clip(f" {text}", width), style)], width, style)
        node = self.nodes[index]
        here = index == self.cursor
        strong = here and self.has_focus
        on = ("cursor" if strong else "panel") if here else "surface"
        words, color = self.states.get(node.id, ("", "muted"))
        room = width - len(words) - 2 if words else width - 1
        bold = node.kind == "section" or here
        tone = "muted" if node.kind == "add" else "primary" if here else "foreground"
        title = clip(f"{'▸' if here else ' '}{'  ' * node.depth}{node.title}", room).ljust(room)
        main = look.style("cursor-text" if strong else tone, on, bold=bold)
        side = look.style("cursor-text" if strong else color, on, bold=True)
        return strip_of([(title, main), (f" {words} ", side)], width, main)
