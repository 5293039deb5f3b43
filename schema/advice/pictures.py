"""A look at a folder of training pictures, and what follows from it: sizes, shapes, captions.

Headers and caption files are read, nothing is decoded; of very many pictures a part, evenly spread.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from schema import picture_files
from schema.advice.facts import Pictures, Priority
from schema.caption_files import read_caption
from schema.dataset_scan import find_images
from schema.formulas.buckets import Size, bucket_size, bucket_table

LOOKED_AT: Final = 2000
"""Pictures whose size and caption are read: enough to choose settings by."""
_CAPTIONS: Final = (".txt", ".caption", ".md", ".json")
_COMMON: Final = frozenset(
    re.findall(
        r"\w+",
        "a an the of in on at with and or to from by for is are his her its photo picture image "
        "painting drawing close up portrait man woman person girl boy dog cat standing sitting "
        "white black red blue green yellow background front side view looking wearing holding shot",
    )
)


def look(folder: Path | str) -> Pictures:
    """What is in the folder. Never raises: `problem` says why there is nothing."""
    where = Path(folder).expanduser()
    if not where.is_dir():
        problem = "is a file, not a folder" if where.exists() else "is not there yet"
        return Pictures(folder=str(folder), problem=problem)
    images = find_images(where).images
    if not images:
        return Pictures(folder=str(folder), problem="holds no pictures (png, jpg, webp)")
    chosen = images[:: max(1, -(-len(images) // LOOKED_AT))]
    extension = _extension(chosen)
    sizes = [size for path in chosen if (size := picture_files.look(path).size) is not None]
    captions = [_caption(path.with_suffix(extension)) for path in chosen]
    return Pictures(
        folder=str(folder),
        count=len(images),
        sizes=tuple(sizes),
        captions=tuple(text for text in captions if text),
        uncaptioned=sum(not text for text in captions),
        unreadable=len(chosen) - len(sizes),
        caption_ext=extension,
        writable=os.access(where, os.W_OK),
    )


def _extension(images: Sequence[Path]) -> str:
    """The extension that most captions have."""
    found = {suffix: sum(p.with_suffix(suffix).is_file() for p in images) for suffix in _CAPTIONS}
    return max(found, key=lambda suffix: found[suffix])


def _caption(path: Path) -> str:
    """The caption in one line; empty where there is none that can be read."""
    return " ".join(read_caption(path).text.split()) if path.is_file() else ""


def are_tags(captions: Sequence[str]) -> bool:
    """Whether most captions are lists of tags, not sentences."""

    def tagged(text: str) -> bool:
        parts = [part for part in text.split(",") if part.strip()]
        return len(parts) >= 4 and len(text.split()) / len(parts) <= 3

    return sum(map(tagged, captions)) * 2 > len(captions)


def common_word(captions: Sequence[str]) -> str | None:
    """A word that nearly all captions have and few sentences would: probably the trigger.

    Of several, one with a digit in it, else the one that comes first: it is what the picture shows.
    """
    if len(captions) < 3:
        return None
    places: dict[str, list[int]] = {}
    for text in captions:
        found = re.findall(r"[a-z0-9_]{3,}", text.lower())
        for word in set(found) - _COMMON:
            places.setdefault(word, []).append(found.index(word))
    often = [word for word, at in places.items() if len(at) >= 0.9 * len(captions)]

    def rank(word: str) -> tuple[bool, float, str]:
        return not any(map(str.isdigit, word)), sum(places[word]) / len(places[word]), word

    return min(often, key=rank, default=None)


def side_of(sizes: Sequence[Size], native: int) -> int:
    """The training size: the model's own, or a smaller one that half of the pictures reach.

    Small pictures are never enlarged, so a larger size than theirs would only mix more shapes.
    """
    rungs = [side for share in (1.0, 0.75, 0.5) if (side := int(native * share) // 64 * 64) >= 256]
    for side in rungs:
        if sum(w * h >= (0.95 * side) ** 2 for w, h in sizes) * 2 >= len(sizes):
            return side
    return rungs[-1]


def sides_of(sizes: Sequence[Size], native: int, priority: Priority, several: bool) -> list[int]:
    """The training sizes, the largest last; for quality a smaller one beside the first."""
    side = side_of(sizes, native) if sizes else native
    smaller = side * 3 // 4 // 64 * 64
    return [smaller, side] if several and priority == "quality" and smaller >= 384 else [side]


def shapes(sizes: Sequence[Size], side: int, step: int) -> dict[Size, int]:
    """How many pictures each training size has, widest first."""
    return bucket_table(bucket_size(w, h, side, step) for w, h in sizes)


def lonely(table: dict[Size, int], batch: int) -> float:
    """The share of pictures whose shape is too rare to fill a batch, and are shown more often."""
    total = sum(table.values())
    return sum(n for n in table.values() if n < batch) / total if total else 0.0
