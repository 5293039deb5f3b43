"""Finding pictures and their captions on disk, and saying at once everything that is wrong.

A folder is walked in a fixed order (by name, whatever the file system says), so that item numbers
mean the same picture on every machine. Only headers are read here, with one look at the end of
each file: a half-copied picture is found before training starts, not when its turn comes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps

from engine.errors import DataError

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
GENERATED_FOLDERS = ("_controls", "_latent_cache", "_t_e_cache")
EXIF_ORIENTATION = 0x0112
SHOWN_FAULTS = 10


@dataclass(frozen=True)
class Picture:
    """One file: its size as seen (after EXIF rotation) and its caption as written."""

    path: Path
    size: tuple[int, int]
    caption: str


def find_pictures(folder: Path) -> list[Path]:
    """Every picture below ``folder``, sorted. Hidden and generated folders are not entered.

    Raises DataError when the folder is missing or holds no picture.
    """
    if not folder.is_dir():
        raise DataError(f"The image folder {folder} does not exist.")
    found = [
        Path(where) / name
        for where, folders, names in os.walk(folder, onerror=_refuse)
        if _keep_visible(folders)
        for name in names
        if name.lower().endswith(IMAGE_SUFFIXES) and not name.startswith(".")
    ]
    if not found:
        raise DataError(
            f"The image folder {folder} holds no pictures ({', '.join(IMAGE_SUFFIXES)})."
        )
    return sorted(found, key=lambda path: (str(path).lower(), str(path)))


def _refuse(fault: OSError) -> None:
    raise DataError(f"{fault.filename} cannot be read: {fault.strerror}.")


def _keep_visible(folders: list[str]) -> bool:
    """Drop what os.walk must not enter; always True, so that it fits into a condition."""
    folders[:] = [n for n in folders if not n.startswith(".") and n not in GENERATED_FOLDERS]
    return True


def read_pictures(
    folder: Path,
    caption_ext: str,
    default_caption: str | None,
    workers: int = 4,
    tick: Callable[[int, int], None] = lambda done, total: None,
) -> list[Picture]:
    """Sizes and captions of every picture of a folder, read by ``workers`` threads.

    ``tick(done, total)`` is called after each picture and may raise to cancel. Raises one
    DataError that names every file with a fault (the first ten in full).
    """
    paths = find_pictures(folder)
    extension = caption_ext if caption_ext.startswith(".") else f".{caption_ext}"
    pictures: list[Picture] = []
    faults: list[str] = []

    def read(path: Path) -> Picture | str:
        try:
            return Picture(path, probe(path), read_caption(path, extension, default_caption))
        except DataError as fault:
            return fault.message

    with ThreadPoolExecutor(max(1, workers)) as pool:
        for done, result in enumerate(pool.map(read, paths), start=1):
            (faults if isinstance(result, str) else pictures).append(result)  # type: ignore[arg-type]
            tick(done, len(paths))
    raise_all(faults, folder)
    return pictures


def raise_all(faults: list[str], folder: Path) -> None:
    """One DataError for all of them, if there are any."""
    if not faults:
        return
    shown = "\n".join(faults[:SHOWN_FAULTS])
    more = len(faults) - SHOWN_FAULTS
    rest = f"\n... and {more} more." if more > 0 else ""
    count = "1 file" if len(faults) == 1 else f"{len(faults)} files"
    raise DataError(f"{count} in {folder} cannot be used:\n{shown}{rest}")


def probe(path: Path) -> tuple[int, int]:
    """(width, height) as seen, from the header. Raises DataError for a broken picture."""
    if not _ends_well(path):
        raise DataError(f"{path} is cut off: the end of the picture is missing.")
    try:
        with Image.open(path) as picture:
            width, height = picture.size
            turned = picture.getexif().get(EXIF_ORIENTATION, 1) >= 5
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as fault:
        raise DataError(f"{path} is not a readable picture ({_short(fault)}).") from fault
    return (height, width) if turned else (width, height)


def _short(fault: BaseException) -> str:
    text = str(fault).strip().splitlines()
    return text[0].split(" '")[0] if text else type(fault).__name__


def _ends_well(path: Path) -> bool:
    """Whether the last bytes are there. Some cameras write data after a JPEG's end marker, so the
    marker may stand anywhere in the last part of the file.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(12)
            file.seek(max(0, size - 65536))
            tail = file.read()
    except OSError as fault:
        raise DataError(f"{path} cannot be read: {fault.strerror}.") from fault
    if start[:2] == b"\xff\xd8":
        return b"\xff\xd9" in tail
    if start[:4] == b"\x89PNG":
        return b"IEND" in tail
    if start[:4] == b"RIFF":
        return size >= int.from_bytes(start[4:8], "little") + 8
    return True  # another format under this name; decoding decides


def read_caption(path: Path, extension: str, default: str | None) -> str:
    """The raw caption of a picture.

    Its own file; else ``default<extension>`` in the same folder; else ``default``; else nothing. A
    blank file counts as missing when there is a default. JSON captions with a ``caption`` key give
    that text, others are taken as they stand. Raises DataError for another encoding than UTF-8.
    """
    own = path.with_name(path.stem + extension)
    if own.is_file():
        text = _decode(own)
        if text.strip() or default is None:
            return _from_json(own, text) if extension == ".json" else text
        return default
    shared = path.with_name(f"default{extension}")
    if shared.is_file():
        return _decode(shared)
    return default or ""


def _decode(path: Path) -> str:
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise DataError(
            f"{path} is not UTF-8 text: byte 0x{raw[fault.start]:02x} at offset {fault.start}."
        ) from fault
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _from_json(path: Path, text: str) -> str:
    try:
        value = json.loads(text.replace("\n", " "))
    except ValueError as fault:
        raise DataError(f"{path} is not valid JSON: {fault}.") from fault
    if isinstance(value, dict) and isinstance(value.get("caption"), str):
        return str(value["caption"])
    return text


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
        raise DataError(f"{path} cannot be decoded ({_short(fault)}).") from fault


def _deep_to_eight_bits(picture: Image.Image) -> Image.Image:
    """16-bit greys scaled to 8 bits; Pillow alone would clip them to white."""
    if picture.mode.startswith("I"):
        return picture.convert("I").point(lambda value: value / 256).convert("L")
    return picture
