"""The newest pictures side by side, with what they show: the sample pane of the dashboard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import zip_longest

from tui.watch.history import Shot
from tui.watch.text import shorten
from tui.widgets.rows import Row, fit, row
from tui.widgets.thumbs import OFF, Wanted

WIDE, NARROW, NARROWEST = 20, 16, 10
"""Cells across of a picture in a wide pane, in a narrow one, and the least that shows anything."""
CAPTION_ROWS = 4
GetPicture = Callable[[Wanted], Sequence[Row] | None]


def newest(shots: Sequence[Shot]) -> list[Shot]:
    """The pictures of the latest step that has any, by prompt."""
    if not shots:
        return []
    step = max(shots, key=lambda shot: (shot.time, shot.step)).step
    by_index = {shot.index: shot for shot in shots if shot.step == step}
    return [by_index[index] for index in sorted(by_index)]


def picture_row(
    shots: Sequence[Shot], note: str, get: GetPicture, width: int, height: int, mode: str
) -> list[Row]:
    """As many of the newest pictures as fit, then their prompts, step and seed.

    Args:
        shots: all pictures of the run.
        note: how samples are drawn (`cfg 4  20 steps`).
        get: gives a drawn picture, or None while it is being drawn.
        width: cells of the pane.
        height: rows of the pane.
        mode: `half`, `ascii`, or `off` for names only.
    """
    last = newest(shots)
    if not last:
        return [
            row((" no samples yet", "muted")),
            row((" s", "primary"), (" draws them now", "muted")),
        ]
    tall = height - CAPTION_ROWS
    wanted = WIDE if width >= 3 * (WIDE + 1) else NARROW
    count = max(1, min(len(last), (width - 1) // (wanted + 1)))
    across = min(WIDE, (width - 1) // count - 1, tall * 2)
    if mode == OFF or across < NARROWEST:
        named = [row(f" {shorten(f'{s.index + 1} {s.prompt}', width - 2)}") for s in last]
        named = named[: max(1, height - CAPTION_ROWS + 1)]
        return [*named, *_captions(last, last, note, width, height - len(named))]
    shown = last[-count:] if count < len(last) else last
    blank = [fit(row(("…", "muted")), across)]
    drawn = [list(get(Wanted(shot.path, across, across // 2, mode)) or blank) for shot in shown]
    made: list[Row] = []
    for cells in zip_longest(*drawn, fillvalue=fit((), across)):
        spans = [span for piece in cells for span in ((" ", ""), *piece)]
        made.append(tuple(spans))
    words = [shorten(f"{shot.index + 1} {shot.prompt}", across) for shot in shown]
    names = row(*(f" {text:<{across}}" for text in words))
    return [*made[:tall], names, *_captions(shown, last, note, width, height - len(made) - 1)]


def _captions(
    shown: Sequence[Shot], last: Sequence[Shot], note: str, width: int, height: int
) -> list[Row]:
    shot = shown[-1]
    seed = "" if shot.seed is None else f"  seed {shot.seed}"
    more = f"  {len(last)} pictures" if len(last) > len(shown) else ""
    lines = [
        row((f" step {shot.step}{seed}  {note}", "muted")),
        row((f" {shorten(shot.path.name, width - 2)}", "muted")),
        row((" 4", "primary"), (f" gallery{more}", "muted")),
    ]
    return lines[: max(0, height)]
