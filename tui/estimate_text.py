"""An estimate in words: one line for the config view, rows for the launch view, the whole table.

Pure functions on `schema.estimate.report.Estimate`; colours are named, never chosen here.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema.estimate import disk, duration, memory
from schema.estimate.figures import Figure, in_bytes
from schema.estimate.remedies import Remedy
from schema.estimate.report import Estimate
from tui.watch.text import duration as as_time
from tui.watch.text import short_time

Span = tuple[str, str]
"""Words and their colour's name."""

TONES = {"fits": "success", "tight": "warning", "does not fit": "error", "unknown": "muted"}
SHOWN_BUCKETS = 8


def place(estimate: Estimate) -> str:
    """Where it would train, in a few words: `GPU 0 (24.0G)`."""
    device = estimate.device
    name = device.label.partition(":")[0] if device.kind == "cuda" else "main memory"
    return name if device.total is None else f"{name} ({in_bytes(device.total)})"


def verdict(estimate: Estimate) -> str:
    """How it stands to the device: `fits GPU 0 (24.0G)`; only the device where that is open."""
    words = {"unknown": "on", "tight": "just about fits"}.get(estimate.fits, estimate.fits)
    return f"{words} {place(estimate)}"


def need(estimate: Estimate) -> str:
    """The peak in words: `7.9G in training`, or what is known so far."""
    most = estimate.peak
    if most is not None and most.total.value is not None:
        return f"{in_bytes(most.total.value)} in {most.phase}"
    return f"more than {in_bytes(estimate.least)}" if estimate.least else "unknown"


def line(estimate: Estimate) -> list[Span]:
    """One line: memory, whether it fits, the change that would help, step time, disk."""
    spans: list[Span] = [("memory ", "muted"), (need(estimate), "foreground")]
    spans.append((f"  {verdict(estimate)}", TONES[estimate.fits]))
    if estimate.remedies:
        spans.append((f": {remedy(estimate.remedies[0])}", "accent"))
    step = estimate.time.step.value
    spans.append(("  step ", "muted"))
    spans.append(("unknown" if step is None else short_time(step), "foreground"))
    total = estimate.time.total.value
    if total is not None:
        spans += [("  total ", "muted"), (as_time(total), "foreground")]
    spans += [("  disk ", "muted"), (amount(estimate.disk.total), "foreground")]
    return spans


def remedy(found: Remedy) -> str:
    """A change and what remains: `gradient checkpointing: 5.1G, fits`."""
    end = "fits" if found.fits else "still too much"
    return f"{found.words} -> {in_bytes(found.peak)}, {end}"


def amount(figure: Figure) -> str:
    """Bytes, or that they are unknown."""
    return "unknown" if figure.value is None else in_bytes(figure.value)


def facts(estimate: Estimate) -> Iterator[tuple[str, str, str]]:
    """(name, words, colour) for the launch view."""
    most = estimate.peak
    yield "memory", f"{need(estimate)}, {verdict(estimate)}", TONES[estimate.fits]
    if most is not None:
        parts = sorted(most.parts.items(), key=lambda row: -(row[1].value or 0.0))
        shown = [f"{memory.PARTS[n]} {amount(figure)}" for n, figure in parts if figure.value]
        yield "", ", ".join(shown[:4]), "muted"
    step = estimate.time.step
    if step.value is None:
        yield "time", f"unknown: {step.note}", "muted"
    else:
        total = estimate.time.total.value
        whole = "the whole unknown" if total is None else f"{as_time(total)} in all"
        yield "time", f"{short_time(step.value)} a step ({step.note}), {whole}", "foreground"
    free = estimate.disk.free
    room = "" if free is None else f" of {in_bytes(free)} free"
    short = free is not None and (estimate.disk.total.value or 0.0) > free
    yield "disk", f"{amount(estimate.disk.total)}{room}", "error" if short else "foreground"
    for note in estimate.notes:
        yield "note", note, "muted"


# -- the whole table ---------------------------------------------------------------------------


def table(estimate: Estimate, width: int = 100) -> list[str]:
    """Everything, as lines of plain text of at most `width` cells."""
    lines = [f"{estimate.name} on {estimate.device.label}", ""]
    lines += [*_memory(estimate), "", *_buckets(estimate), *_time(estimate), "", *_disk(estimate)]
    if estimate.notes:
        lines += ["", *(f"note: {note}" for note in estimate.notes)]
    return [one if len(one) <= width else f"{one[: width - 1]}…" for one in lines]


def _memory(estimate: Estimate) -> Iterator[str]:
    most = estimate.peak
    yield f"memory: {need(estimate)}{_spread(most)}, {verdict(estimate)}"
    for found in estimate.remedies:
        yield f"  -> {remedy(found)}: {', '.join(f'{k}={v}' for k, v in found.changes.items())}"
    names = [phase.phase for phase in estimate.phases]
    yield f"  {'':<22}" + "".join(f"{name:>10}" for name in names)
    for part, words in memory.PARTS.items():
        figures = [phase.parts.get(part) for phase in estimate.phases]
        told = next((f for f in figures if f is not None and (f.value or f.value is None)), None)
        if told is None:
            continue
        cells = "".join(f"{'' if f is None else amount(f):>10}" for f in figures)
        # What the peak's phase says about the part counts.
        own = (most.parts.get(part) if most is not None else None) or told
        yield f"  {words:<22}{cells}  {_origin(own)}"
    totals = "".join(f"{amount(phase.total):>10}" for phase in estimate.phases)
    yield f"  {'together':<22}{totals}"
    if estimate.trained is not None:
        every = sum(estimate.parameters.values())
        yield f"  {estimate.trained:,} of {every:,} parameters are trained"


def _spread(most: memory.PhaseMemory | None) -> str:
    total = None if most is None else most.total
    if total is None or total.value is None:
        return ""
    return f" +- {in_bytes(total.value * total.spread)}"


def _origin(figure: Figure) -> str:
    return f"{figure.source}: {figure.note}" if figure.note else figure.source


def _buckets(estimate: Estimate) -> Iterator[str]:
    """The training sizes, the costliest first."""
    if not estimate.buckets:
        return
    rows = sorted(estimate.buckets, key=lambda bucket: -bucket.size[0] * bucket.size[1])
    yield f"training sizes: {len(rows)}"
    for bucket in rows[:SHOWN_BUCKETS]:
        size = f"{bucket.size[0]}x{bucket.size[1]}"
        many = f"{bucket.items:,} item{'s' if bucket.items != 1 else ''}"
        yield f"  {size:<12}{many:>14}   step needs {amount(bucket.work)}"
    if len(rows) > SHOWN_BUCKETS:
        yield f"  and {len(rows) - SHOWN_BUCKETS} smaller ones"
    yield ""


def _time(estimate: Estimate) -> Iterator[str]:
    step, total = estimate.time.step, estimate.time.total
    if step.value is None:
        yield f"time: unknown: {step.note}"
        return
    whole = "unknown" if total.value is None else f"{as_time(total.value)} +- {total.spread:.0%}"
    yield f"time: {whole}"
    yield f"  {'one step':<22}{short_time(step.value):>10}  {_origin(step)}"
    for name, figure in estimate.time.parts.items():
        yield f"  {duration.PARTS[name]:<22}{as_time(figure.value):>10}  {_origin(figure)}"


def _disk(estimate: Estimate) -> Iterator[str]:
    free = estimate.disk.free
    room = "" if free is None else f" of {in_bytes(free)} free"
    yield f"disk: {amount(estimate.disk.total)}{room}"
    for name, figure in estimate.disk.parts.items():
        if figure.value or figure.value is None:
            yield f"  {disk.PARTS[name]:<22}{amount(figure):>10}  {_origin(figure)}"
