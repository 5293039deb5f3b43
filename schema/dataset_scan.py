"""A look at a dataset's files: pictures that cannot be read, captions that are missing or garbled.

Only headers and the ends of files are read. The rules on which files count are the engine's
(`engine.data.sources`); a test holds the two together.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from schema.findings import nearest
from schema.places import exists, is_file, is_folder, path_of
from schema.rules.data_sources import FOLDERS
from schema.rules.rule import Problem
from schema.sections.datasets import Dataset

IMAGE_SUFFIXES: Final = (".jpg", ".jpeg", ".png", ".webp")
GENERATED_FOLDERS: Final = ("_controls", "_latent_cache", "_t_e_cache")
LOOKED_AT: Final = 5000
"""More files than this are counted, not opened: `check` is to answer at once."""
SHOWN: Final = 10
_TAIL: Final = 65536
_CAPTION_SUFFIXES: Final = (".txt", ".caption", ".md", ".json")


@dataclass(slots=True)
class Scan:
    """What a folder holds. Faults are sentences, each about one file."""

    images: list[Path] = field(default_factory=list)
    others: int = 0
    bad_images: list[str] = field(default_factory=list)
    bad_captions: list[str] = field(default_factory=list)
    uncaptioned: list[Path] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def find_images(folder: Path) -> Scan:
    """Every picture below `folder` in a fixed order; hidden and generated folders are skipped."""
    scan = Scan()

    def refuse(error: OSError) -> None:
        scan.refused.append(f"{error.filename}: {(error.strerror or 'unknown').lower()}")

    for where, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [
            name for name in folders if not name.startswith(".") and name not in GENERATED_FOLDERS
        ]
        for name in names:
            if name.startswith("."):
                continue
            if name.lower().endswith(IMAGE_SUFFIXES):
                scan.images.append(Path(where) / name)
            else:
                scan.others += 1
    scan.images.sort(key=lambda path: (str(path).lower(), str(path)))
    return scan


def scan_folder(folder: Path, caption_ext: str) -> Scan:
    """The pictures of a folder with the faults of their files and captions."""
    scan = find_images(folder)
    extension = caption_ext if caption_ext.startswith(".") else f".{caption_ext}"
    shared: dict[Path, bool] = {}
    for image in scan.images[:LOOKED_AT]:
        fault = image_fault(image)
        if fault is not None:
            scan.bad_images.append(f"{image} {fault}")
        caption = image.with_name(f"{image.stem}{extension}")
        if is_file(caption):
            fault = caption_fault(caption)
            if fault is not None:
                scan.bad_captions.append(f"{caption} {fault}")
        else:
            default = image.with_name(f"default{extension}")
            if not shared.setdefault(image.parent, is_file(default)):
                scan.uncaptioned.append(image)
    return scan


def image_fault(path: Path) -> str | None:
    """Why a picture cannot be used, or None. Decodes nothing."""
    from PIL import Image  # 40 ms that a check without files should not pay

    try:
        if path.stat().st_size == 0:
            return "is empty"
        with Image.open(path) as picture:
            width, height = picture.size
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        reason = str(error).splitlines()[0].split(" '")[0] if str(error) else "unknown format"
        return f"is not a readable picture ({reason})"
    if min(width, height) < 8:
        return f"is only {width}x{height} pixels"
    return None if _ends_well(path) else "is cut off: the end of the picture is missing"


def _ends_well(path: Path) -> bool:
    """Whether the file's own end is there; bytes after a JPEG's end are some cameras' habit."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(12)
        file.seek(max(0, size - _TAIL))
        tail = file.read()
    if start[:2] == b"\xff\xd8":
        return b"\xff\xd9" in tail
    if start[:4] == b"\x89PNG":
        return b"IEND" in tail
    if start[:4] == b"RIFF":
        return size >= int.from_bytes(start[4:8], "little") + 8
    return True


def caption_fault(path: Path) -> str | None:
    """Why a caption file cannot be used, or None."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        return f"cannot be read: {(error.strerror or 'unknown').lower()}"
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        kind = "UTF-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "another encoding"
        byte = f"byte 0x{raw[error.start]:02x} at offset {error.start}"
        return f"is not UTF-8 but {kind} ({byte}); save it as UTF-8"
    return "is not text" if "\x00" in text else None


def dataset_problems(path: str, dataset: Dataset) -> Iterator[Problem]:
    """What is wrong with the files of one dataset; `path` is the dataset's own."""
    yield from place_problems(path, dataset)
    where = f"{path}.{'dataset_path' if dataset.dataset_path else 'folder_path'}"
    folder = path_of(dataset.folder_path)
    if not is_folder(folder):
        yield _no_folder(where, folder)
        return
    scan = scan_folder(folder, dataset.caption_ext)
    for refused in scan.refused[:SHOWN]:
        yield Problem(where, f"cannot be read: {refused}", None, "error", "folder-unreadable")
    if not scan.images:
        yield Problem(where, _nothing_in(folder, scan), None, "error", "no-images")
        return
    yield from _listed(where, "image-unreadable", scan.bad_images)
    yield from _listed(f"{path}.caption_ext", "caption-encoding", scan.bad_captions)
    if dataset.default_caption is None:
        yield from _uncaptioned(path, scan, dataset.caption_ext)
    cached = dataset.cache_latents_to_disk or dataset.cache_text_embeddings
    if cached and not os.access(folder, os.W_OK):
        message = f"{folder} is not writable, but its cache is to be stored there"
        yield Problem(where, message, None, "error", "folder-not-writable")
    if len(scan.images) > LOOKED_AT:
        message = f"only the first {LOOKED_AT} of {len(scan.images)} images were looked at"
        yield Problem(where, message, None, "hint", "scan-limited")


def place_problems(path: str, dataset: Dataset) -> Iterator[Problem]:
    """Folders of masks, controls and the like that are not there, and a list of words that is not.

    `path` is the dataset's own.
    """
    named = {f"{path}.{name}": getattr(dataset, name) for name in FOLDERS}
    for index, folder in enumerate(dataset.control_path or []):
        named[f"{path}.control_path[{index}]"] = folder
    for where, name in named.items():
        if name and not is_folder(path_of(name)):
            yield _no_folder(where, path_of(name))
    words = dataset.random_triggers
    if isinstance(words, str) and not is_file(path_of(words)):
        message = f"{words} is not a text file; words themselves are written as a list"
        yield Problem(f"{path}.random_triggers", message, None, "error", "file-missing")


def _no_folder(where: str, folder: Path) -> Problem:
    if exists(folder):
        message = f"{folder} is a file, not a folder of images"
        return Problem(where, message, str(folder.parent), "error", "not-a-folder")
    try:
        names = [entry.name for entry in folder.parent.iterdir() if is_folder(entry)]
    except OSError:
        names = []
    close = nearest(folder.name, names)
    better = str(folder.parent / close) if close else None
    return Problem(where, f"{folder} does not exist", better, "error", "folder-missing")


def _nothing_in(folder: Path, scan: Scan) -> str:
    found = f"{scan.others} other files" if scan.others else "nothing"
    return f"{folder} holds no images ({', '.join(IMAGE_SUFFIXES)}), found {found}"


def _listed(where: str, code: str, faults: list[str]) -> Iterator[Problem]:
    """A finding for each of the first files, and one for the rest."""
    for fault in faults[:SHOWN]:
        yield Problem(where, fault, None, "error", code)
    if len(faults) > SHOWN:
        message = f"... and {len(faults) - SHOWN} more files of that kind"
        yield Problem(where, message, None, "error", code)


def _uncaptioned(path: str, scan: Scan, extension: str) -> Iterator[Problem]:
    """Images that train on an empty caption; or all of them, by a wrong caption_ext."""
    missing = scan.uncaptioned
    if not missing:
        return
    total = min(len(scan.images), LOOKED_AT)
    if len(missing) == total:
        other = _other_extension(missing[0], extension)
        message = f"none of the {total} images has a {extension} caption file"
        yield Problem(f"{path}.caption_ext", message, other, "warning", "captions-missing")
        return
    names = ", ".join(image.name for image in missing[:3])
    more = ", ..." if len(missing) > 3 else ""
    message = f"{len(missing)} of {total} images have no caption: {names}{more}"
    yield Problem(f"{path}.folder_path", message, None, "warning", "captions-missing")


def _other_extension(image: Path, extension: str) -> str | None:
    """A caption file of another extension that lies beside an image."""
    found = [s for s in _CAPTION_SUFFIXES if s != extension and exists(image.with_suffix(s))]
    return found[0] if found else None
