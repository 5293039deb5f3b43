"""Sending only the cells that changed: a correction to Textual's partial screen update.

When part of a row must be repainted, Textual 8.2.8 cuts off what lies to the right of the change
but sends everything to the left of it again, up to the edge of the widget. On the dashboard that is
most of the traffic: a power reading at the end of a line resends its two bars. `install()` replaces
that one method by one that cuts on both sides. It is a private method of a pinned version, so
nothing is replaced unless it looks as expected; without it the screen is the same, only dearer.
"""

from __future__ import annotations

import inspect
from typing import Any

from rich.control import Control
from textual import _compositor

_EXPECTED = ("self", "console")
_MARK = "_finetui_cuts_both_sides"


def install() -> bool:
    """Put the correction in place; False when this Textual does not look like the one it is for."""
    update: Any = getattr(_compositor, "ChopsUpdate", None)
    if getattr(update, _MARK, False):
        return True
    found = getattr(update, "render_segments", None)
    if found is None or tuple(inspect.signature(found).parameters) != _EXPECTED:
        return False
    if not {"chops", "spans", "chop_ends"} <= set(inspect.signature(update).parameters):
        return False
    update.render_segments = render_segments
    setattr(update, _MARK, True)
    return True


def render_segments(self: Any, console: Any) -> str:
    """The escape sequences of a partial update: for each changed span, the cells inside it."""
    parts: list[str] = []
    for y, start, end in self.spans:
        for chop_end, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=False):
            left, right = max(x, start), min(chop_end, end)
            if strip is None or left >= right:
                continue
            if left > x or right < chop_end:
                strip = strip.crop(left - x, right - x)
            parts += [Control.move_to(left, y).segment.text, strip.render(console)]
    return "".join(parts)
