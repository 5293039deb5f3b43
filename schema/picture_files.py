"""One picture file: whether its header and its end are there, its size as seen, whether it decodes.

`check`, the app and the engine all ask here, so that what one of them takes the others take too.
Nothing here follows a pipe, a device or a socket that bears a picture's name.
"""

import os
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from schema.places import not_a_file_mode

if TYPE_CHECKING:
    from PIL import Image

EXIF_ORIENTATION: Final = 0x0112
SMALLEST_SIDE: Final = 8
"""Pixels: one latent of the usual autoencoders; less than that cannot be trained."""
_TAIL: Final = 65536
"""Bytes at the end in which the end marker is looked for first."""

PathLike = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at a picture gave: (width, height) after EXIF rotation, or why it is unusable."""

    size: tuple[int, int] | None = None
    fault: str | None = None


def look(path: PathLike) -> Look:
    """Header and end of a picture. Decodes nothing; `fault` is said of the file's name."""
    try:
        status = os.stat(path)
        if (fault := not_a_file_mode(status.st_mode)) is not None:
            return Look(fault=fault)
        if status.st_size == 0:
            return Look(fault="is empty")
        with open(path, "rb") as file:
            return _look(file, status.st_size)
    except OSError as error:
        return Look(fault=f"cannot be read: {(error.strerror or 'unknown').lower()}")


def _look(file: BinaryIO, length: int) -> Look:
    head = file.read(32)
    size = _plain_webp(head)
    if size is not None:
        whole = length >= int.from_bytes(head[4:8], "little") + 8
        return _judged(size, whole=whole)
    from PIL import Image  # 40 ms that a check without files should not pay

    try:
        file.seek(0)
        with Image.open(file) as picture:
            width, height = picture.size
            # of a JPEG, Pillow has now read up to the picture itself; a thumbnail lies before it
            whole = _ends_well(file, length, file.tell())
            turned = whole and _orientation(picture, file, length) >= 5
    except Exception as error:  # Pillow's readers raise what they like on damaged headers
        if not _known_ending(file, length):
            return Look(fault="is cut off: the end of the picture is missing")
        return Look(fault=f"is not a readable picture ({reason(error)})")
    return _judged((height, width) if turned else (width, height), whole=whole)


def _judged(size: tuple[int, int], *, whole: bool) -> Look:
    if not whole:
        return Look(fault="is cut off: the end of the picture is missing")
    if min(size) < SMALLEST_SIDE:
        return Look(fault=f"is only {size[0]}x{size[1]} pixels")
    return Look(size)


def _plain_webp(head: bytes) -> tuple[int, int] | None:
    """The size that a WebP without EXIF and XMP data gives; None for all else.

    Pillow reads and sets up a decoder for the whole file. RFC 9649, sections 2.5 to 2.7.
    """
    if head[:4] != b"RIFF" or head[8:12] != b"WEBP" or len(head) < 32:
        return None
    kind = head[12:16]
    if kind == b"VP8X" and not head[20] & 0b1100:
        return (
            int.from_bytes(head[24:27], "little") + 1,
            int.from_bytes(head[27:30], "little") + 1,
        )
    if kind == b"VP8 " and head[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack("<HH", head[26:30])
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L" and head[20] == 0x2F:
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return None


def _known_ending(file: BinaryIO, length: int) -> bool:
    """Whether a picture that has no readable header ends as its kind does, as far as known."""
    try:
        return _ends_well(file, length, 0)
    except (OSError, ValueError):  # closed by Pillow
        return True


def _ends_well(file: BinaryIO, length: int, start: int) -> bool:
    """Whether the file's own end is there; bytes after a JPEG's end are some cameras' habit."""
    file.seek(0)
    head = file.read(12)
    if head[:4] == b"RIFF":
        return length >= int.from_bytes(head[4:8], "little") + 8
    if head[:2] == b"\xff\xd8":
        # no other marker than the end can look like this behind the start of the data
        return b"\xff\xd9" in _tail(file, length, start) or b"\xff\xd9" in _rest(file, start)
    return b"IEND" in _tail(file, length, 0) if head[:4] == b"\x89PNG" else True


def _tail(file: BinaryIO, length: int, start: int) -> bytes:
    file.seek(max(start, length - _TAIL))
    return file.read()


def _rest(file: BinaryIO, start: int) -> bytes:
    """Everything from `start`: some telephones put whole videos behind a picture's end."""
    file.seek(start)
    return file.read()


def _orientation(picture: "Image.Image", file: BinaryIO, length: int) -> int:
    """The EXIF orientation, 1 to 8."""
    from PIL import Image

    read = type(picture).getexif
    if picture.format == "PNG" and "exif" not in picture.info:
        # Pillow would decode the picture to see whether there is EXIF data behind it
        tail = _tail(file, length, 0)
        if b"eXIf" not in tail and b"Orientation" not in tail:
            read = Image.Image.getexif
    file.seek(0)
    found = read(picture).get(EXIF_ORIENTATION, 1)
    return found if isinstance(found, int) else 1


def decode_fault(path: PathLike) -> str | None:
    """Why a picture's pixels cannot be read, or None. A JPEG is decoded at an eighth of its size:
    all of its data is read, few of its pixels are computed.
    """
    from PIL import Image

    try:
        if (fault := not_a_file_mode(os.stat(path).st_mode)) is not None:
            return fault
        with Image.open(path) as picture:
            picture.draft(picture.mode, (picture.width // 8, picture.height // 8))
            picture.load()
            if picture.mode not in ("RGB", "RGBA", "L", "P"):
                picture.convert("RGB")
    except Exception as error:  # as above
        return f"cannot be decoded ({reason(error)})"
    return None


def reason(error: BaseException) -> str:
    """What a reader of pictures said, without the file's name and in one line."""
    text = str(error).strip().splitlines()
    return text[0].split(" '")[0][:120] if text else type(error).__name__


@contextmanager
def quietly() -> Iterator[None]:
    """Keep Pillow's warnings (odd EXIF data, very large pictures) off the terminal."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def as_look(row: list[Any]) -> Look:
    """A look from (width, height, fault) as they are remembered."""
    width, height, fault = row
    return Look((width, height) if fault is None else None, fault)
