"""The virtual option list: draws the rows of a section by the line API, one cursor, no widgets.

It costs the same for ten options as for three hundred. It edits nothing itself: it says which row
the cursor is on and which act was asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.cells import cell_len
from rich.style import Style
from textual import events
from textual.binding import Binding
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.form.row import Row
from tui.theme import Look
from tui.widgets.lines import Piece, clip, clip_middle, look_of, strip_of

SHORT_BELOW = 24
"""Columns under which a reason is a word, not the beginning of a sentence."""


class OptionList(ScrollView, can_focus=True):
    """Rows with a cursor."""

    DEFAULT_CSS = """
    OptionList { height: 1fr; width: 1fr; background: $background; scrollbar-size-vertical: 1;
                 overflow-x: hidden; }
    """
    BINDINGS = [
        Binding("down,j", "move(1)", show=False),
        Binding("up,k", "move(-1)", show=False),
        Binding("pagedown,ctrl+d", "page(1)", show=False),
        Binding("pageup,ctrl+u", "page(-1)", show=False),
        Binding("home,g", "end(-1)", show=False),
        Binding("end,G", "end(1)", show=False),
    ]

    class Moved(Message):
        """The cursor is on another row."""

    class Asked(Message):
        """A row was double-clicked: edit it."""

    def __init__(self) -> None:
        super().__init__(id="rows")
        self.rows: Sequence[Row] = ()
        self.cursor = -1
        self.keys_first = False
        self._widest = (8, 10)
        self.letters: Mapping[int, str] = {}

    def jump_to(self, y: int) -> None:
        """The cursor to a row, from the jump overlay."""
        self._move_to(y)

    @property
    def row(self) -> Row | None:
        """The row under the cursor."""
        return self.rows[self.cursor] if 0 <= self.cursor < len(self.rows) else None

    def show(self, rows: Sequence[Row], path: str | None = None) -> None:
        """New rows; the cursor goes to the row of `path`, else it stays where it can."""
        before, same = self.row, len(rows) == len(self.rows)
        changed = [y for y, (a, b) in enumerate(zip(self.rows, rows)) if a != b] if same else []
        self.rows = rows
        self.virtual_size = Size(self.size.width, len(rows))
        plain = [row for row in rows if row.kind in ("option", "switch", "compare")]
        widest = (
            max((cell_len(self._label_of(row)) for row in rows if row.selectable), default=8),
            max((cell_len(row.value) for row in plain if row.note), default=10),
        )
        old, self.cursor = self.cursor, self._find(path if path is not None else before)
        if not same or old != self.cursor or widest != self._widest:
            self._widest = widest
            self.refresh()
        for y in changed:
            self._refresh_row(y)
        self._follow()
        if before != self.row:
            self.post_message(self.Moved())

    def _find(self, wanted: str | Row | None) -> int:
        """The row with a path, or the nearest selectable one to where the cursor was."""
        path = wanted.path if isinstance(wanted, Row) else wanted
        if path:
            for y, row in enumerate(self.rows):
                if row.path == path and row.selectable:
                    return y
        start = max(0, min(self.cursor, len(self.rows) - 1)) if path is None or path else 0
        order = [*range(start, len(self.rows)), *range(start - 1, -1, -1)]
        return next((y for y in order if self.rows[y].selectable), -1)

    def _refresh_row(self, y: int) -> None:
        self.refresh(Region(0, y - self.scroll_offset.y, self.size.width, 1))

    def _move_to(self, y: int) -> None:
        if y == self.cursor or not 0 <= y < len(self.rows):
            return
        old, self.cursor = self.cursor, y
        self._refresh_row(old)
        self._refresh_row(y)
        self._follow()
        self.post_message(self.Moved())

    def _follow(self) -> None:
        """Scrolls so that the cursor, and a heading right above it, can be seen."""
        if self.cursor < 0 or not self.size.height:
            return
        top = self.cursor
        while top > 0 and not self.rows[top - 1].selectable:
            top -= 1
        if top < self.scroll_offset.y:
            self.scroll_to(y=top, animate=False, immediate=True)
        elif self.cursor >= self.scroll_offset.y + self.size.height:
            self.scroll_to(y=self.cursor - self.size.height + 1, animate=False, immediate=True)

    def action_move(self, by: int) -> None:
        """To the next row that can be selected."""
        y = self.cursor + by
        while 0 <= y < len(self.rows) and not self.rows[y].selectable:
            y += by
        self._move_to(y)

    def action_page(self, by: int) -> None:
        """A screen up or down."""
        target = self.cursor + by * max(1, self.size.height - 2)
        self._nearest(max(0, min(target, len(self.rows) - 1)), by)

    def action_end(self, by: int) -> None:
        """To the first or the last row."""
        self._nearest(0 if by < 0 else len(self.rows) - 1, -by)

    def _nearest(self, y: int, by: int) -> None:
        order = [*range(y, len(self.rows)), *range(y, -1, -1)]
        if by < 0:
            order = [*range(y, -1, -1), *range(y, len(self.rows))]
        self._move_to(next((at for at in order if self.rows[at].selectable), self.cursor))

    def on_resize(self) -> None:
        """Widths follow the size; the cursor stays visible."""
        self.virtual_size = Size(self.size.width, len(self.rows))
        self._follow()

    def on_focus(self) -> None:
        """The cursor row is drawn strong."""
        self._refresh_row(self.cursor)

    def on_blur(self) -> None:
        """The cursor row is drawn weak."""
        self._refresh_row(self.cursor)

    def on_click(self, event: events.Click) -> None:
        """Selects the row; a second click edits it."""
        y = event.y + self.scroll_offset.y
        if 0 <= y < len(self.rows) and self.rows[y].selectable:
            again = y == self.cursor
            self._move_to(y)
            if again or event.chain > 1:
                self.post_message(self.Asked())

    def render_line(self, y: int) -> Strip:
        """One row."""
        look, width, index = look_of(self), self.size.width, y + self.scroll_offset.y
        here = index == self.cursor
        on = ("cursor" if self.has_focus else "panel") if here else "background"
        fill = look.style("foreground", on)
        if not 0 <= index < len(self.rows):
            return strip_of([], width, fill)
        strong = here and self.has_focus
        pieces = self._pieces(self.rows[index], look, on, width, strong)
        if (label := self.letters.get(index)) is not None:
            rest = strip_of(pieces, width, fill).crop(len(label) + 1)
            mark = (f"{label} ", look.style("background", "primary", bold=True))
            return Strip([*strip_of([mark], len(label) + 1, fill), *rest])
        return strip_of(pieces, width, fill)

    def _label_of(self, row: Row) -> str:
        if self.keys_first and row.option is not None:
            return row.option.name
        return row.label

    def _pieces(self, row: Row, look: Look, on: str, width: int, strong: bool) -> list[Piece]:
        def style(tone: str, *, bold: bool = False) -> Style:
            return look.style("cursor-text" if strong else tone, on, bold=bold)

        if row.kind == "heading":
            return self._heading(row, style("primary", bold=True), style("muted"), width)
        if row.kind == "text":
            return [(clip(f"   {row.label}", width), style("muted"))]
        if row.kind == "unknown":
            text = f" ! {row.label}: {row.value}"
            note = clip(f"  {row.note}", max(0, width - cell_len(text)))
            return [(clip(text, width), style("error", bold=True)), (note, style("error"))]
        mark_tone = {"!": "error", "?": "warning", "*": "accent", "~": "muted"}.get(
            row.mark, "muted"
        )
        out = [(f" {row.mark} ", style(mark_tone, bold=True))]
        label_width, value_width = self._widths(width)
        label_tone = "muted" if row.mark == "~" else "foreground"
        out.append(
            (clip(self._label_of(row), label_width - 1).ljust(label_width), style(label_tone))
        )
        if row.kind == "problem":
            rest = width - label_width - 3
            note = f"  {row.note}" if row.note else ""
            # What can be done about it stays in sight, the message gives way.
            room = rest - cell_len(note) if cell_len(note) < rest // 2 else rest
            message = clip(row.value, room) if room < rest else clip(row.value + note, rest)
            return [*out, (message, style(row.tone)), *([(note, style("primary"))] * (room < rest))]
        tier_width = 5 if width >= 46 and row.tier else 0
        return [
            *out,
            *self._value_pieces(row, style, value_width, width - label_width - 3, tier_width),
        ]

    def _heading(self, row: Row, bold: Style, weak: Style, width: int) -> list[Piece]:
        """A title; over a comparison also the titles of its two columns."""
        if not row.note:
            return [(clip(f" {row.label}", width), bold)]
        label, value = self._widths(width)
        title = clip(f" {row.label}", label + 2).ljust(label + 3)
        return [(title, bold), (row.value.ljust(value), weak), (row.note, weak)]

    def _widths(self, width: int) -> tuple[int, int]:
        """Columns of label and value: the label takes what it needs, up to half."""
        label = max(12, min(self._widest[0] + 2, width // 2))
        room = width - label - 3
        return label, max(10, min(self._widest[1] + 2, room * 3 // 5))

    def _value_pieces(
        self, row: Row, style: object, value_width: int, room: int, tier_width: int
    ) -> list[Piece]:
        assert callable(style)
        note, note_room = row.note, room - tier_width - value_width
        if cell_len(note) >= note_room and row.short and note_room < SHORT_BELOW:
            note = row.short
        if note and cell_len(note) >= note_room:  # what matters more takes the tier's place
            tier_width, note_room = 0, room - value_width
        if not note:
            value_width, note_room = room - tier_width, 0
        is_path = row.option is not None and row.option.type == "path"
        cut = clip_middle if is_path else clip
        out = [(cut(row.value, value_width - 1).ljust(value_width), style(row.tone))]
        if note_room > 0:
            out.append((clip(note, note_room - 1).ljust(note_room), style(row.note_tone)))
        if tier_width:
            out.append((row.tier.rjust(tier_width - 1) + " ", style("muted")))
        return out
