"""The sample gallery as rows: prompts downwards, steps across, one cell chosen.

Pure functions on the list of pictures; which of them is chosen is a pair (prompt index, step).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tui.watch.history import Shot
from tui.watch.text import count, shorten
from tui.widgets.rows import Row, Span, fit, row
from tui.widgets.thumbs import Wanted

GetPicture = Callable[[Wanted], Sequence[Row] | None]
THUMBNAILS = (36, 32, 28, 24, 20, 14)
"""Widths of thumbnails in cells."""
STEPS_SEEN = 3
"""Steps side by side without which a larger thumbnail is not worth it."""
SMALL = (20, 100, 24)
"""The width of thumbnails where not all prompts fit, and from how many columns and rows on."""
SIDE_BY_SIDE = 160
"""Columns from which the large preview stands beside the grid."""


@dataclass(frozen=True)
class Cells:
    """How the grid is cut: cells across and rows of a thumbnail, and how many fit."""

    across: int
    tall: int
    columns: int
    rows: int


class Gallery:
    """All pictures of a run by prompt and step, and the one that is chosen."""

    def __init__(self) -> None:
        """Empty."""
        self.shots: Mapping[tuple[int, int], Shot] = {}
        self.prompts: Sequence[int] = ()
        self.steps: Sequence[int] = ()
        self.prompt = 0
        self.step = -1
        self.locked: Shot | None = None
        self._latest = True

    def fill(self, shots: Sequence[Shot]) -> None:
        """Take the pictures of a run; a newer one of the same prompt and step replaces the older.

        While the newest step is chosen, the choice moves on with it.
        """
        self.shots = {(shot.index, shot.step): shot for shot in shots}
        self.prompts = sorted({index for index, _ in self.shots})
        self.steps = sorted({step for _, step in self.shots})
        if self._latest and self.steps:
            self.step = self.steps[-1]
        if self.prompts and self.prompt not in self.prompts:
            self.prompt = self.prompts[0]

    @property
    def chosen(self) -> Shot | None:
        """The chosen picture; None when that prompt was not drawn at that step."""
        return self.shots.get((self.prompt, self.step))

    def move(self, *, prompts: int = 0, steps: int = 0) -> None:
        """Choose a neighbour; stops at the edges."""
        if prompts and self.prompts:
            at = self.prompts.index(self.prompt) + prompts
            self.prompt = self.prompts[max(0, min(len(self.prompts) - 1, at))]
        if steps and self.steps:
            at = self.steps.index(self.step) + steps
            self.step = self.steps[max(0, min(len(self.steps) - 1, at))]
            self._latest = self.step == self.steps[-1]

    def ends(self, where: int) -> None:
        """Choose the first or the newest step."""
        if self.steps:
            self.move(steps=where * len(self.steps))

    def lock(self) -> Shot | None:
        """Hold the chosen picture to compare others with it, or let it go."""
        self.locked = None if self.locked == self.chosen else self.chosen
        return self.locked


def cut(width: int, height: int, prompts: int) -> Cells:
    """The thumbnails that suit an area: the largest at which all prompts and some steps fit.

    Twice as wide as tall in cells, so square in pixels; a prompt takes a line of words, the
    pictures, and a line with their steps.
    """
    across = next(
        (
            size
            for size in THUMBNAILS
            if width // (size + 1) >= STEPS_SEEN and height // (size // 2 + 2) >= max(1, prompts)
        ),
        SMALL[0] if width >= SMALL[1] and height >= SMALL[2] else THUMBNAILS[-1],
    )
    tall = across // 2
    fitting = max(1, height // (tall + 2))
    return Cells(across, tall, max(1, width // (across + 1)), min(max(1, prompts), fitting))


def grid_rows(gallery: Gallery, get: GetPicture, width: int, height: int, mode: str) -> list[Row]:
    """The part of the grid around the chosen cell that fits."""
    if not gallery.shots:
        return [
            row(""),
            row((" No samples yet.", "muted")),
            row((" On the run (", "muted"), ("3", "primary"), ("), ", "muted"), ("s", "primary"),
                (" draws them after the next step.", "muted")),
        ]  # fmt: skip
    cells = cut(width, height, len(gallery.prompts))
    prompts = _around(gallery.prompts, gallery.prompts.index(gallery.prompt), cells.rows)
    steps = _around(gallery.steps, gallery.steps.index(gallery.step), cells.columns)
    made: list[Row] = []
    for prompt in prompts:
        made += _prompt_rows(gallery, prompt, steps, cells, get, width, mode)
    return made[:height]


def _prompt_rows(
    gallery: Gallery, prompt: int, steps: Sequence[int], cells: Cells, get: GetPicture,
    width: int, mode: str,
) -> list[Row]:  # fmt: skip
    shots = [gallery.shots.get((prompt, step)) for step in steps]
    words = next((shot.prompt for shot in reversed(shots) if shot is not None), "")
    role = "primary!bold" if prompt == gallery.prompt else "muted"
    made: list[Row] = [fit(row((f" {prompt + 1}  {shorten(words, width - 6)}", role)), width)]
    empty = [fit(row(("  …", "muted")), cells.across)]
    missing = [fit(row(("  -", "muted")), cells.across)]
    pictures: list[Sequence[Row]] = []
    for shot in shots:
        if shot is None:
            pictures.append(missing)
        elif mode == "off":
            pictures.append([fit(row(shorten(shot.path.name, cells.across)), cells.across)])
        else:
            pictures.append(get(Wanted(shot.path, cells.across, cells.tall, mode)) or empty)
    blank = fit((), cells.across)
    for y in range(1 if mode == "off" else cells.tall):
        spans: list[Span] = []
        for picture in pictures:
            spans += [(" ", ""), *(picture[y] if y < len(picture) else blank)]
        made.append(tuple(spans))
    captions: list[Span] = []
    for step, shot in zip(steps, shots, strict=True):
        here = prompt == gallery.prompt and step == gallery.step
        mark = "=" if shot is not None and shot == gallery.locked else "▸" if here else " "
        number = str(step) if len(str(step)) < cells.across else count(step)
        label = f"{mark}{number}".ljust(cells.across)
        captions += [(" ", ""), (label, "cursor-text" if here else "muted")]
    return [*made, row(*captions)]


def _around(values: Sequence[int], at: int, room: int) -> Sequence[int]:
    """`room` neighbours that include the value at `at`, which stands as far right as it can."""
    ahead = min(1, len(values) - 1 - at) if room > 1 else 0
    start = max(0, min(at - room + 1 + ahead, len(values) - room))
    return values[start : start + room]


def preview_rows(
    shot: Shot | None, get: GetPicture, width: int, height: int, mode: str, note: str = ""
) -> list[Row]:
    """One picture as large as it fits, with what it shows below it."""
    if shot is None:
        return [row(""), row(("  not drawn at this step", "muted"))]
    seed = "" if shot.seed is None else f"   seed {shot.seed}"
    which = f"   prompt {shot.index + 1}{seed}"
    words = [
        fit(row((f" {note}step {shot.step}", "primary!bold"), (which, "muted")), width),
        fit(row(f" {shorten(shot.prompt, width - 2)}"), width),
        fit(row((f" {shorten(str(shot.path), width - 2)}", "muted")), width),
    ]  # fmt: skip
    tall = height - len(words)
    if mode == "off" or tall < 4:
        return words
    picture = get(Wanted(shot.path, width, tall, mode))
    if picture is None:
        picture = [row(("  …", "muted"))]
    shown = [line for line in picture if any(text.strip() for text, _ in line)] or [row("")]
    return [*shown, *words]
