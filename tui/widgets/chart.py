"""The line chart: raw values as a band, their smoothed line over it, marks, and a cursor.

`draw()` is a pure function from curves to rows; `Chart` is the widget around it that remembers the
zoom, the scale and the cursor. The values themselves come from the follower's thread, already cut
into the buckets of the window that the chart asked for (`tui.watch.series`).
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from tui.watch.history import BROKEN, RESTART, SAMPLE, SAVE
from tui.watch.series import Curve, Window
from tui.watch.text import axis_number, count, short_number
from tui.widgets.axes import LINEAR, Limits, StickyLimits, nice_step
from tui.widgets.canvas import ASCII, BRAILLE, Canvas, DotSet
from tui.widgets.rows import Row, Rows, Span, row

LABELS: Final = 6
"""Cells to the left of the plot: the tick labels and the axis."""
CURVE_ROLES: Final = ("chart-smooth", "chart-2", "chart-3", "chart-4")
BAND: Final = "chart-raw"
MARK_CHARS: Final = {SAVE: ("┴", "w"), SAMPLE: ("┬", "s"), RESTART: ("╫", "r"), BROKEN: ("×", "x")}
"""Kind of mark -> its character on the axis, and the one of the ASCII set."""
MARK_ROLES: Final = {RESTART: "chart-bad", BROKEN: "chart-bad"}
LOUD: Final = frozenset({RESTART, BROKEN})
"""Marks that are never left out and stand over the step numbers."""
CROWDED: Final = 5
"""With less than this many cells per mark, marks of that kind say nothing and are left out."""


@dataclass(frozen=True)
class Picture:
    """Everything that one drawing of a chart shows."""

    curves: Sequence[Curve] = ()
    marks: Sequence[tuple[int, str]] = ()
    """(step, kind)."""
    cursor: int | None = None
    """The step that the cursor stands on."""
    dots: DotSet = BRAILLE
    empty: str = "no values yet"
    extra: Sequence[float] = field(default_factory=tuple)
    """Values that must lie inside the limits."""


def plot_dots(width: int, dots: DotSet) -> int:
    """How many dots a chart of `width` cells has across; what a window must be made for."""
    return max(1, (width - LABELS) * dots.across)


def draw(picture: Picture, width: int, height: int, limits: StickyLimits) -> list[Row]:
    """The chart as `height` rows of `width` cells; the last row is the step axis."""
    rows = max(1, height - 1)
    columns = width - LABELS
    shown = [curve for curve in picture.curves if curve.buckets]
    if columns < 4 or not shown:
        blank = row(" " * (LABELS - 1), ("│" if picture.dots is not ASCII else "|", "chart-axis"))
        middle = row(*blank, (f"  {picture.empty}", "muted"))
        return [middle if y == rows // 2 else blank for y in range(rows)] + [
            row(" " * (LABELS - 1), ("└" + "─" * columns, "chart-axis"))
        ]
    found = limits.update(_values(shown), _smooth_values(shown))
    scale = found if found is not None else Limits(0.0, 1.0)
    canvas = Canvas(columns, rows, picture.dots)
    view = shown[0].window
    for mark_step, kind in picture.marks:
        if kind == RESTART:
            _dotted(canvas, view.dot(mark_step))
    for at, curve in enumerate(shown):
        if at == 0:
            draw_band(canvas, curve, scale, BAND if curve.smooth else CURVE_ROLES[0])
    for at, curve in list(enumerate(shown))[::-1]:
        draw_line(canvas, curve, scale, CURVE_ROLES[at % len(CURVE_ROLES)])
    body = canvas.draw()
    ticks = scale.ticks(rows)
    bar = "|" if picture.dots is ASCII else "│"
    made = []
    for y, cells in enumerate(body):
        if picture.cursor is not None:
            cells = _with_cursor(cells, view.dot(picture.cursor) // picture.dots.across, bar)
        label = axis_number(ticks[y]) if y in ticks else ""
        # A label that does not fit would lie if it were cut.
        label = label if len(label) < LABELS else ""
        made.append(row((f"{label:>{LABELS - 1}}{bar}", "chart-axis"), *cells))
    return [*made, axis_row(picture, view, columns)]


def draw_band(canvas: Canvas, curve: Curve, scale: Limits, role: str) -> None:
    """Fill each bucket from its lowest to its highest value, joined to its neighbour.

    A missing or broken bucket is a gap.
    """
    step = curve.window.dots_per_bucket
    before: tuple[int, int] | None = None
    for at, bucket in enumerate(curve.buckets):
        if bucket is None or math.isnan(bucket[2]):
            before = None
            continue
        x = at * step
        top, bottom = here = (
            _clamped(bucket[1], scale, canvas),
            _clamped(bucket[0], scale, canvas),
        )
        if before is not None and step > 1:
            canvas.line(x - step, sum(before) // 2, x, sum(here) // 2, role)
        elif before is not None:
            top, bottom = min(top, before[1]), max(bottom, before[0])
        canvas.column(x, top, bottom, role)
        before = here


def draw_line(canvas: Canvas, curve: Curve, scale: Limits, role: str) -> None:
    """The smoothed line, where there is one."""
    step = curve.window.dots_per_bucket
    before: tuple[int, int] | None = None
    for at, value in enumerate(curve.smooth):
        if not math.isfinite(value):
            before = None
            continue
        here = (at * step, _clamped(value, scale, canvas))
        canvas.line(*(before or here), *here, role)
        before = here


def axis_row(picture: Picture, view: Window, columns: int) -> Row:
    """The step axis with round labels; saves, samples, restarts and broken values stand on it."""
    plain = picture.dots is ASCII
    corner, dash = ("+", "-") if plain else ("└", "─")
    cells: list[tuple[str, str]] = [(dash, "chart-axis")] * columns
    across = picture.dots.across
    for step in _step_ticks(view, columns):
        _put_label(cells, max(0, view.dot(step)) // across, count(step))
    for kind in (SAMPLE, SAVE, RESTART, BROKEN):
        steps = [step for step, mark in picture.marks if mark == kind]
        places = {view.dot(step) // across for step in steps if view.first <= step <= view.last}
        if len(places) * CROWDED > columns and kind not in LOUD:
            continue
        for at in places:
            if 0 <= at < columns and (kind in LOUD or not cells[at][0].isalnum()):
                both = kind == SAVE and cells[at][0] == MARK_CHARS[SAMPLE][plain]
                char = ("┼", "*")[plain] if both else MARK_CHARS[kind][plain]
                cells[at] = (char, MARK_ROLES.get(kind, "chart-mark"))
    return row(" " * (LABELS - 1), (corner, "chart-axis"), *_joined(cells))


def _put_label(cells: list[tuple[str, str]], at: int, label: str) -> None:
    if at < 0 or at + len(label) > len(cells):
        return
    cells[at : at + len(label)] = [(char, "chart-axis") for char in label]


def _step_ticks(view: Window, columns: int) -> list[int]:
    steps = view.buckets * view.per_bucket
    step = max(1, round(nice_step(max(1.0, steps / max(2, columns // 12)))))
    first = 0 if view.first <= 1 else math.ceil(view.first / step) * step
    return list(range(first, view.last + 1, step))


def _values(curves: Sequence[Curve]) -> Iterable[float]:
    """What the limits must show: the band of the first curve; of overlaid ones only the line."""
    for bucket in curves[0].buckets:
        if bucket is not None:
            yield from bucket[:2]


def _smooth_values(curves: Sequence[Curve]) -> list[float]:
    return [value for curve in curves for value in curve.smooth]


def _clamped(value: float, scale: Limits, canvas: Canvas) -> int:
    """The dot row of a value; what lies outside the limits is drawn at the edge, not left out."""
    return min(canvas.height - 1, max(0, scale.dot(value, canvas.height)))


def _dotted(canvas: Canvas, x: int) -> None:
    for y in range(0, canvas.height, 2):
        canvas.column(x, y, y, "chart-bad")


def _with_cursor(cells: Row, at: int, bar: str) -> Row:
    """The row with the cell under the cursor marked; blank cells show a line."""
    made: list[Span] = []
    x = 0
    for text, role in cells:
        if x <= at < x + len(text):
            char = text[at - x]
            made += [(text[: at - x], role), (bar if char == " " else char, "cursor-text")]
            made.append((text[at - x + 1 :], role))
        else:
            made.append((text, role))
        x += len(text)
    return row(*made)


def _joined(cells: Iterable[tuple[str, str]]) -> list[Span]:
    spans: list[Span] = []
    for char, role in cells:
        if spans and spans[-1][1] == role:
            spans[-1] = (spans[-1][0] + char, role)
        else:
            spans.append((char, role))
    return spans


def readout(curve: Curve, step: int) -> str:
    """The values at the cursor in words: `step 4096  loss .2140  ema .2310`.

    For a bucket of several steps the range is given.
    """
    found = curve.value_at(step)
    if found is None:
        return f"step {step}  no value"
    bucket, smooth = found
    words = f"step {step}"
    if curve.window.per_bucket > 1:
        start = curve.window.step_at(curve.window.bucket_of(step))
        words = f"steps {start}-{start + curve.window.per_bucket - 1}"
    if bucket is None or math.isnan(bucket[2]):
        return f"{words}  {'no value' if bucket is None else 'NaN'}"
    low, high, mean = bucket
    words += f"  {curve.label} {short_number(mean)}"
    if high > low:
        words += f" ({short_number(low)} to {short_number(high)})"
    return words + (f"  ema {short_number(smooth)}" if math.isfinite(smooth) else "")


class Chart(Rows):
    """A chart that fills its widget; `picture` is what it shows."""

    def __init__(self, *, id: str | None = None) -> None:
        """Start without curves, on a linear axis."""
        super().__init__(id=id)
        self.picture = Picture()
        self.limits = StickyLimits(LINEAR)

    def paint(self, picture: Picture) -> None:
        """Draw a picture; only cells that change are sent."""
        self.picture = picture
        if self.size.width and self.size.height:
            self.show(draw(picture, self.size.width, self.size.height, self.limits))

    def set_scale(self, scale: str) -> None:
        """Change the value axis."""
        self.limits = StickyLimits(scale)
        self.paint(self.picture)

    def set_cursor(self, step: int | None) -> None:
        """Put the reading cursor on a step, or away."""
        self.paint(replace(self.picture, cursor=step))
