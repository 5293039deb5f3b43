"""The inspector: the full record of the row under the cursor, and the one editor there is.

Right third from 110 columns on, six rows at the bottom otherwise. Above the editor: label, path,
type and default; below: what is wrong, help, conditions.
"""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Static

from tui.form import record
from tui.form.editors import Editor, LineEditor
from tui.form.pathedit import PathEditor
from tui.form.record import Line
from tui.form.row import Row
from tui.widgets.lines import clip, clip_middle, look_of, strip_of

if TYPE_CHECKING:
    from tui.draft import Draft


class Lines(Widget):
    """Wrapped lines in colours; as high as they need, cut where there is no room."""

    DEFAULT_CSS = "Lines { height: auto; width: 1fr; background: $surface; }"
    can_focus = False

    def __init__(self, id: str, *, wrapped: bool = True) -> None:
        super().__init__(id=id)
        self.lines: Sequence[Line] = ()
        self._wrapped: list[Line] = []
        self._wraps = wrapped

    def show(self, lines: Sequence[Line]) -> None:
        """Other lines."""
        if list(lines) == list(self.lines):
            return
        before = len(self._wrapped)
        self.lines = lines
        self._wrap(self.size.width)
        self.refresh(layout=len(self._wrapped) != before)

    def _wrap(self, width: int) -> None:
        room = max(8, width - 2)
        out: list[Line] = []
        for text, tone in self.lines:
            if not self._wraps:
                cut = clip_middle if "/" in text else clip
                out.append((cut(text, room), tone))
                continue
            indent = "  " if text[:2] in ("! ", "? ", "~ ") else ""
            out += [(part, tone) for part in wrap(text, room, subsequent_indent=indent) or [""]]
        self._wrapped = out

    def on_resize(self, event: events.Resize) -> None:
        """Wraps anew."""
        self._wrap(event.size.width)
        self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many rows as the wrapped lines need."""
        self._wrap(width)
        return len(self._wrapped)

    def render_line(self, y: int) -> Strip:
        """One of them."""
        look, width = look_of(self), self.size.width
        fill = look.style("foreground", "surface")
        if y >= len(self._wrapped):
            return strip_of([], width, fill)
        text, tone = self._wrapped[y]
        return strip_of(
            [(f" {text}", look.style(tone, "surface", bold=tone == "primary"))], width, fill
        )


class Inspector(Vertical):
    """Head, editor or value, body."""

    DEFAULT_CSS = """
    Inspector { height: 7; background: $surface; border-top: solid $border; }
    Inspector > #value { height: auto; background: $panel; }
    Inspector.-tall { height: 12; }
    Inspector > .gap { height: 0; }
    """

    def __init__(self) -> None:
        super().__init__(id="inspector")
        self.editor: Editor | None = None

    def compose(self) -> ComposeResult:
        """Empty parts; `show` fills them."""
        yield Lines("head", wrapped=False)
        yield Static(classes="gap")
        yield Lines("value")
        yield Lines("messages")
        yield Static(classes="gap")
        yield Lines("body")

    @property
    def wide(self) -> bool:
        """Whether it stands at the right with room for everything."""
        return self.app.size.width >= 110

    def show(self, draft: Draft, row: Row | None) -> None:
        """The record of a row; nothing for none."""
        if row is None:
            for part in ("#head", "#value", "#messages", "#body"):
                self.query_one(part, Lines).show(())
            return
        head = record.head(draft, row)
        if not self.wide and len(head) > 2:
            head = [(f"{head[0][0]}   {head[1][0]}", "primary"), head[2]]
            head = head[:1] if self.editor is not None and not self.has_class("-tall") else head
        self.query_one("#head", Lines).show(head)
        value = [(row.value or "-", row.tone)] if row.kind in ("option", "switch") else []
        self.query_one("#value", Lines).show(() if self.editor is not None else value)
        self.query_one("#messages", Lines).show(record.messages(draft, row.path))
        self.query_one("#body", Lines).show(record.body(draft, row))

    async def edit(self, editor: Editor) -> None:
        """Mounts an editor in place of the value."""
        await self.stop()
        self.editor = editor
        self.set_class(
            not isinstance(editor, LineEditor) or isinstance(editor, PathEditor), "-tall"
        )
        await self.mount(editor, after=self.query_one("#value"))

    async def stop(self) -> None:
        """Takes the editor away."""
        if self.editor is not None:
            editor, self.editor = self.editor, None
            self.remove_class("-tall")
            await editor.remove()
