"""Bars, sparklines and the table of GPUs, as rows.

All are pure functions on plain values. A bar is drawn in eighths of a cell; every number has a
constant width, so that a reading that changes resends only its own cells.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from tui.watch.gpu import Gpu, Host
from tui.watch.text import percent, size
from tui.widgets.rows import Row, Span, row, width_of

EIGHTHS: Final = " ▏▎▍▌▋▊▉█"
LEVELS: Final = "▁▂▃▄▅▆▇█"
ASCII_LEVELS: Final = "_.-=+*#@"
WARM, HOT = 75, 85
"""Degrees from which a GPU is drawn as warm and as hot."""
FULL: Final = 0.95
"""Share of used memory from which it is drawn as nearly gone."""
COLLAPSE_ABOVE: Final = 4
"""More GPUs than this become one line where there is no room for all."""


def bar(share: float | None, width: int, role: str, *, plain: bool = False) -> list[Span]:
    """A filled bar of `width` cells; an unknown share is an empty bar."""
    known = share if share is not None and math.isfinite(share) else 0.0
    eighths = round(min(1.0, max(0.0, known)) * width * 8)
    if plain:
        full = round(eighths / 8)
        return [("#" * full, role), ("." * (width - full), "gpu-empty")]
    full, part = divmod(eighths, 8)
    text = "█" * full + (EIGHTHS[part] if part else "")
    # The empty part is drawn too, so that the length of the whole can be seen.
    return [(text, role), ("·" * (width - len(text)), "gpu-empty")]


def sparkline(values: Sequence[float], width: int, *, plain: bool = False) -> str:
    """The last `width` values as small columns between their own lowest and highest."""
    levels = ASCII_LEVELS if plain else LEVELS
    kept = list(values)[-width:]
    finite = [value for value in kept if math.isfinite(value)]
    if not finite:
        return " " * width
    low, high = min(finite), max(finite)
    text = ""
    for value in kept:
        if not math.isfinite(value):
            text += " "
            continue
        share = (value - low) / (high - low) if high > low else 0.0
        text += levels[min(7, int(share * 8))]
    return text.rjust(width)


def heat(gpu: Gpu) -> str:
    """The role of a GPU's temperature."""
    if gpu.temperature is None:
        return "muted"
    return "gpu-hot" if gpu.temperature >= HOT else "gpu-warm" if gpu.temperature >= WARM else ""


def gpu_row(gpu: Gpu, width: int, *, plain: bool = False) -> Row:
    """One GPU as a line: index, name, utilisation, memory, temperature, power."""
    name = gpu.short_name[: 12 if width >= 100 else 6]
    head = row((f" {gpu.index} ", "primary"), f"{name:<{12 if width >= 160 else len(name)}} ")
    if gpu.problem:
        return row(*head, (gpu.problem, "warning"))
    used, total = gpu.memory_used, gpu.memory_total
    memory_words = f"{size(used)}/{size(total)}"
    heat_words = "  -°C" if gpu.temperature is None else f"{gpu.temperature:>3.0f}°C"
    power_words = "   -W" if gpu.power is None else f"{gpu.power:>4.0f}W"
    numbers = width_of(head) + len("util ") + 5 + 2 + len("mem ") + 1 + 12 + 5 + 1 + 5 + 1
    room = max(0, width - numbers)
    long = min(40, room // 2)
    memory = used / total if used is not None and total else None
    memory_role = "gpu-hot" if memory is not None and memory >= FULL else "gpu-ok"
    return row(
        *head,
        ("util ", "muted"),
        *bar(gpu.utilisation, long, "gpu-ok", plain=plain),
        f" {percent(gpu.utilisation)}  ",
        ("mem ", "muted"),
        *bar(memory, long, memory_role, plain=plain),
        f" {memory_words:>12}",
        (heat_words, heat(gpu)),
        f" {power_words}",
    )


def gpu_summary(gpus: Sequence[Gpu], width: int, *, plain: bool = False) -> Row:
    """Several GPUs as one line: `8 GPUs avg 81 % max 71 °C …`."""
    live = [gpu for gpu in gpus if not gpu.problem]
    lost = len(gpus) - len(live)
    head = row((f" {len(gpus)} GPUs ", "primary"))
    if not live:
        return row(*head, (gpus[0].problem or "no reading", "warning"))
    loads = [gpu.utilisation for gpu in live if gpu.utilisation is not None]
    average = sum(loads) / len(loads) if loads else None
    used = sum(gpu.memory_used or 0 for gpu in live)
    total = sum(gpu.memory_total or 0 for gpu in live)
    hottest = max((gpu.temperature for gpu in live if gpu.temperature is not None), default=None)
    power = sum(gpu.power or 0 for gpu in live)
    tail = f" {size(used):>6}/{size(total):<6} max "
    end = f"{'-' if hottest is None else round(hottest):>3}°C {power:>5.0f}W"
    words = row((tail, ""), (end, "gpu-hot" if hottest is not None and hottest >= HOT else ""))
    trouble = row((f"  {lost} without reading", "warning")) if lost else ()
    used_cells = width_of(head) + 4 + 5 + width_of(words) + width_of(trouble) + 1
    long = min(40, max(0, width - used_cells))
    return row(
        *head, ("avg ", "muted"), *bar(average, long, "gpu-ok", plain=plain),
        f" {percent(average)}", *words, *trouble,
    )  # fmt: skip


def host_row(host: Host | None, width: int, disk_free: int | None, *, label: str = " host ") -> Row:
    """CPU, RAM, swap and free disk of the machine."""
    if host is None:
        return row((label, "muted"), ("no reading of CPU and RAM", "muted"))
    memory = host.memory_used / host.memory_total if host.memory_total else None
    spans: list[Span | str] = [
        (label, "muted"),
        ("cpu ", "muted"), f"{percent(host.cpu)}   ",
        ("ram ", "muted"),
        (f"{size(host.memory_used):>5}/{size(host.memory_total)}",
         "gpu-hot" if memory is not None and memory >= FULL else ""),
    ]  # fmt: skip
    if host.swap_used:
        spans += ["   ", ("swap ", "muted"), size(host.swap_used)]
    if disk_free is not None and width >= 60:
        spans += ["   ", ("disk ", "muted"), f"{size(disk_free)} free"]
    return row(*spans)


def no_gpu_rows(why: str, host: Host | None, width: int, *, plain: bool = False) -> list[Row]:
    """What stands in place of the GPUs where there is none: the reason, CPU and RAM as bars."""
    if host is None:
        return [row((" ", ""), (why, "muted"))]
    memory = host.memory_used / host.memory_total if host.memory_total else None
    words = f" {size(host.memory_used)}/{size(host.memory_total)}"
    room = max(0, width - len(" cpu ") - 6 - len(" ram ") - len(words) - len(why) - 4)
    long = min(40, room // 2)
    return [
        row(
            (" cpu ", "muted"), *bar(host.cpu, long, "gpu-ok", plain=plain),
            f" {percent(host.cpu)} ", (" ram ", "muted"),
            *bar(memory, long, "gpu-ok", plain=plain), words, (f"  {why}", "muted"),
        )
    ]  # fmt: skip


def gpu_rows(
    gpus: Sequence[Gpu], why: str, host: Host | None, width: int, room: int, *, plain: bool = False
) -> list[Row]:
    """The GPU part of the dashboard in at most `room` rows."""
    if not gpus:
        return no_gpu_rows(why, host, width, plain=plain)
    if len(gpus) > room or (len(gpus) > COLLAPSE_ABOVE and room <= COLLAPSE_ABOVE):
        return [gpu_summary(gpus, width, plain=plain)]
    return [gpu_row(gpu, width, plain=plain) for gpu in gpus]
