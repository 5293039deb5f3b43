"""Numbers and times as short, fixed-width words.

Shared by every live part of the screen. Widths are kept constant where a number changes each
second, because a number that grows by a character shifts, and so resends, the rest of its line.
"""

import math
import time
from typing import Final

UNKNOWN: Final = "-"


def short_number(value: float | None, digits: int = 4) -> str:
    """So many significant digits: `.2140`, `0.820`, `12.50`, `1.0e-4`; `-` when there is none."""
    if value is None:
        return UNKNOWN
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "inf" if value > 0 else "-inf"
    size = abs(value)
    if size == 0:
        return "0"
    if size < 0.001 or size >= 100_000:
        mantissa, exponent = f"{value:.1e}".split("e")
        return f"{mantissa}e{int(exponent)}"
    if size < 1:
        return f"{value:.{digits}f}".replace("0.", ".", 1)
    before = len(f"{size:.0f}")
    return f"{value:.{max(0, digits - before)}f}"


def rate(value: float | None) -> str:
    """A learning rate, as people write it: `1e-4`, `1.87e-3`."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if value == 0:
        return "0"
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def short_time(seconds: float | None) -> str:
    """How long a step took: `19 ms`, `0.76 s`, `12.4 s`."""
    if seconds is None or not math.isfinite(seconds):
        return UNKNOWN
    if seconds < 0.0995:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s"


def axis_number(value: float) -> str:
    """A tick of a value axis without useless zeros: `0.5`, `20`, `1e-5`."""
    if value and (abs(value) < 0.001 or abs(value) >= 100_000):
        mantissa, exponent = f"{value:.1e}".split("e")
        return f"{mantissa.removesuffix('.0')}e{int(exponent)}"
    return f"{value:.6g}"


def count(value: float) -> str:
    """A step count on an axis: `850`, `2k`, `2.5k`, `1.2M`."""
    for size, suffix in ((1e6, "M"), (1e3, "k")):
        if value >= size and (size == 1e6 or value >= 10_000 or value % 100 == 0):
            return (
                f"{value / size:.6g}{suffix}"
                if value % (size / 100) == 0
                else f"{value / size:.2f}{suffix}"
            )
    return f"{value:.0f}"


def duration(seconds: float | None) -> str:
    """`41s`, `1m39s`, `2h57m`, `3d04h`; `-` when unknown."""
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        return UNKNOWN
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    if whole < 86_400:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    return f"{whole // 86_400}d{whole % 86_400 // 3600:02d}h"


def size(amount: float | None) -> str:
    """Bytes in binary units, three digits: `512M`, `61.2G`, `1.50T`."""
    if amount is None or not math.isfinite(amount):
        return UNKNOWN
    value = float(amount)
    for unit in ("B", "K", "M", "G"):
        if value < 1000 or (unit == "B" and value < 1024):
            return f"{value:.0f}{unit}" if unit in "BK" or value >= 99.95 else f"{value:.1f}{unit}"
        value /= 1024
    return f"{value:.2f}T"


def speed(per_second: float | None) -> str:
    """Training speed: `1.31 it/s`, or `12.4 s/it` when a step takes longer than a second."""
    if not per_second or not math.isfinite(per_second) or per_second <= 0:
        return f"{UNKNOWN} it/s"
    if per_second < 1:
        return f"{short_number(1 / per_second, 3)} s/it"
    return f"{short_number(per_second, 3)} it/s"


def clock(seconds: float) -> str:
    """Local time of day, `12:04:13`."""
    return time.strftime("%H:%M:%S", time.localtime(seconds))


def moment(seconds: float | None) -> str:
    """Local date and time, `23 Nov 12:04`."""
    return UNKNOWN if not seconds else time.strftime("%d %b %H:%M", time.localtime(seconds))


def percent(part: float | None) -> str:
    """A share of one as `  7%`, four cells wide."""
    if part is None or not math.isfinite(part):
        return f"{UNKNOWN:>4}"
    return f"{round(part * 100):>3}%"


def shorten(text: str, width: int) -> str:
    """Cut from the middle, since both ends of a path or name tell something."""
    if len(text) <= width:
        return text
    if width <= 1:
        return "…"[:width]
    head = (width - 1) // 2
    return f"{text[:head]}…{text[len(text) - (width - 1 - head) :]}"
