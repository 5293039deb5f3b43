"""At which size a picture is trained: aspect-ratio buckets, square crops and plain squares.

The engine plans its batches with these functions and the app shows the resulting table; nothing
here reads a file. Sizes are (width, height) in pixels. There is no list of allowed aspect ratios:
each picture gets the size nearest to its own shape within the area budget, and pictures that get
the same size form a bucket.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

Size: TypeAlias = tuple[int, int]


@dataclass(frozen=True)
class Plan:
    """How a picture becomes a training picture: resize to ``scale_to``, then cut out ``crop``."""

    scale_to: Size
    crop: Size

    @property
    def slack(self) -> Size:
        """How far the crop may move along each axis; one of the two is nearly always 0."""
        return self.scale_to[0] - self.crop[0], self.scale_to[1] - self.crop[1]


def bucket_step(tolerance: int | None, model_multiple: int) -> int:
    """The step of bucket sides: the smallest multiple of what the model needs that is at least
    ``tolerance``; the model's own when there is no tolerance.
    """
    if tolerance is None:
        return model_multiple
    return model_multiple * math.ceil(tolerance / model_multiple)


def bucket_size(width: int, height: int, resolution: int, step: int) -> Size:
    """The training size of a width x height picture within an area of ``resolution`` squared.

    With the picture scaled to the budget P = min(w h, R^2), its sides are u and v steps long. Of
    the four sizes from rounding u and v down or up, those within R^2 are kept, and the one whose
    area is nearest to P wins (the first of equals). Small pictures are not enlarged.
    """
    budget = resolution * resolution
    area = min(width * height, budget)
    scale = math.sqrt(area / (width * height))
    across, down = width * scale / step, height * scale / step
    candidates = [
        (round_u(across) * step, round_v(down) * step)
        for round_u in (math.floor, math.ceil)
        for round_v in (math.floor, math.ceil)
    ]
    fitting = [(w, h) for w, h in candidates if w > 0 and h > 0 and w * h <= budget]
    if not fitting:
        return max(step, step * math.floor(across)), max(step, step * math.floor(down))
    return min(fitting, key=lambda size: abs(size[0] * size[1] - area))


def cover(width: int, height: int, crop: Size) -> Plan:
    """Resize so that the picture just covers ``crop``, keeping its shape."""
    scale = max(crop[0] / width, crop[1] / height)
    # the tiny amount keeps 512.0000000001 from becoming 513; max() keeps the cover complete
    scaled = (
        max(crop[0], math.ceil(width * scale - 1e-6)),
        max(crop[1], math.ceil(height * scale - 1e-6)),
    )
    return Plan(scaled, crop)


def plan(
    width: int,
    height: int,
    resolution: int,
    step: int,
    *,
    buckets: bool = True,
    square_crop: bool = False,
    random_crop: bool = False,
    scale: float = 1.0,
) -> Plan:
    """The plan of one picture.

    ``scale`` pretends that the picture is that much bigger. ``square_crop`` makes every crop a
    square of ``resolution`` (rounded down to the step), enlarging small pictures. Without
    ``buckets`` the crop is a square as well; with ``random_crop`` it is then cut from the picture
    at its own size where that is large enough. Raises ValueError when less than one step is left.
    """
    width, height = math.floor(width * scale), math.floor(height * scale)
    if min(width, height) < 1:
        raise ValueError(f"scale {scale} leaves nothing of the picture")
    if buckets and not square_crop:
        return cover(width, height, bucket_size(width, height, resolution, step))
    side = max(step, resolution - resolution % step)
    if not buckets and random_crop and min(width, height) >= side:
        return Plan((width, height), (side, side))
    return cover(width, height, (side, side))


def bucket_table(sizes: Iterable[Size]) -> dict[Size, int]:
    """How many pictures each training size has, widest shape first."""
    counted: dict[Size, int] = {}
    for size in sizes:
        counted[size] = counted.get(size, 0) + 1
    return dict(sorted(counted.items(), key=lambda row: -row[0][0] / row[0][1]))
