"""The words of the dashboard: pure functions from a snapshot to rows.

Nothing here knows a widget or a colour; what is dropped when a line is too narrow is decided here,
least important first.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

from schema.run.status import RunStatus, State
from tui.watch.follow import Snapshot
from tui.watch.history import Shot
from tui.watch.text import duration, percent, rate, short_number, short_time, shorten, size, speed
from tui.widgets.gauge import bar, sparkline
from tui.widgets.rows import Row, Span, fit, row, text_of, width_of

WORDS: Final[Mapping[State, tuple[str, str, str]]] = {
    State.QUEUED: ("QUEUED", "○", "state-waiting"),
    State.PREPARING: ("PREPARING", "○", "state-waiting"),
    State.CACHING: ("CACHING", "○", "state-waiting"),
    State.TRAINING: ("RUNNING", "●", "state-running"),
    State.SAMPLING: ("SAMPLING", "●", "state-running"),
    State.SAVING: ("SAVING", "●", "state-running"),
    State.PAUSED: ("PAUSED", "‖", "state-paused"),
    State.STOPPING: ("STOPPING", "‖", "state-paused"),
    State.INTERRUPTED: ("STOPPED", "■", "state-paused"),
    State.FINISHED: ("DONE", "✓", "state-done"),
    State.FAILED: ("FAILED", "!", "state-failed"),
    State.LOST: ("LOST", "!", "state-failed"),
}
"""State -> the word on screen, its symbol, its colour."""


def state_word(status: RunStatus, stalled: float | None = None) -> tuple[str, str, str]:
    """Word, symbol and colour of what a run is doing."""
    if status.state is State.FAILED and "out of memory" in (status.error or "").lower():
        return "OOM", "!", "state-failed"
    if stalled is not None:
        return f"STALLED {duration(stalled)}", "?", "state-failed"
    return WORDS[status.state]


def progress_share(status: RunStatus) -> float | None:
    """How far the run is, as a share of one."""
    return min(1.0, status.step / status.steps) if status.steps else None


def header(snapshot: Snapshot, width: int) -> list[Span]:
    """The title line: name, progress, loss, speed, time left, state; fitted to `width`."""
    status = snapshot.status
    word, symbol, color = state_word(status, snapshot.stalled)
    share = progress_share(status)
    steps = f"{status.step}/{status.steps}" if status.steps else f"step {status.step}"
    shown = "" if share is None else f" {percent(share).strip()}"
    parts: list[tuple[str, list[Span]]] = [
        ("progress", [(f"  {steps}{shown}", "foreground")]),
        ("bar", [(" ", ""), *bar(share, 12, "state-running")] if share is not None else []),
        ("loss", [("  loss ", "muted"), (short_number(_loss(snapshot), 3), "chart-raw")]),
        ("ema", [(" ema ", "muted"), (short_number(snapshot.smooth_loss, 3), "chart-smooth")]),
        ("speed", [(f"  {speed(status.steps_per_second)}", "foreground")]),
        ("eta", [("  ETA ", "muted"), (duration(status.eta_seconds), "foreground")]),
    ]  # fmt: skip
    if status.ended:
        parts = [part for part in parts if part[0] not in ("speed", "eta")]
    if _loss(snapshot) is None:
        parts = [part for part in parts if part[0] not in ("loss", "ema")]
    head: list[Span] = [(f" {symbol} ", color)]
    tail: list[Span] = [(f"  {word}", f"{color}!bold")]
    name_room = max(8, width // 4)
    name = shorten(status.name, name_room)
    dropped = iter(("bar", "ema", "loss", "speed", "eta", "progress"))
    while True:
        made = [
            *head,
            (name, "primary!bold"),
            *(span for _, spans in parts for span in spans),
            *tail,
        ]
        if width_of(tuple(made)) <= width:
            return made
        drop = next(dropped, None)
        if drop is None:
            return made
        parts = [part for part in parts if part[0] != drop]


def _loss(snapshot: Snapshot) -> float | None:
    return snapshot.values.get("loss", snapshot.status.loss)


def activity(snapshot: Snapshot) -> str:
    """What the worker is busy with besides steps: `caching latents 12/40`."""
    return snapshot.status.detail or snapshot.phase


def waiting_words(snapshot: Snapshot) -> str:
    """What stands in an empty chart: why there is no value yet."""
    if snapshot.status.ended:
        return "the run ended before its first step"
    return activity(snapshot) or "no step yet"


def resting(snapshot: Snapshot, width: int) -> str:
    """The status line at rest: what comes next, how fresh all of this is."""
    status, facts = snapshot.status, snapshot.facts
    parts: list[str] = []
    if status.ended:
        parts.append(f"ended; step {status.step} of {status.steps or '?'}")
    elif busy := activity(snapshot):
        parts.append(busy)
    if not status.ended:
        per_step = 1 / status.steps_per_second if status.steps_per_second else None
        for word, every in (("save", facts.save_every), ("sample", facts.sample_every)):
            if every and status.step < (status.steps or math.inf):
                at = next_due(status, every)
                wait = f" in {duration((at - status.step) * per_step)}" if per_step else ""
                parts.append(f"next {word} {at}{wait}")
    if snapshot.disk_free is not None:
        parts.append(f"disk {size(snapshot.disk_free)} free")
    if not status.ended and status.silent_seconds is not None:
        parts.append(f"heartbeat {max(1, round(status.silent_seconds))} s")
    while parts and len("   ".join(parts)) > width - 2:
        parts.pop()
    return "   ".join(parts)


def next_due(status: RunStatus, every: int) -> int:
    """The step of the next save or preview; the last step has both, whatever the interval."""
    at = (status.step // every + 1) * every
    return at if status.steps is None else min(at, max(status.steps, status.step))


def numbers(snapshot: Snapshot, width: int) -> Row:
    """The newest values in one line: rate, gradient, share of time spent on data, memory."""
    parts: list[list[Span]] = []
    for name, label, words in metric_values(snapshot):
        if name in ("loss",):
            continue
        parts.append([(f" {label} ", "muted"), (words.strip(), "")])
    made: list[Span] = []
    for part in parts:
        if width_of((*made, *part)) + 1 > width:
            break
        made += [*part, (" ", "")]
    return row(*made)


def metric_values(snapshot: Snapshot) -> list[tuple[str, str, str]]:
    """(series, label, value in words) of everything the worker records, the usual ones first."""
    values = snapshot.values
    rest = [name for name in values if name not in _LABELS and not name.startswith("lr")]
    rates = sorted(name for name in values if name == "lr" or name.startswith("lr/"))
    order = ["loss", *rates, "grad_norm", "step_seconds", "data_seconds", *sorted(rest)]
    return [
        (name, _label(name, rates), _value_words(name, values)) for name in order if name in values
    ]


_LABELS: Final = {
    "loss": "loss", "grad_norm": "grad", "step_seconds": "step", "data_seconds": "data",
}  # fmt: skip


def _label(name: str, rates: Sequence[str]) -> str:
    if name.startswith("lr"):
        return "lr" if len(rates) == 1 else f"lr {name.removeprefix('lr/')}"
    return _LABELS.get(name, name.replace("memory/", "mem ").replace("/", " ").replace("_", " "))


def _value_words(name: str, values: Mapping[str, float]) -> str:
    value = values[name]
    if name.startswith("memory"):
        return size(value)
    if name == "step_seconds":
        return short_time(value)
    if name.startswith("lr"):
        return rate(value)
    if name == "data_seconds" and values.get("step_seconds"):
        return f"{percent(value / values['step_seconds']).strip()}"
    return short_number(value)


def metrics_table(snapshot: Snapshot, width: int, height: int, *, plain: bool) -> list[Row]:
    """The numbers with the shape of their past, then what comes next and what was counted."""
    status, facts = snapshot.status, snapshot.facts
    lines: list[Row] = []
    trend = 8 if width >= 32 else 0
    label_room = 14 if width < 50 else 22
    for name, label, words in metric_values(snapshot):
        past = sparkline(snapshot.trends.get(name, ()), trend, plain=plain) if trend else ""
        lines.append(
            row(
                (f" {shorten(label, label_room):<{label_room}}", "muted"),
                f"{words:>9} ",
                (past, "chart-raw"),
            )
        )
    per_step = 1 / status.steps_per_second if status.steps_per_second else None
    counts: list[tuple[str, str]] = []
    if facts.images_per_step:
        if status.steps_per_second:
            seen = facts.images_per_step * status.steps_per_second
            counts.append(("images/s", short_number(seen)))
        counts.append(("seen images", str(status.step * facts.images_per_step)))
    for word, every in (("next save", facts.save_every), ("next sample", facts.sample_every)):
        if every and not status.ended:
            at = next_due(status, every)
            wait = duration((at - status.step) * per_step) if per_step else ""
            counts.append((word, f"{at}  {wait:>6}"))
    counts.append(("NaN or inf", str(snapshot.broken)))
    counts.append(("warnings", str(snapshot.warnings)))
    if status.device:
        counts.append(("device", status.device))
    if status.started:
        counts.append(("running for", duration(_age(status))))
    room = height - len(lines) - 1
    if room > 0:
        lines.append(row(" "))
        loud = {"NaN or inf": snapshot.broken, "warnings": snapshot.warnings}
        for label, words in counts[:room]:
            role = "warning" if loud.get(label) else ""
            lines.append(row((f" {label:<{label_room}}", "muted"), (f"{words:>9}", role)))
    return lines[:height]


def _age(status: RunStatus) -> float | None:
    if status.started is None or status.updated is None:
        return None
    return max(0.0, status.updated - status.started)


def sample_strip(shots: Sequence[Shot], width: int) -> Row:
    """One line that names the newest pictures."""
    if not shots:
        return row((" no samples yet   ", "muted"), ("s", "primary"), (" samples now", "muted"))
    last = shots[-1]
    words = f" last sample step {last.step}  {len(shots)} pictures  "
    room = width - len(words) - 14
    prompt = shorten(last.prompt, room) if room > 8 else ""
    return fit(
        row(
            (words, "muted"),
            f"{prompt!r}  " if prompt else "",
            ("4", "primary"),
            (" gallery", "muted"),
        ),
        width,
    )


def banner(snapshot: Snapshot, width: int) -> Row:
    """Why the run ended badly, and the key that shows more."""
    word, symbol, color = state_word(snapshot.status)
    keys = row(("  0", "primary!bold"), (" full log", "muted"))
    reason = snapshot.reason or "no reason was recorded"
    head = row((f" {symbol} {word}: ", f"{color}!bold"), (reason, color))
    return fit(fit(head, width - width_of(keys)) + keys, width)


def needs_banner(snapshot: Snapshot) -> bool:
    """Whether the run ended in a way that wants explaining."""
    return snapshot.status.state in (State.FAILED, State.LOST)


def plain_lines(snapshot: Snapshot | None, machine: Row) -> list[str]:
    """What is shown when the screen is too small for a dashboard: eight plain lines, still live."""
    if snapshot is None:
        return ["reading the run …"]
    status, shots = snapshot.status, snapshot.shots
    word, symbol, _ = state_word(status, snapshot.stalled)
    smooth = short_number(snapshot.smooth_loss)
    return [
        f"{symbol} {status.name}  {word}  {snapshot.reason}",
        f"step   {status.step}/{status.steps or '?'} {percent(progress_share(status))}",
        f"loss   {short_number(_loss(snapshot))}  smoothed {smooth}",
        f"speed  {speed(status.steps_per_second)}  ETA {duration(status.eta_seconds)}",
        text_of(machine).strip(),
        f"now    {activity(snapshot) or word.lower()}",
        f"last   {shots[-1].path.name if shots else 'no samples yet'}",
        f"notes  {snapshot.warnings} warnings, {snapshot.broken} NaN",
    ]
