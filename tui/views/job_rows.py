"""The lines of the list of runs, as pure functions; the columns depend on the width."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tui.views.run_parts import progress_share, state_word
from tui.watch.jobs import Job, changed_words, differences
from tui.watch.text import duration, moment, percent, short_number, shorten, speed
from tui.widgets.chart import CURVE_ROLES
from tui.widgets.rows import Row, Span, fit, row

COLUMNS: Final = (
    ("name", 20, 0), ("state", 11, 0), ("step", 15, 0), ("loss", 6, 60), ("speed", 9, 72),
    ("ETA", 6, 80), ("started", 12, 96), ("device", 7, 110), ("changed", 0, 110),
)  # fmt: skip
"""(heading, cells, width from which it is shown); the last takes what is left."""


def columns(width: int) -> list[tuple[str, int]]:
    """The columns of a list of that width."""
    return [(name, size) for name, size, least in COLUMNS if width >= least]


def head(width: int) -> Row:
    """The headings."""
    cells = [f"{name:<{size}} " for name, size in columns(width)]
    return fit(row(("    " + "".join(cells), "muted")), width)


def line(
    job: Job, earlier: Job | None, width: int, *, chosen: bool = False, mark: int | None = None
) -> Row:
    """One run; `mark` is its number among the marked ones, whose colour its curve will have."""
    word, symbol, color = state_word(job.status)
    status = job.status
    share = progress_share(status)
    values: dict[str, Span] = {
        "name": (shorten(status.name, 20), "foreground"),
        "state": (word, color),
        "step": (f"{status.step}/{status.steps or '?'} {percent(share).strip()}", "foreground"),
        "loss": (short_number(status.loss), "foreground"),
        "speed": ("" if status.ended else speed(status.steps_per_second), "foreground"),
        "ETA": ("" if status.ended else duration(status.eta_seconds), "foreground"),
        "device": (status.device or "", "muted"),
        "started": (moment(status.started), "muted"),
        "changed": (changed_words(job, earlier), "muted"),
    }
    marked = f"{mark}" if mark else " "
    role = CURVE_ROLES[(mark - 1) % len(CURVE_ROLES)] if mark else ""
    spans: list[Span] = [(marked, role), (f" {symbol} ", color)]
    for name, size in columns(width):
        text, role = values[name]
        spans.append((f"{text:<{size}} ", role))
    made = fit(row(*spans), width)
    return tuple((text, "cursor-text") for text, _ in made) if chosen else made


def short(job: Job, width: int) -> Row:
    """One run in a narrow pane: symbol, name, state, how far."""
    word, symbol, color = state_word(job.status)
    share = progress_share(job.status)
    name = shorten(job.status.name, 24)
    tail = "" if job.status.ended else f"  ETA {duration(job.status.eta_seconds)}"
    cells = row(
        (f" {symbol} ", color),
        f"{name:<24} ",
        (f"{word:<11}", color),
        f"{percent(share)}",
        (tail, "muted"),
    )
    return fit(cells, width)


def nothing(read: bool) -> list[Row]:
    """What an empty list says."""
    if not read:
        return [row(("  looking …", "muted"))]
    return [
        row(""),
        row(("  No run was started on this machine yet.", "muted")),
        row(("  Open a config (", "muted"), ("H", "primary"), (") and launch it (", "muted"),
            ("2", "primary"), (").", "muted")),
    ]  # fmt: skip


def diff(jobs: Sequence[Job], width: int) -> list[Row]:
    """A table of the config keys in which the runs differ, a column for each run."""
    found = differences([job.config for job in jobs])
    key_room = min(36, max(12, width // 3))
    room = max(8, (width - key_room - 2) // max(1, len(jobs)) - 1)
    top: list[Span] = [(f" {'':<{key_room}}", "")]
    for at, job in enumerate(jobs):
        name = shorten(job.status.name, room)
        top.append((f"{name:<{room}} ", CURVE_ROLES[at % len(CURVE_ROLES)]))
    lines = [row(*top)]
    for path, values in found:
        spans: list[Span] = [(f" {shorten(path, key_room):<{key_room}}", "muted")]
        for value in values:
            text = "-" if value is None else str(value)
            spans.append((f"{shorten(text, room):<{room}} ", "foreground"))
        lines.append(row(*spans))
    return lines if found else [*lines, row((" their configs are the same", "muted"))]
