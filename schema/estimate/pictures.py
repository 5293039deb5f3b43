"""At which sizes the pictures of a config would be trained: sizes from file headers, plans as the
engine makes them.

Large folders are sampled evenly, and said to be. Sizes are remembered for the life of the process
by folder and the folder's time, because an editor asks after every change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from schema.formulas.buckets import Size, bucket_step, bucket_table, plan
from schema.sections.datasets import Dataset
from schema.sections.job import TrainerProcess

SAMPLED: Final = 1000
"""More pictures than this are sampled: the table of buckets is then scaled up."""
_TURNED: Final = 5
"""EXIF orientations from here on swap width and height."""
_ORIENTATION: Final = 0x0112


@dataclass(frozen=True, slots=True)
class Table:
    """The buckets of all datasets: items by training size, and by those that are cached on disk.

    `captions` is how many different captions there can be at most, `sampled` whether the sizes were
    read from some of the pictures only, `missing` the folders that are not there.
    """

    items: dict[Size, int]
    pictures: int
    captions: int
    latents_on_disk: dict[Size, int]
    captions_on_disk: int
    sampled: bool = False
    missing: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """All items of one epoch."""
        return sum(self.items.values())

    @property
    def largest(self) -> Size | None:
        """The size with the most pixels."""
        return max(self.items, key=lambda size: size[0] * size[1], default=None)


def table_of(process: TrainerProcess, multiple: int, base: Path) -> Table:
    """The table of a config; `multiple` is what the model rounds sizes to."""
    plans: list[tuple[Size, int, Dataset]] = []
    pictures = captions = on_disk = 0
    sampled, missing = False, []
    cache_text = process.train.cache_text_embeddings
    for dataset in process.datasets:
        folder = base / Path(dataset.folder_path).expanduser()
        found = sizes_in(folder)
        if found is None:
            missing.append(dataset.folder_path)
            continue
        sizes, count = found
        texts = count + (1 if dataset.caption_dropout_rate else 0)
        pictures, captions = pictures + count, captions + texts
        on_disk += texts if cache_text or dataset.cache_text_embeddings else 0
        sampled |= count > len(sizes)
        plans += _plans(dataset, sizes, count, multiple)
    items: dict[Size, int] = {}
    latents: dict[Size, int] = {}
    for size, number, dataset in plans:
        items[size] = items.get(size, 0) + number * dataset.num_repeats
        if dataset.cache_latents_to_disk:
            latents[size] = latents.get(size, 0) + number
    order = bucket_table(items)
    return Table(
        {size: items[size] for size in order}, pictures, captions, latents, on_disk, sampled,
        tuple(missing),
    )  # fmt: skip


def _plans(
    dataset: Dataset, sizes: Sequence[Size], count: int, multiple: int
) -> list[tuple[Size, int, Dataset]]:
    """Training sizes of one dataset, with how many pictures (mirrored ones too) have each."""
    chosen = "bucket_tolerance" in dataset.model_fields_set
    step = bucket_step(dataset.bucket_tolerance if chosen else None, multiple)
    flips = (2 if dataset.flip_x else 1) * (2 if dataset.flip_y else 1)
    counted: dict[Size, int] = {}
    for resolution in dataset.resolutions:
        if step > resolution:
            continue
        for width, height in sizes:
            try:
                planned = plan(
                    width, height, resolution, step, buckets=dataset.buckets,
                    square_crop=dataset.square_crop, random_crop=dataset.random_crop,
                    scale=dataset.scale,
                )  # fmt: skip
            except ValueError:
                continue
            counted[planned.crop] = counted.get(planned.crop, 0) + 1
    share = count / len(sizes) if sizes else 0.0
    return [(size, round(number * share) * flips, dataset) for size, number in counted.items()]


def sizes_in(folder: Path) -> tuple[Sequence[Size], int] | None:
    """Sizes as seen of the pictures below a folder (of some, where there are many) and how many
    there are; None where there is no folder.
    """
    try:
        changed = folder.stat().st_mtime_ns
    except OSError:
        return None
    return _sizes(folder, changed) if folder.is_dir() else None


@lru_cache(64)
def _sizes(folder: Path, changed: int) -> tuple[Sequence[Size], int]:
    del changed  # part of the key
    from schema.dataset_scan import find_images

    images = find_images(folder).images
    chosen = images[:: -(-len(images) // SAMPLED)] if len(images) > SAMPLED else images
    return tuple(size for path in chosen if (size := _size(path)) is not None), len(images)


def _size(path: Path) -> Size | None:
    """Width and height from the header, turned as EXIF says; None for what is no picture."""
    from PIL import Image  # 40 ms that an estimate without pictures should not pay

    try:
        with Image.open(path) as picture:
            width, height = picture.size
            turned = picture.getexif().get(_ORIENTATION, 1) >= _TURNED
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None
    return (height, width) if turned else (width, height)
