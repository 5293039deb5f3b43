"""Training items: every way in which every picture of every dataset is shown.

A dataset with several resolutions counts as that many datasets. Its items are its pictures, times
its repeats, times its mirrored copies; each knows its plan (training size and crop), and items of
one size form a bucket.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.data.order import Bucket
from engine.data.sources import Picture
from engine.errors import ConfigError
from schema.formulas.buckets import Plan, Size, bucket_step, plan
from schema.formulas.captions import CaptionRules
from schema.formulas.crops import center_offset, frozen_offset, random_offset
from schema.sections.datasets import Dataset


@dataclass(frozen=True)
class Group:
    """One dataset at one resolution."""

    dataset: Dataset
    resolution: int
    rules: CaptionRules

    @property
    def keeps_latents(self) -> bool:
        """Whether latents are held in memory."""
        return self.dataset.cache_latents

    @property
    def caches_latents(self) -> bool:
        """Whether pictures are encoded once, before training."""
        return self.dataset.cache_latents or self.dataset.cache_latents_to_disk


@dataclass(frozen=True)
class Item:
    """One way of showing one picture. ``index`` is its number in the run."""

    index: int
    group: Group
    picture: Picture
    plan: Plan
    repeat: int = 0
    flip_x: bool = False
    flip_y: bool = False

    def offset(self, seed: int, step: int, slot: int) -> tuple[int, int]:
        """Where the crop lies when sample ``slot`` of ``step`` shows this item."""
        if not self.group.dataset.random_crop:
            return center_offset(self.plan)
        if self.group.caches_latents:
            return frozen_offset(self.plan, self.picture.path.name, self.repeat)
        return random_offset(self.plan, seed, step, slot)


def make_items(
    groups: Sequence[tuple[Group, Sequence[Picture]]], model_multiple: int
) -> list[Item]:
    """All items of a run in their fixed order: by dataset; plain before mirrored; repeats as
    whole copies of the list. Raises ConfigError for a picture that no size is left of.
    """
    items: list[Item] = []
    for group, pictures in groups:
        plans = [_plan(group, picture, model_multiple) for picture in pictures]
        dataset = group.dataset
        flips = [(False, False)]
        if dataset.flip_x:
            flips += [(True, y) for _, y in flips]
        if dataset.flip_y:
            flips += [(x, True) for x, _ in flips]
        for flip_x, flip_y in flips:
            for repeat in range(dataset.num_repeats):
                for picture, planned in zip(pictures, plans, strict=True):
                    items.append(Item(len(items), group, picture, planned, repeat, flip_x, flip_y))
    return items


def _plan(group: Group, picture: Picture, model_multiple: int) -> Plan:
    dataset = group.dataset
    # While the key is absent the step is the model's own; 64 is only its nominal default.
    chosen = "bucket_tolerance" in dataset.model_fields_set
    step = bucket_step(dataset.bucket_tolerance if chosen else None, model_multiple)
    if step > group.resolution:
        raise ConfigError(
            "datasets[].bucket_tolerance",
            f"a bucket step of {step} is larger than the resolution {group.resolution}.",
        )
    try:
        return plan(
            *picture.size,
            group.resolution,
            step,
            buckets=dataset.buckets,
            square_crop=dataset.square_crop,
            random_crop=dataset.random_crop,
            scale=dataset.scale,
        )
    except ValueError as fault:
        raise ConfigError("datasets[].scale", f"{picture.path}: {fault}.") from fault


def make_buckets(items: Sequence[Item], batch_size: int) -> list[Bucket]:
    """Items by dataset and size; without aspect buckets by size over all datasets, where a last
    batch stays short.
    """
    rows: dict[tuple[object, ...], list[int]] = {}
    for item in items:
        group, size = item.group, item.plan.crop
        key: tuple[object, ...] = (id(group), size)
        if not group.dataset.buckets:
            key = ("plain", size, group.caches_latents)
        rows.setdefault(key, []).append(item.index)
    return [
        Bucket(tuple(members), batch_size, fill=key[0] != "plain") for key, members in rows.items()
    ]


def sizes_of(items: Sequence[Item]) -> list[Size]:
    """The training size of every item."""
    return [item.plan.crop for item in items]
