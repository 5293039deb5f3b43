"""What the user chose to see in the large chart: series, scale, smoothing, zoom, cursor.

Plain state with words for each change; the widgets and the follower are told by the dashboard.
"""

from __future__ import annotations

from collections.abc import Sequence

from tui.watch.series import SMOOTHINGS, ZOOMS, Curve
from tui.widgets.axes import SCALES
from tui.widgets.chart import readout

SCALE_WORDS = {"linear": "linear y", "log": "log y", "trimmed": "y without outliers"}


class ChartChoice:
    """The choices, each changed by one key."""

    def __init__(self) -> None:
        """The loss, linear, smoothed, all steps."""
        self.series = "loss"
        self.cursor: int | None = None
        self._scale = self._smoothing = self._zoom = 0

    @property
    def scale(self) -> str:
        """The value axis: `linear`, `log` or `trimmed`."""
        return SCALES[self._scale]

    @property
    def smoothing(self) -> float:
        """Share of the old value in the smoothed line; 0 draws none."""
        return SMOOTHINGS[self._smoothing]

    @property
    def zoom(self) -> int:
        """How many of the last steps are shown; 0 means all."""
        return ZOOMS[self._zoom]

    def next_scale(self) -> str:
        """Cycle the value axis; returns words for it."""
        self._scale = (self._scale + 1) % len(SCALES)
        return SCALE_WORDS[self.scale]

    def next_smoothing(self) -> str:
        """Cycle the smoothing; returns words for it."""
        self._smoothing = (self._smoothing + 1) % len(SMOOTHINGS)
        return f"smoothing {self.smoothing:g}" if self.smoothing else "no smoothing"

    def next_series(self, names: Sequence[str], by: int) -> str:
        """Another series; returns its name."""
        if names:
            here = names.index(self.series) if self.series in names else 0
            self.series = names[(here + by) % len(names)]
            self.cursor = None
        return self.series

    def change_zoom(self, by: int, last_step: int) -> str:
        """Fewer of the last steps (1) or more (-1); zooms that would change nothing are skipped."""
        useful = [at for at, steps in enumerate(ZOOMS) if not steps or steps * 1.25 <= last_step]
        here = useful.index(self._zoom) if self._zoom in useful else 0
        self._zoom = useful[min(len(useful) - 1, max(0, here + by))]
        self.cursor = None
        return self.zoom_words

    @property
    def zoom_words(self) -> str:
        """Which steps are shown."""
        return f"last {self.zoom} steps" if self.zoom else "all steps"

    def move_cursor(self, by: int, curves: Sequence[Curve]) -> None:
        """Move by columns: the first move to the left puts the cursor on the last value, moving
        past the end puts it away.
        """
        if not curves or not curves[0].buckets:
            return
        view = curves[0].window
        last = min(curves[0].last_step, view.last)
        if self.cursor is None:
            self.cursor = view.step_at(view.bucket_of(last)) if by < 0 else None
            return
        # A cell is two dots wide in braille: one press moves by what can be seen to move.
        step = self.cursor + by * view.per_bucket * max(1, 2 // view.dots_per_bucket)
        self.cursor = None if step > last else max(view.first, step)

    def title(self, curves: Sequence[Curve], broken: int) -> str:
        """What the chart shows, or the values under the cursor."""
        if self.cursor is not None and curves:
            return readout(curves[0], self.cursor)
        words = [self.series]
        if self.smoothing:
            words.append(f"ema {self.smoothing:g}".replace("0.", ".", 1))
        words += [SCALE_WORDS[self.scale], self.zoom_words]
        if broken and self.series == "loss":
            words.append(f"{broken} NaN")
        return "  ".join(words)
