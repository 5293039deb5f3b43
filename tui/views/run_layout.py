"""Where everything on the dashboard goes, as a pure function of the size.

What is dropped when space is short, first to last: host line, sample strip, metric table, half of
the log, all but a summary of the GPUs, the log. Title, status and key hints never go; they belong
to the frame, and so does what is shown below 60x16.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from textual.geometry import Region

from tui.widgets.gauge import COLLAPSE_ABOVE

FRAME_ROWS: Final = 3
"""Title, status and key hints."""
TWO_COLUMNS, THREE_PARTS = 110, 160
"""Widths from which metrics and samples stand at the right, and from which two more charts fit."""
TALL: Final = 50
SMALLEST_WIDTH, SMALLEST_HEIGHT = 60, 16
"""What the frame shows below this is `RunView.plain_lines`."""
SMALLEST_CHART: Final = 6
PANES: Final = ("chart", "log", "samples", "gpu")
"""Panes that `tab` walks and `z` maximises."""


@dataclass(frozen=True)
class Layout:
    """Zones of the body by name; a zone that is absent is not shown."""

    zones: dict[str, Region]
    split: int | None = None
    """Column of the vertical line, where there are two columns."""

    def has(self, name: str) -> bool:
        """Whether the zone is shown."""
        return name in self.zones

    def size(self, name: str) -> tuple[int, int]:
        """Width and height of a zone; 0 x 0 when it is not shown."""
        region = self.zones.get(name)
        return (region.width, region.height) if region else (0, 0)


def arrange(
    width: int, height: int, gpus: int, *, banner: bool = False, maximised: str | None = None
) -> Layout:
    """The zones for a screen of `width` x `height` with so many GPUs.

    `banner` makes room for one line that says why the run ended; `maximised` gives all to one pane.
    """
    body = height - FRAME_ROWS
    if width < SMALLEST_WIDTH or height < SMALLEST_HEIGHT:
        return Layout({})
    zones: dict[str, Region] = {}
    top = 0
    if banner:
        zones["banner"] = Region(0, 0, width, 1)
        top = 1
    if maximised in PANES:
        zones[f"{maximised}.rule"] = Region(0, top, width, 1)
        zones[maximised] = Region(0, top + 1, width, body - top - 1)
        return Layout(zones)
    if width < TWO_COLUMNS:
        return _stacked(zones, width, top, body, gpus)
    return _two_columns(zones, width, top, body, gpus, wide=width >= THREE_PARTS and height >= TALL)


def _stacked(zones: dict[str, Region], width: int, top: int, body: int, gpus: int) -> Layout:
    """Everything below each other: 60 to 109 columns."""
    room = body - top
    cards = gpus if gpus <= max(1, room // 10) else 1
    rest = room - max(1, cards) - 1
    log = max(3, min(12, rest * 2 // 7)) if rest >= SMALLEST_CHART + 4 else 0
    metrics = 1 if rest - log >= SMALLEST_CHART + 2 else 0
    samples = 1 if rest - log - metrics >= SMALLEST_CHART + 3 else 0
    y = top
    zones["gpu"] = Region(0, y, width, max(1, cards))
    y += max(1, cards)
    zones["chart.rule"] = Region(0, y, width, 1)
    chart = rest - metrics - samples - (log + 1 if log else 0)
    zones["chart"] = Region(0, y + 1, width, chart)
    y += 1 + chart
    if metrics:
        zones["numbers"] = Region(0, y, width, 1)
        y += 1
    if log:
        zones["log.rule"] = Region(0, y, width, 1)
        zones["log"] = Region(0, y + 1, width, log)
        y += 1 + log
    if samples:
        zones["strip"] = Region(0, y, width, 1)
    return Layout(zones)


def _two_columns(
    zones: dict[str, Region], width: int, top: int, body: int, gpus: int, *, wide: bool
) -> Layout:
    """Chart and log at the left, numbers and pictures at the right."""
    y = top
    room = body - top
    cards = gpus if gpus <= (8 if wide else COLLAPSE_ABOVE) and gpus <= room // 6 else 1
    host = 1 if gpus and room >= 30 else 0
    zones["gpu.rule"] = Region(0, y, width, 1)
    zones["gpu"] = Region(0, y + 1, width, max(1, cards) + host)
    y += 1 + max(1, cards) + host
    right = 70 if wide else max(35, min(60, width * 3 // 10))
    split = width - right - 1
    rest = body - y
    log = 9 if wide else max(4, rest * 2 // 5)
    if rest - log - 2 < SMALLEST_CHART:
        log = 0
    upper = rest - 1 - (log + 1 if log else 0)
    small = 12 if wide and upper >= 34 else 0
    zones["chart.rule"] = Region(0, y, width, 1)
    zones["chart"] = Region(0, y + 1, split, upper - small)
    zones["split"] = Region(split, y + 1, 1, upper)
    lower = y + 1 + upper - small
    if small:
        half = split // 2
        zones["more.rule"] = Region(0, lower, split, 1)
        zones["chart2"] = Region(0, lower + 1, half, small - 1)
        zones["chart3"] = Region(half, lower + 1, split - half, small - 1)
    column = Region(split + 1, y + 1, right, upper)
    if wide:
        _right_of_wide(zones, column)
    else:
        zones["metrics"] = column
    if log:
        y = column.bottom
        zones["log.rule"] = Region(0, y, width, 1)
        pictures = not wide and log >= 6
        zones["log"] = Region(0, y + 1, split if pictures else width, log)
        if pictures:
            zones["split2"] = Region(split, y + 1, 1, log)
            zones["samples"] = Region(split + 1, y + 1, right, log)
    return Layout(zones, split)


def _right_of_wide(zones: dict[str, Region], column: Region) -> None:
    """Metrics, three pictures across, and the other jobs, below each other."""
    metrics = min(18, column.height // 2)
    pictures = min(14, column.height - metrics - 1)
    if column.height - metrics - 1 - pictures < 4:
        pictures = column.height - metrics - 1  # too little is left for the other runs
    zones["metrics"] = Region(column.x, column.y, column.width, metrics)
    zones["samples.rule"] = Region(column.x, column.y + metrics, column.width, 1)
    zones["samples"] = Region(column.x, column.y + metrics + 1, column.width, pictures)
    y = column.y + metrics + 1 + pictures
    if column.bottom - y >= 4:
        zones["jobs.rule"] = Region(column.x, y, column.width, 1)
        zones["jobs"] = Region(column.x, y + 1, column.width, column.bottom - y - 1)
