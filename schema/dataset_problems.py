"""What the files of a dataset mean for a config: faults, captions, sizes, each as a finding."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from schema.dataset_scan import IMAGE_SUFFIXES, LOOKED_AT, Found, Scan
from schema.dataset_sizes import SizeTable, size_tables
from schema.families import FamilyRow
from schema.findings import nearest
from schema.formulas.captions import PLACEHOLDERS
from schema.looking import Looking
from schema.places import exists, folders_in, is_file, is_folder, path_of
from schema.rules.data_sources import FOLDERS
from schema.rules.rule import Problem
from schema.sections.datasets import Dataset

SHOWN: Final = 10
_CAPTION_SUFFIXES: Final = (".txt", ".caption", ".md", ".json")
_MUCH_CUT: Final = 0.2
"""A share of a picture that is worth a word when it is cropped away."""
_FEW_ARE_ALIKE: Final = 2


def dataset_problems(
    path: str, dataset: Dataset, row: FamilyRow | None, trigger: str | None, looking: Looking
) -> Iterator[Problem]:
    """What is wrong with the files of one dataset.

    `path` is the dataset's own, `row` the family of the model, `trigger` the word of the process.
    """
    yield from place_problems(path, dataset)
    where = f"{path}.{'dataset_path' if dataset.dataset_path else 'folder_path'}"
    folder = path_of(dataset.folder_path)
    if not is_folder(folder):
        yield _no_folder(where, folder)
        return
    scan = looking.scan(folder, dataset.caption_ext)
    for refused in scan.refused[:SHOWN]:
        yield Problem(where, f"cannot be read: {refused}", None, "error", "folder-unreadable")
    if not scan.images:
        yield Problem(where, _nothing_in(folder, scan), None, "error", "no-images")
        return
    faults = [f"{found.path} {found.fault}" for found in scan.found if found.fault]
    yield from _listed(where, "image-unreadable", faults)
    yield from _caption_faults(path, dataset, scan)
    if row is not None:
        yield from _long_captions(path, scan, row)
        sizes = [found.size for found in scan.found if found.size and not found.fault]
        looking.tables[path] = size_tables(dataset, sizes, row.bucket_step)
        yield from _tiny(path, dataset, scan)
        for table in looking.tables[path]:
            yield from _reshaped(path, table, len(sizes))
    yield from _triggers(path, dataset, scan, trigger)
    cached = dataset.cache_latents_to_disk or dataset.cache_text_embeddings
    if cached and not os.access(folder, os.W_OK):
        message = f"{folder} is not writable, but its cache is to be stored there"
        yield Problem(where, message, None, "error", "folder-not-writable")
    if len(scan.images) > LOOKED_AT:
        message = f"only the first {LOOKED_AT} of {len(scan.images)} images were looked at"
        yield Problem(where, message, None, "hint", "scan-limited")
    if looking.decode != "none" and (left := len(scan.undecoded())):
        message = f"the pixels of {left} of {len(scan.found)} images were not read yet"
        todo = "; finetui check --decode does it now, training before it begins"
        yield Problem(where, message + todo, None, "hint", "not-decoded")


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
    close = nearest(folder.name, folders_in(folder.parent))
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


# -- captions


def _caption_faults(path: str, dataset: Dataset, scan: Scan) -> Iterator[Problem]:
    files = {f.caption_file: f.caption for f in scan.found if f.caption is not None}
    faults = [f"{file} {it.fault}" for file, it in files.items() if it is not None and it.fault]
    yield from _listed(f"{path}.caption_ext", "caption-encoding", faults)
    if dataset.default_caption is None:
        yield from _uncaptioned(path, scan, dataset.caption_ext)
        empty = [found for found in scan.found if found.caption and found.caption.blank]
        if empty:
            message = _some("images have an empty caption", empty, len(scan.found))
            yield Problem(f"{path}.folder_path", message, None, "warning", "captions-empty")
    own = [f for f in scan.found if f.has_own_caption and f.caption and not f.caption.blank]
    texts = Counter(f.caption.text for f in own if f.caption and not f.caption.fault)
    text, count = max(texts.items(), key=lambda row: row[1], default=("", 0))
    if count >= _FEW_ARE_ALIKE:
        alike = sum(number for number in texts.values() if number >= _FEW_ARE_ALIKE)
        message = f"{alike} of {len(scan.found)} images have the caption of another image, "
        message += f"{count} of them '{_shortened(text)}'"
        yield Problem(f"{path}.folder_path", message, None, "hint", "captions-alike")


def _uncaptioned(path: str, scan: Scan, extension: str) -> Iterator[Problem]:
    """Images that train on an empty caption; or all of them, by a wrong caption_ext."""
    missing = [found for found in scan.found if found.caption_file is None]
    total = len(scan.found)
    if not missing:
        return
    if len(missing) == total:
        other = _other_extension(missing[0].path, extension)
        message = f"none of the {total} images has a {extension} caption file"
        yield Problem(f"{path}.caption_ext", message, other, "warning", "captions-missing")
        return
    message = _some("images have no caption", missing, total)
    yield Problem(f"{path}.folder_path", message, None, "warning", "captions-missing")


def _some(words: str, found: list[Found], total: int) -> str:
    names = ", ".join(item.path.name for item in found[:3])
    return f"{len(found)} of {total} {words}: {names}{', ...' if len(found) > 3 else ''}"


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else f"{line[:57]}..."


def _other_extension(image: Path, extension: str) -> str | None:
    """A caption file of another extension that lies beside an image."""
    found = [s for s in _CAPTION_SUFFIXES if s != extension and exists(image.with_suffix(s))]
    return found[0] if found else None


def _long_captions(path: str, scan: Scan, row: FamilyRow) -> Iterator[Problem]:
    """Captions whose end no text encoder of the family reads, counted at their very shortest."""
    limits = [(encoder.tokens, encoder.name) for encoder in row.encoders if encoder.tokens]
    if not limits or len(limits) < len(row.encoders):
        return  # a family with an encoder of no fixed length
    limit, name = max(limits)
    clip = "CLIP" in name
    ends = 2 if clip else 1  # the tokens that mark the beginning and the end
    lengths = [
        ((f.caption.pieces if clip else f.caption.words) + ends, f)
        for f in scan.found
        if f.caption is not None
    ]
    long = [(length, found) for length, found in lengths if length > limit]
    if long:
        length, found = max(long, key=lambda row: row[0])
        message = f"{len(long)} of {len(scan.found)} captions are longer than the {limit} tokens "
        message += f"that {name} reads, so their ends are not learned: that of {found.path.name} "
        message += f"has at least {length}"
        yield Problem(f"{path}.folder_path", message, None, "warning", "captions-too-long")


def _triggers(path: str, dataset: Dataset, scan: Scan, common: str | None) -> Iterator[Problem]:
    """A trigger word that no caption says, and a placeholder for one that is not given."""
    trigger = common if dataset.trigger_word is None else dataset.trigger_word
    texts = [f.caption.text for f in scan.found if f.caption is not None and not f.caption.fault]
    if not texts:
        return
    if not trigger:
        asking = sum(1 for text in texts if PLACEHOLDERS.search(text))
        if asking:
            message = f"{asking} captions have [trigger] in them, and there is no trigger word: "
            yield Problem(
                f"{path}.trigger_word", f"{message}it is left out", None, "warning", "trigger-unset"
            )
        return
    absent = sum(1 for text in texts if trigger not in text and not PLACEHOLDERS.search(text))
    if absent and not dataset.is_reg:
        message = f"'{trigger}' is not in {absent} of {len(texts)} captions; it is put in front"
        given = f"{path}.trigger_word" if dataset.trigger_word else "trigger_word"
        yield Problem(given, f"{message} of them", None, "hint", "trigger-absent")


# -- sizes


def _tiny(path: str, dataset: Dataset, scan: Scan) -> Iterator[Problem]:
    """Pictures that cannot show what the training size could."""
    smallest = min(dataset.resolutions)
    tiny = [f for f in scan.found if f.size and 4 * f.size[0] * f.size[1] < smallest * smallest]
    if tiny:
        least = min(tiny, key=lambda found: found.size[0] * found.size[1] if found.size else 0)
        assert least.size is not None
        message = f"{len(tiny)} of {len(scan.found)} images have less than a quarter of the pixels "
        message += f"of resolution {smallest}; the smallest is {least.path.name} "
        message += f"({least.size[0]}x{least.size[1]})"
        yield Problem(f"{path}.resolution", message, None, "warning", "images-tiny")


def _reshaped(path: str, table: SizeTable, total: int) -> Iterator[Problem]:
    """What scaling and cropping to the training sizes does to the pictures."""
    where = f"{path}.resolution"
    if table.lost:
        width, height = table.lost[0]
        message = f"leaves nothing of images of {width}x{height}"
        yield Problem(f"{path}.scale", message, None, "error", "scale-too-small")
    if table.enlarged:
        message = f"at {table.resolution}, {table.enlarged} of {total} images are "
        message += f"enlarged, up to {table.most_enlarged:.2g} times"
        yield Problem(where, message, None, "hint", "images-enlarged")
    if table.cut > _MUCH_CUT:
        message = f"at {table.resolution}, {table.cut:.0%} of an image is cropped away on "
        message += f"average, at most {table.most_cut:.0%}"
        yield Problem(where, message, None, "hint", "images-cropped")
