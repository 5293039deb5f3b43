"""From a picture to a training tensor: flip, resize, crop, scale to [-1, 1].

Always in this order, straight from the file's own size to the planned one (bicubic), so that a
cached and an uncached run see the same pixels.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from engine.data.sources import open_picture
from schema.formulas.buckets import Plan


def load_pixels(
    path: Path, plan: Plan, offset: tuple[int, int], *, flip_x: bool = False, flip_y: bool = False
) -> Tensor:
    """float32 (3, H, W) in [-1, 1] of the planned crop. Raises DataError for a broken file."""
    picture = open_picture(path)
    if flip_x:
        picture = ImageOps.mirror(picture)
    if flip_y:
        picture = ImageOps.flip(picture)
    return to_tensor(crop(picture, plan, offset))


def crop(picture: Image.Image, plan: Plan, offset: tuple[int, int]) -> Image.Image:
    """Resized to ``plan.scale_to``, then cut at ``offset`` to ``plan.crop``."""
    if picture.size != plan.scale_to:
        picture = picture.resize(plan.scale_to, Image.Resampling.BICUBIC)
    if plan.scale_to == plan.crop:
        return picture
    left, top = offset
    width, height = plan.crop
    return picture.crop((left, top, left + width, top + height))


def to_tensor(picture: Image.Image) -> Tensor:
    """RGB bytes as float32 (3, H, W), 2 x / 255 - 1."""
    array = np.asarray(picture, dtype=np.float32)
    return torch.from_numpy(array).permute(2, 0, 1).mul(2 / 255).sub(1).contiguous()
