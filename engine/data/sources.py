"""Finding pictures and their captions on disk, and saying at once everything that is wrong.

A folder is walked in a fixed order (by name, whatever the file system says), so that item numbers
mean the same picture on every machine. Headers, ends of files and captions are read first, then
the pixels: a picture that does not decode is named before a model is loaded, not when its turn
comes. The looking is `schema.dataset_scan`'s, so that `finetui check` and a run agree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps

from engine.errors import DataError
from schema.dataset_scan import IMAGE_SUFFIXES, Found, Scan, decode, scan_folder
from schema.picture_files import reason

SHOWN_FAULTS = 10
Tick = Callable[[int, int], None]


@dataclass(frozen=True)
class Picture:
    """One file: its size as seen (after EXIF rotation) and its captions as written."""

    path: Path
    size: tuple[int, int]
    caption: str
    short: str | None = None
    """The short caption of a JSON file; None where there is none."""


def _silent(done: int, total: int) -> None:
    del done, total


def read_pictures(
    folder: Path,
    caption_ext: str,
    default_caption: str | None,
    *,
    tick: Tick = _silent,
    decoding: Tick = _silent,
    headers_only: bool = False,
) -> list[Picture]:
    """Sizes and captions of every picture of a folder, whose pixels have all been read once,
    unless ``headers_only``.

    ``tick(done, total)`` and ``decoding(done, total)`` are called as the files are found and read,
    and may raise to cancel. Files that did not change since an earlier run or check are not read
    again. Raises one DataError that names every file with a fault (the first ten in full).
    """
    if not folder.is_dir():
        raise DataError(f"The image folder {folder} does not exist.")
    scan = scan_folder(folder, caption_ext, tick, most=None)
    if scan.refused:
        raise DataError(f"{scan.refused[0]}.")
    if not scan.images:
        kinds = ", ".join(IMAGE_SUFFIXES)
        raise DataError(f"The image folder {folder} holds no pictures ({kinds}).")
    raise_all(_faults(scan), folder)
    if not headers_only:
        for _ in decode(scan, decoding):
            pass
        raise_all(_faults(scan), folder)
    return [_picture(found, default_caption) for found in scan.found]


def _faults(scan: Scan) -> list[str]:
    """A sentence on each file that cannot be used."""
    pictures = [f"{found.path} {found.fault}." for found in scan.found if found.fault]
    captions = {
        f"{found.caption_file} {found.caption.fault}.": None
        for found in scan.found
        if found.caption is not None and found.caption.fault
    }
    return [*pictures, *captions]


def _picture(found: Found, default: str | None) -> Picture:
    """Its own caption; else the one of its folder; else ``default``; else nothing. A blank file of
    its own counts as missing when there is a default.
    """
    assert found.size is not None, "pictures with a fault were named before"
    text = found.caption.text if found.caption is not None else default or ""
    if found.has_own_caption and default is not None and not text.strip():
        text = default
    short = found.caption.short if found.caption is not None else ""
    return Picture(found.path, found.size, text, short if short.strip() else None)


def raise_all(faults: list[str], folder: Path) -> None:
    """One DataError for all of them, if there are any."""
    if not faults:
        return
    shown = "\n".join(faults[:SHOWN_FAULTS])
    more = len(faults) - SHOWN_FAULTS
    rest = f"\n... and {more} more." if more > 0 else ""
    count = "1 file" if len(faults) == 1 else f"{len(faults)} files"
    raise DataError(f"{count} in {folder} cannot be used:\n{shown}{rest}")


def open_picture(path: Path) -> Image.Image:
    """The decoded picture, turned as its EXIF says, as RGB. An alpha channel is dropped: the
    colours below transparent parts become visible, as in the reference trainer.

    Raises DataError when it cannot be decoded.
    """
    try:
        with Image.open(path) as file:
            picture = ImageOps.exif_transpose(file)
            return _deep_to_eight_bits(picture).convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as fault:
        raise DataError(f"{path} cannot be decoded ({reason(fault)}).") from fault


def _deep_to_eight_bits(picture: Image.Image) -> Image.Image:
    """16-bit greys scaled to 8 bits; Pillow alone would clip them to white."""
    if picture.mode.startswith("I"):
        return picture.convert("I").point(lambda value: value / 256).convert("L")
    return picture
