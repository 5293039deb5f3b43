"""Rows of styled text that repaint only the cells that changed.

Every live part of the dashboard (gauges, charts, metric tables, logs) is one of these. The content
is plain data: a row is a tuple of spans, a span is a text and the name of a colour of the theme
(`tui.theme.FIELDS`). So the functions that make rows know no colours and can be tested as text. The
widget has no border on purpose: a bordered widget repaints its frame for one changed cell, about
0.9 kB a line at 120 columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from tui.theme import FIELDS
from tui.widgets.lines import clip, look_of

Span = tuple[str, str]
"""A text and its role: a colour name of the theme, perhaps with `!bold` behind it; "" for plain."""
Row = tuple[Span, ...]

MERGE_GAP = 24
"""Unchanged cells between two changes that are cheaper to resend than to jump over: a jump costs a
cursor movement and a colour, together about 45 bytes.
"""


def row(*spans: Span | str) -> Row:
    """Make a row, taking bare strings as plain text and dropping empty spans."""
    made = ((span, "") if isinstance(span, str) else span for span in spans)
    return tuple(span for span in made if span[0])


def text_of(line: Row) -> str:
    """The characters of a row, without its roles."""
    return "".join(text for text, _ in line)


def width_of(line: Row) -> int:
    """How many terminal cells the row takes."""
    return sum(cell_len(text) for text, _ in line)


def fit(line: Row, width: int) -> Row:
    """Cut or pad the row to exactly `width` cells; a cut row ends in an ellipsis."""
    used = 0
    kept: list[Span] = []
    for text, role in line:
        size = cell_len(text)
        if used + size > width:
            if width > used:
                kept.append((set_cell_size(clip(text, width - used), width - used), role))
            elif kept:
                kept[-1] = (
                    set_cell_size(kept[-1][0], cell_len(kept[-1][0]) - 1) + "…",
                    kept[-1][1],
                )
            return tuple(kept)
        kept.append((text, role))
        used += size
    blank = " " * (width - used)
    if kept and not kept[-1][1]:
        kept[-1] = (kept[-1][0] + blank, "")
    elif blank:
        kept.append((blank, ""))
    return tuple(kept)


def spread(left: Row, right: Row, width: int) -> Row:
    """`left` at the left edge, `right` at the right edge; the right part is kept whole."""
    room = max(0, width - width_of(right))
    return fit(fit(left, room) + right, width)


def rule(
    title: str, width: int, *, joint: tuple[int, str] | None = None, role: str = "foreground"
) -> Row:
    """A horizontal line that carries a title: `─ loss  ema .97 ─────`.

    `joint` puts another line character at a cell, where a vertical line meets this one; `role`
    colours the title.
    """
    head = f"─ {clip(title, max(0, width - 4))} " if title else ""
    tail = "─" * max(0, width - cell_len(head))
    if joint is not None and 0 <= (at := joint[0] - cell_len(head)) < len(tail):
        tail = tail[:at] + joint[1] + tail[at + 1 :]
    if not head:
        return row((tail, "border"))
    return row(("─ ", "border"), (head[2:], role), (tail, "border"))


def joined(line: Row) -> Row:
    """The row with neighbours of one role made one span: each span costs a colour on the way."""
    made: list[Span] = []
    for text, role in line:
        if made and made[-1][1] == role:
            made[-1] = (made[-1][0] + text, role)
        else:
            made.append((text, role))
    return tuple(made)


def changed_spans(old: Row, new: Row) -> list[tuple[int, int]]:
    """The cell ranges `[start, end)` in which two rows differ."""
    before, after = _cells(old), _cells(new)
    if len(before) != len(after):
        return [(0, max(len(before), len(after)))]
    differing = [at for at, (a, b) in enumerate(zip(before, after, strict=True)) if a != b]
    if not differing:
        return []
    spans = [[differing[0], differing[0] + 1]]
    for last, at in pairwise(differing):
        if at - last > MERGE_GAP:
            spans.append([at, at + 1])
        else:
            spans[-1][1] = at + 1
    return [(start, end) for start, end in spans]


def _cells(line: Row) -> list[tuple[str, str]]:
    """One entry per terminal cell; a wide character fills its second cell with an empty one."""
    cells: list[tuple[str, str]] = []
    for text, role in line:
        if text.isascii():
            cells.extend((char, role) for char in text)
            continue
        for char in text:
            size = cell_len(char)
            if size == 0 and cells:
                cells[-1] = (cells[-1][0] + char, cells[-1][1])
                continue
            cells.append((char, role))
            cells.extend([("", role)] * (size - 1))
    return cells


class Rows(Widget):
    """A fixed-size block of rows; `show()` replaces them and repaints only what differs."""

    DEFAULT_CSS = "Rows { height: 1fr; width: 1fr; }"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        """Start empty."""
        super().__init__(id=id, classes=classes)
        self._rows: list[Row] = []

    @property
    def rows(self) -> Sequence[Row]:
        """What the widget shows."""
        return self._rows

    @property
    def text(self) -> str:
        """What the widget shows, as characters; for tests and for copying."""
        return "\n".join(text_of(line).rstrip() for line in self._rows)

    def show(self, rows: Iterable[Row]) -> None:
        """Replace the content; cells that stay the same are not sent again."""
        width, height = self.size.width, self.size.height
        if not width or not height:
            self._rows = list(rows)
            self.refresh()
            return
        old, self._rows = self._rows, [joined(fit(line, width)) for line in rows][:height]
        blank = fit((), width)
        regions: list[Region] = []
        for y in range(max(len(old), len(self._rows))):
            before = old[y] if y < len(old) else blank
            after = self._rows[y] if y < len(self._rows) else blank
            if before != after:
                spans = changed_spans(before, after)
                regions += [Region(start, y, end - start, 1) for start, end in spans]
        if regions:
            self.refresh(*regions)

    def render_line(self, y: int) -> Strip:
        """One row as a strip of styled segments."""
        width, base = self.size.width, self.rich_style
        if y >= len(self._rows):
            return Strip.blank(width, base)
        segments = [Segment(text, base + self.style_of(role)) for text, role in self._rows[y]]
        return Strip(segments).adjust_cell_length(width, base)

    def style_of(self, role: str) -> Style:
        """The style of a role in the running theme.

        A role may also be a Rich colour such as `#204060 on #ffffff` or `color(16)`, as pictures
        need.
        """
        name, _, extra = role.partition("!")
        if name in FIELDS:
            on = "cursor" if name == "cursor-text" else None
            return look_of(self).style(name, on, bold=extra == "bold")
        return (
            Style.parse(name)
            if name.startswith(("#", "color("))
            else Style(bold=extra == "bold" or None)
        )
