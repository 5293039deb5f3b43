"""Pictures as terminal cells: half blocks, two pixels to a cell, drawn with Pillow in a thread.

Half blocks work in every terminal with colours, over SSH and in tmux, and are ordinary cells to
Textual. A 20x10 thumbnail costs about 6 kB at 256 colours, so thumbnails are drawn where the user
looks at pictures and only when a picture is new. Pictures in pixels are in `tui.widgets.sharp`; the
user turns them on (`images: kitty` or `sixel`), since a program inside tmux cannot find out what
the terminal outside can draw.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final

from tui.widgets.rows import Row, Span, fit, row
from tui.widgets.sharp import Sharp, centred

if TYPE_CHECKING:
    from PIL.Image import Image

    from tui.app import FineTuiApp
    from tui.cellsize import Cell

HALF, PLAIN, OFF, KITTY, SIXEL = "half", "ascii", "off", "kitty", "sixel"
RAMP: Final = " .:-=+*#%@"
CACHED: Final = 64
BACKGROUND: Final = (24, 24, 24)
"""What shows through a transparent picture."""


@dataclass(frozen=True)
class Wanted:
    """A picture at a size in cells, drawn in a way (`half`, `ascii`, `kitty`, `sixel`)."""

    path: Path
    columns: int
    rows: int
    mode: str = HALF


Key = tuple[Wanted, "Cell | None"]
"""What a drawn picture depends on: what was wanted, and the pixels of a cell where they matter."""


def half_blocks(image: Image, columns: int, rows: int) -> list[Row]:
    """The picture in `columns` x `rows` cells of `▀`, its own shape kept, centred across."""
    return centred(block_rows(_fitted(image, columns, rows * 2)), columns, rows)


def block_rows(small: Image, mark: str = "") -> list[Row]:
    """Each pixel of an RGB picture as half a cell; `mark` is put behind the colours of a cell."""
    width, height = small.size
    pixels = list(_pixels(small))
    made: list[Row] = []
    for y in range(0, height, 2):
        spans: list[Span] = []
        for x in range(width):
            top = pixels[y * width + x]
            below = pixels[(y + 1) * width + x] if y + 1 < height else None
            role = _hex(top) + (f" on {_hex(below)}" if below is not None else "") + mark
            if spans and spans[-1][1] == role:
                spans[-1] = (spans[-1][0] + "▀", role)
            else:
                spans.append(("▀", role))
        made.append(tuple(spans))
    return made


def ascii_art(image: Image, columns: int, rows: int) -> list[Row]:
    """The picture as characters of growing darkness, for terminals without colours."""
    grey = _fitted(image.convert("L"), columns, rows, cell_height=2)
    width, height = grey.size
    values = grey.tobytes()
    made = []
    for y in range(height):
        text = "".join(RAMP[v * len(RAMP) // 256] for v in values[y * width : (y + 1) * width])
        made.append(fit(row(" " * ((columns - width) // 2), text), columns))
    return made + [fit((), columns)] * (rows - len(made))


def draw_file(wanted: Wanted, sharp: Sharp | None = None) -> list[Row]:
    """The picture file as rows; a file that cannot be read is a sentence, never an exception.

    `sharp` draws pixels where the mode wants them; without it they are half blocks.
    """
    from PIL import Image, UnidentifiedImageError  # here: 60 ms that a start need not pay

    try:
        with Image.open(wanted.path) as image:
            # A large JPEG is decoded at a fraction of its size.
            pixels = sharp is not None and wanted.mode in (KITTY, SIXEL)
            across, down = sharp.cell if sharp is not None and pixels else (2, 4)
            image.draft("RGB", (wanted.columns * across, wanted.rows * down))
            image.load()
            if sharp is not None and pixels:
                cells = sharp.place(_opaque(image), wanted.columns, wanted.rows)
                return centred(cells, wanted.columns, wanted.rows)
            draw = ascii_art if wanted.mode == PLAIN else half_blocks
            return draw(_opaque(image), wanted.columns, wanted.rows)
    except FileNotFoundError:
        problem = "not there (any more)"
    except (OSError, ValueError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        problem = str(error).splitlines()[0] if str(error) else type(error).__name__
        problem = "not a picture" if isinstance(error, UnidentifiedImageError) else problem
    blank = fit((), wanted.columns)
    words = fit(row((problem, "warning")), wanted.columns)
    return [words if y == wanted.rows // 2 else blank for y in range(wanted.rows)]


def _opaque(image: Image) -> Image:
    """RGB, with transparency over a dark ground."""
    from PIL import Image as Pillow

    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        ground = Pillow.new("RGB", image.size, BACKGROUND)
        rgba = image.convert("RGBA")
        ground.paste(rgba, mask=rgba.getchannel("A"))
        return ground
    return image.convert("RGB")


def _fitted(image: Image, width: int, height: int, *, cell_height: int = 1) -> Image:
    """The picture scaled into the area; `cell_height`: how much taller a dot is than wide."""
    from PIL.Image import Resampling

    scale = min(width / image.width, height * cell_height / image.height)
    size = (
        max(1, min(width, round(image.width * scale))),
        max(1, min(height, round(image.height * scale / cell_height))),
    )
    return image.resize(size, Resampling.BOX if scale < 1 else Resampling.NEAREST)


def _pixels(image: Image) -> Sequence[tuple[int, int, int]]:
    data = image.tobytes()
    return [(data[i], data[i + 1], data[i + 2]) for i in range(0, len(data), 3)]


def _hex(pixel: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*pixel)


class ThumbLoader(threading.Thread):
    """Draws pictures in the order asked and hands them to `notify`, in its own thread.

    What was drawn lately is kept; a file that changed is drawn again.
    """

    def __init__(
        self,
        notify: Callable[[Wanted, list[Row]], object],
        sharp: Callable[[], Sharp | None] = lambda: None,
    ) -> None:
        """Not started yet; `sharp` tells how pixels are drawn, if they are."""
        super().__init__(daemon=True, name="thumbnails")
        self._notify, self._sharp = notify, sharp
        self._queue: SimpleQueue[Key | None] = SimpleQueue()
        self._asked: set[Key] = set()
        self._drawn: OrderedDict[Key, list[Row]] = OrderedDict()

    def get(self, wanted: Wanted) -> list[Row] | None:
        """The rows if they are drawn already; else None, and they will come."""
        sharp = self._sharp()
        key = wanted, sharp.cell if sharp is not None else None
        found = self._drawn.get(key)
        if found is not None:
            self._drawn.move_to_end(key)
            return found
        if key not in self._asked:
            self._asked.add(key)
            self._queue.put(key)
        return None

    def run(self) -> None:
        """Draw until `stop()`."""
        while (key := self._queue.get()) is not None:
            sharp = self._sharp()
            rows = draw_file(key[0], sharp)
            self._drawn[key] = rows
            while len(self._drawn) > CACHED:
                old, gone = self._drawn.popitem(last=False)
                self._asked.discard(old)
                if sharp is not None:
                    sharp.forget(gone)
            self._notify(key[0], rows)

    def stop(self) -> None:
        """End the thread after the picture it is drawing."""
        self._queue.put(None)


def picture_mode(app: FineTuiApp) -> str:
    """How pictures are drawn here, by the user's settings and the terminal's colours.

    `auto` is half blocks: what the terminal outside of tmux or ssh can draw cannot be found out.
    """
    wanted = app.settings.images
    if wanted == OFF:
        return OFF
    if app.depth == "none" or app.settings.chart_symbols == "ascii":
        return PLAIN
    return wanted if wanted in (KITTY, SIXEL) and app.sharp is not None else HALF
