"""A look at a dataset's files: every picture with its size, its caption and what is wrong with it.

Only headers and the ends of files are read, and of files that did not change since the last look
not even these (`schema.scan_memory`). Reading the pixels comes after, in `decode`. What the files
mean for a config is `schema.dataset_problems`' matter. Which files count is the engine's rule too
(`engine.data.sources`); a test holds the two together.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from schema.caption_files import Caption
from schema.picture_files import quietly
from schema.scan_memory import ScanMemory

IMAGE_SUFFIXES: Final = (".jpg", ".jpeg", ".png", ".webp")
GENERATED_FOLDERS: Final = ("_controls", "_latent_cache", "_t_e_cache")
LOOKED_AT: Final = 50_000
"""More pictures than this are counted, not opened: `check` is to answer."""
AT_ONCE: Final = 4
"""Pictures that are read at a time: disks answer several at once, and Pillow's decoders let other
threads run meanwhile."""
_PART: Final = 50
"""Pictures between two reports of progress."""
_SAVED_EVERY: Final = 500

Tick = Callable[[int, int], None]
"""Called with how many are done and how many there are; may raise to end the work."""


def _silent(done: int, total: int) -> None:
    del done, total


@dataclass(slots=True)
class Found:
    """A picture: where, how large as seen, why it is unusable, and the caption that counts."""

    path: Path
    size: tuple[int, int] | None
    fault: str | None
    caption: Caption | None = None
    decoded: bool = False
    """Whether its pixels were read, now or before."""
    caption_file: Path | None = None
    """Its own caption file, or the shared one of its folder."""

    @property
    def has_own_caption(self) -> bool:
        """Whether the caption is its own."""
        return self.caption_file is not None and self.caption_file.stem == self.path.stem


@dataclass(slots=True)
class Scan:
    """What a folder holds. `images` are all of them, `found` those that were looked at."""

    folder: Path
    images: list[Path] = field(default_factory=list)
    others: int = 0
    refused: list[str] = field(default_factory=list)
    found: list[Found] = field(default_factory=list)
    memory: ScanMemory | None = None
    names: dict[str, set[str]] = field(default_factory=dict, repr=False)
    """The file names of every folder that was walked."""

    def undecoded(self) -> list[Found]:
        """The pictures without a fault whose pixels nobody has read yet."""
        return [found for found in self.found if found.fault is None and not found.decoded]


def find_images(folder: Path) -> Scan:
    """Every picture below `folder` in a fixed order; hidden and generated folders are skipped."""
    scan = Scan(folder)

    def refuse(error: OSError) -> None:
        scan.refused.append(f"{error.filename}: {(error.strerror or 'unknown').lower()}")

    for where, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [
            name for name in folders if not name.startswith(".") and name not in GENERATED_FOLDERS
        ]
        scan.names[where] = set(names)
        for name in names:
            if name.startswith("."):
                continue
            if name.lower().endswith(IMAGE_SUFFIXES):
                scan.images.append(Path(where) / name)
            else:
                scan.others += 1
    scan.images.sort(key=lambda path: (str(path).lower(), str(path)))
    return scan


def scan_folder(
    folder: Path, caption_ext: str, tick: Tick = _silent, most: int | None = LOOKED_AT
) -> Scan:
    """The pictures of a folder with their sizes, captions and faults; at most `most` of them."""
    scan = find_images(folder)
    scan.memory = memory = ScanMemory.of(folder)
    extension = caption_ext if caption_ext.startswith(".") else f".{caption_ext}"
    images = scan.images[:most]

    def looked_at(start: int) -> list[Found]:
        return [_found(at, extension, scan.names, memory) for at in images[start : start + _PART]]

    # what is remembered waits for no disk, and threads would only be in each other's way
    at_once = AT_ONCE if len(memory.pictures) < len(images) // 2 else 1
    pool = ThreadPoolExecutor(at_once, thread_name_prefix="scan")
    try:
        with quietly():
            for part in pool.map(looked_at, range(0, len(images), _PART)):
                scan.found += part
                tick(len(scan.found), len(images))
    finally:
        pool.shutdown(cancel_futures=True)
        memory.save()
    return scan


def _found(image: Path, extension: str, names: dict[str, set[str]], memory: ScanMemory) -> Found:
    look = memory.look(image)
    caption = _caption_file(image, extension, names)
    text = memory.caption(caption) if caption is not None else None
    return Found(image, look.size, look.fault, text, memory.decoded(image), caption)


def _caption_file(image: Path, extension: str, names: dict[str, set[str]]) -> Path | None:
    """The picture's own caption file, else its folder's default one, else None."""
    where, name = os.path.split(image)
    for stem in (os.path.splitext(name)[0], "default"):
        if f"{stem}{extension}" in names[where]:
            return Path(where, f"{stem}{extension}")
    return None


def decode(
    scan: Scan, tick: Tick = _silent, stopped: Callable[[], bool] = lambda: False
) -> Iterator[Found]:
    """Read the pixels of the pictures that nobody has read yet; yields those that cannot be.

    Their fault is set. `tick` may raise and `stopped` may say so to end early: what was read until
    then is remembered.
    """
    assert scan.memory is not None, "scan_folder gives one"
    memory, waiting = scan.memory, scan.undecoded()
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="decode")
    try:
        with quietly():
            faults = pool.map(memory.decode, [found.path for found in waiting])
            for done, (found, fault) in enumerate(zip(waiting, faults, strict=True), start=1):
                found.decoded, found.fault = fault is None, fault
                if fault is not None:
                    yield found
                if done % _SAVED_EVERY == 0:
                    memory.save()
                tick(done, len(waiting))
                if stopped():
                    break
    finally:
        pool.shutdown(cancel_futures=True)
        memory.save()
