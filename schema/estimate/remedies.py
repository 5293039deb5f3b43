"""Changes that save memory, each tried on the estimate itself, the least harmful that fits first.

Only options that the engine has are proposed, and only where they change something. Nothing that
would need the model to be counted anew is among them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, Final

from schema.catalogue import find
from schema.estimate import memory
from schema.estimate.hardware import Device
from schema.estimate.memory import Need
from schema.estimate.residents import caches_latents, caches_text, previews
from schema.families import family
from schema.pending import waiting_values, waits
from schema.sections.job import TrainerProcess

SHOWN: Final = 3
SMALL_STATES: Final = ("adamw8bit", "adafactor")
"""Optimizers with a smaller state, the most alike first."""
FEWER_PIXELS: Final = (768, 640, 512, 384, 256)
LEAST_SAVED: Final = 0.01
"""A change that saves less than this share of the peak is not worth a word."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """Values by option path, what they mean, and the peak that remains (bytes)."""

    changes: dict[str, Any]
    words: str
    peak: float
    saved: float
    fits: bool

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "changes": self.changes, "words": self.words, "peak": self.peak, "saved": self.saved,
            "fits": self.fits,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Change:
    values: dict[str, Any]
    words: str
    cost: int
    """How much one would rather not: smaller is tried first."""


def remedies(need: Need) -> list[Remedy]:
    """The smallest change that fits, first; else what saves most. Empty where it fits already."""
    room, now = _room(need.device), _peak(need)
    if now is None or room is None or _high(need) <= room:
        return []
    changes = [change for change in _changes(need.process) if _possible(change, need.process)]
    single = [_tried(need, (change,), now, room) for change in changes]
    useful = [
        (change, tried)
        for change, tried in zip(changes, single, strict=True)
        if tried is not None and tried.saved > LEAST_SAVED * now
    ]
    fitting = [tried for _, tried in useful if tried.fits]
    if not fitting:
        fitting = _several(need, [change for change, _ in useful], now, room)
    if fitting:
        return fitting[:SHOWN]
    return sorted((tried for _, tried in useful), key=lambda tried: tried.peak)[:SHOWN]


def _several(need: Need, changes: Sequence[_Change], now: float, room: int) -> list[Remedy]:
    """The cheapest pair or more that fits."""
    for count in range(2, len(changes) + 1):
        groups = sorted(
            (group for group in combinations(changes, count) if _together(group)),
            key=lambda group: sum(change.cost for change in group),
        )
        for group in groups[:200]:
            tried = _tried(need, group, now, room)
            if tried is not None and tried.fits:
                return [tried]
    return []


def _together(group: Sequence[_Change]) -> bool:
    """No option is changed twice."""
    paths = [path for change in group for path in change.values]
    return len(paths) == len(set(paths))


def _tried(need: Need, group: Sequence[_Change], now: float, room: int) -> Remedy | None:
    values = {path: value for change in group for path, value in change.values.items()}
    process = changed(need.process, values)
    if process is None:
        return None
    other = replace(need, process=process, table=_scaled(need, process))
    after = _peak(other)
    if after is None:
        return None
    words = ", ".join(change.words for change in group)
    return Remedy(values, words, after, now - after, _high(other) <= room)


def _scaled(need: Need, process: TrainerProcess) -> Any:
    """The table at the process's own resolution: the old one's sizes, no larger than allowed."""
    side = max((side for dataset in process.datasets for side in dataset.resolutions), default=0)
    table = need.table
    if table is None or not side or table.largest is None:
        return table
    step = need.counts.size_multiple if need.counts else 16
    items: dict[tuple[int, int], int] = {}
    for (width, height), count in table.items.items():
        share = min(1.0, side / (width * height) ** 0.5)
        size = (max(step, int(width * share / step) * step),
                max(step, int(height * share / step) * step))  # fmt: skip
        items[size] = items.get(size, 0) + count
    return replace(table, items=items)


def changed(process: TrainerProcess, values: dict[str, Any]) -> TrainerProcess | None:
    """The process with other values by path; None where they do not go together."""
    data = process.model_dump(exclude_unset=True)
    for path, value in values.items():
        if path == "datasets[].resolution":
            for dataset in data["datasets"]:
                dataset["resolution"] = value
            continue
        if path == "datasets[].cache_latents":
            for dataset in data["datasets"]:
                dataset["cache_latents"] = value
            continue
        section, name = path.split(".")
        given = data.setdefault(section, {})
        given[name] = value
        if name == "optimizer":
            given.pop("optimizer_params", None)
    try:
        return type(process).model_validate(data)
    except ValueError:
        return None


def _possible(change: _Change, process: TrainerProcess) -> bool:
    """Whether engine and family have all that it sets."""
    row = family(process.model.arch)
    for path, value in change.values.items():
        info = find(path, process.type)
        if info is None or waits(path, process.type):
            return False
        if str(value) in waiting_values(path, process.type):
            return False
        if row is not None and not row.can(info.applies_to):
            return False
    return True


def _changes(process: TrainerProcess) -> list[_Change]:
    """What there is to change, from the least harmful on."""
    found = [*_without_loss(process), *_micro_batches(process), *_given_up(process)]
    return sorted(found, key=lambda change: change.cost)


def _without_loss(process: TrainerProcess) -> Iterator[_Change]:
    """What costs time or a little precision, and changes nothing else."""
    train, model = process.train, process.model
    if not caches_latents(process) and not previews(process):
        yield _Change({"datasets[].cache_latents": True}, "cache the latents", 1)
    if not caches_text(process) and not train.train_text_encoder:
        yield _Change({"train.cache_text_embeddings": True}, "cache the captions", 1)
    if not train.gradient_checkpointing:
        words = "gradient checkpointing (slower by about a third)"
        yield _Change({"train.gradient_checkpointing": True}, words, 2)
    for at, name in enumerate(SMALL_STATES):
        if train.optimizer != name:
            yield _Change({"train.optimizer": name}, f"optimizer {name}", 3 + at)
    if not model.quantize and process.network is not None:
        yield _Change({"model.quantize": True}, "8 bit base model", 4)


def _micro_batches(process: TrainerProcess) -> Iterator[_Change]:
    """The same number of pictures an update, in several goes."""
    train = process.train
    batch, cost = train.batch_size, 5
    while batch > 1:
        batch //= 2
        micro = -(-train.batch_size * train.gradient_accumulation // batch)
        values = {"train.batch_size": batch, "train.gradient_accumulation": micro}
        yield _Change(values, f"{micro} micro-batches of {batch}", cost)
        cost += 1


def _given_up(process: TrainerProcess) -> Iterator[_Change]:
    """What one would miss."""
    train = process.train
    if train.ema_config.use_ema:
        yield _Change({"train.ema_config": {"use_ema": False}}, "no averaged weights", 9)
    if previews(process):
        yield _Change({"train.disable_sampling": True}, "no previews", 10)
    if train.train_text_encoder and train.train_unet:
        yield _Change({"train.train_text_encoder": False}, "text encoder not trained", 11)
    now = max((side for dataset in process.datasets for side in dataset.resolutions), default=0)
    for at, side in enumerate(side for side in FEWER_PIXELS if side < now):
        yield _Change({"datasets[].resolution": side}, f"resolution {side}", 12 + 2 * at)


def _peak(need: Need) -> float | None:
    most = memory.peak(memory.phases(need))
    return None if most is None else most.total.value


def _high(need: Need) -> float:
    most = memory.peak(memory.phases(need))
    high = None if most is None else most.total.high
    return float("inf") if high is None else high


def _room(device: Device) -> int | None:
    return device.total
