"""Pictures that go with training pictures: control pictures, and masks that say what counts.

They have the name of their picture and lie in folders of their own. They are read at every step,
whatever is cached, and are mirrored, scaled and cropped as their picture is, so that they fit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageFilter, ImageOps
from torch import Tensor

from engine.data.images import crop
from engine.data.items import Item
from engine.data.sources import raise_all
from engine.errors import DataError
from engine.randomness import uniform
from schema.formulas.buckets import Size
from schema.picture_files import reason

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")  # in this order
BLUR = 0.005  # of the shorter side, at most
ORIENTATION = 0x0112  # the EXIF tag; 5 to 8 lie on their side
BROKEN = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)
Shown = Sequence[tuple[Item, int]]
"""The items of a batch with their slots."""
Warn = Callable[[str], None]


class Companions:
    """Finds the companions of every item once, and reads them batch by batch."""

    def __init__(self, items: Sequence[Item], seed: int, warn: Warn, *, controls: bool) -> None:
        """`controls`: whether anybody looks at control pictures.

        Raises DataError for masks and control pictures that cannot be read.
        """
        self._seed, self._warn, self._told = seed, warn, False
        self._controls: dict[int, list[Path | None]] = {}
        self._masks: dict[int, Path] = {}
        faults: dict[str, None] = {}
        sizes: dict[Path, Size] = {}
        for item in items:
            dataset, picture = item.group.dataset, item.picture
            if controls and dataset.control_folders:
                found = [_named_like(picture.path, folder) for folder in dataset.control_folders]
                self._controls[item.index] = found
                faults |= dict.fromkeys(_unreadable(found, sizes))
            if dataset.alpha_mask:
                self._masks[item.index] = picture.path
            elif dataset.mask_path:
                mask = _named_like(picture.path, dataset.mask_path)
                if mask is not None:
                    self._masks[item.index] = mask
                    faults |= dict.fromkeys(
                        _unreadable([mask], sizes) or _turned(mask, item, sizes)
                    )
        if items:
            raise_all(list(faults), Path(items[0].group.dataset.folder_path))
        self._tell_missing(items)

    def __bool__(self) -> bool:
        """Whether any picture has one."""
        return bool(self._controls or self._masks)

    def _tell_missing(self, items: Sequence[Item]) -> None:
        """How many pictures have no control picture or no mask."""
        lacking = {i.picture.path for i in items if None in self._controls.get(i.index, ())}
        masked = [item for item in items if item.group.dataset.mask_path]
        bare = {item.picture.path for item in masked if item.index not in self._masks}
        for paths, what in ((lacking, "control picture: black"), (bare, "mask: all of it counts")):
            if paths:
                count = "1 picture has" if len(paths) == 1 else f"{len(paths)} pictures have"
                self._warn(f"{count} no {what} (such as {min(paths).name}).")

    def controls(self, shown: Shown, step: int) -> Tensor | None:
        """(B, 3, H, W) in [0, 1], or (B, N, 3, H, W) for several a picture; None where no picture
        of the batch has one. A missing one is black.
        """
        if not self._controls:
            return None
        paths = [self._controls.get(item.index, []) for item, _ in shown]
        count = max(map(len, paths))
        if not any(path for row in paths for path in row):
            return None
        rows = [
            torch.stack([self._control(item, slot, step, path) for path in _filled(row, count)])
            for (item, slot), row in zip(shown, paths, strict=True)
        ]
        stacked = torch.stack(rows)
        return stacked[:, 0] if count == 1 else stacked

    def _control(self, item: Item, slot: int, step: int, path: Path | None) -> Tensor:
        if path is None:
            width, height = item.plan.crop
            return torch.zeros(3, height, width)
        color = tuple(item.group.dataset.control_transparent_color)
        picture = _opened(path).convert("RGBA")
        canvas = Image.new("RGB", picture.size, color)
        canvas.paste(picture, mask=picture.getchannel("A"))
        laid = crop(_mirrored(canvas, item), item.plan, item.offset(self._seed, step, slot))
        return _unit(laid).permute(2, 0, 1).contiguous()

    def masks(self, shown: Shown, step: int) -> Tensor | None:
        """(B, 1, H, W) from the least weight to 1; None where no picture of the batch has one."""
        if not any(item.index in self._masks for item, _ in shown):
            return None
        masks = torch.stack([self._mask(item, slot, step) for item, slot in shown])
        if masks.any():
            return masks
        if not self._told:
            self._told = True
            names = ", ".join(sorted({item.picture.path.name for item, _ in shown}))
            self._warn(f"The masks of a whole batch are black ({names}): all of it counts there.")
        return torch.ones_like(masks)

    def _mask(self, item: Item, slot: int, step: int) -> Tensor:
        """Inverted, mirrored, blurred, grey, scaled, cropped; then raised to the least weight."""
        path, dataset = self._masks.get(item.index), item.group.dataset
        if path is None:
            width, height = item.plan.crop
            return torch.ones(1, height, width)
        picture = _opened(path)
        if dataset.alpha_mask:
            picture = picture.convert("RGBA").getchannel("A")
        else:
            picture = picture.convert("RGB")
        if dataset.invert_mask:
            picture = ImageOps.invert(picture)
        picture = _mirrored(picture, item)
        drawn = uniform(self._seed, step, slot, "mask blur")
        if radius := int(min(picture.size) * drawn * BLUR):
            picture = picture.filter(ImageFilter.GaussianBlur(radius))
        laid = crop(picture.convert("L"), item.plan, item.offset(self._seed, step, slot))
        least = dataset.mask_min_value
        return least + _unit(laid)[None] * (1 - least)


def _named_like(picture: Path, folder: str) -> Path | None:
    """The first file of the picture's name in the folder itself."""
    stem = Path(folder).expanduser() / picture.stem
    files = (stem.with_name(picture.stem + suffix) for suffix in SUFFIXES)
    return next((file for file in files if file.is_file()), None)


def _filled(paths: list[Path | None], count: int) -> list[Path | None]:
    return [*paths, *[None] * (count - len(paths))]


def _unreadable(paths: Sequence[Path | None], sizes: dict[Path, Size]) -> list[str]:
    """A sentence on each file whose header cannot be read; the sizes of the others are noted, as
    seen after EXIF rotation.
    """
    faults = []
    for path in paths:
        if path is None or path in sizes:
            continue
        try:
            with Image.open(path) as file:
                width, height = file.size
                lies = file.getexif().get(ORIENTATION, 1) >= 5
        except BROKEN as fault:
            faults.append(f"{path} cannot be read ({reason(fault)}).")
        else:
            sizes[path] = (height, width) if lies else (width, height)
    return faults


def _turned(path: Path, item: Item, sizes: dict[Path, Size]) -> list[str]:
    """A sentence where one is upright and the other lies."""
    (width, height), (across, down) = sizes[path], item.picture.size
    if (width - height) * (across - down) >= 0:
        return []
    return [f"{path} is {width}x{height}, its picture {across}x{down}: one of them is turned."]


def _opened(path: Path) -> Image.Image:
    try:
        with Image.open(path) as file:
            return ImageOps.exif_transpose(file)
    except BROKEN as fault:
        raise DataError(f"{path} cannot be decoded ({reason(fault)}).") from fault


def _mirrored(picture: Image.Image, item: Item) -> Image.Image:
    if item.flip_x:
        picture = ImageOps.mirror(picture)
    return ImageOps.flip(picture) if item.flip_y else picture


def _unit(picture: Image.Image) -> Tensor:
    """Bytes as float32 in [0, 1], with their channels last."""
    return torch.from_numpy(np.asarray(picture, dtype=np.float32) / 255)
