"""Disk that a run will have filled when it ends: files for people, checkpoints, caches, previews,
and the run's own record.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from schema.estimate.figures import Figure, added, in_bytes, nothing, unknown
from schema.estimate.memory import FLOAT, NOT_COUNTED, Need
from schema.estimate.optimizers import state_bytes
from schema.estimate.residents import previews
from schema.sections.job import TrainerProcess

SAVE_BYTES: Final = {"float16": 2, "bf16": 2, "float32": 4, "float8": 1}
STATES_KEPT: Final = 2
"""Checkpoints for exact resume that stay (`engine.saving`)."""
HEADER: Final = 80
"""Letters of a safetensors header entry besides the tensor's name."""
ENTRY: Final = 80
"""Bytes of a cache file besides its tensors."""
METADATA: Final = 2500
"""Bytes of a weights file's own description."""
PROGRESS: Final = 16_000
"""Bytes of a checkpoint's manifest and of the config in it."""
PIXEL: Final = {"jpg": 0.35, "webp": 0.2, "png": 1.6}
"""Bytes of a pixel of a preview; depends on the picture."""
THUMBNAIL: Final = 9000
STEP: Final = 16 * 8
"""Bytes that a step leaves in the record: eight series of a key and a value."""
SERIES_LEVELS: Final = 1.1
"""Summaries for charts of any length, beside the values themselves."""

PARTS: Final = {
    "weights": "saved weights",
    "checkpoints": "checkpoints to resume",
    "latents": "cached latents",
    "captions": "cached captions",
    "previews": "previews",
    "record": "record of the run",
}


@dataclass(frozen=True, slots=True)
class Disk:
    """Bytes by part; `free` is what the disk of the output folder has left, None if unknown."""

    parts: dict[str, Figure]
    free: int | None = None

    @property
    def total(self) -> Figure:
        """All parts."""
        return added(self.parts.values())


def disk(need: Need, free: int | None) -> Disk:
    """Every part of the run's disk."""
    found = {
        "weights": _weights(need),
        "checkpoints": _checkpoints(need),
        "latents": _latents(need),
        "captions": _captions(need),
        "previews": _previews(need),
        "record": _record(need.process),
    }
    return Disk({name: found[name] for name in PARTS}, free)


def saves(process: TrainerProcess) -> int:
    """How often a run saves with a step in the name: at multiples, and after the last step."""
    steps, every = process.train.steps, process.save.save_every or 0
    if not every:
        return 1
    return steps // every + (1 if steps % every else 0)


def rounds(process: TrainerProcess) -> int:
    """How many rounds of previews there are: before, at multiples, after the last step."""
    if not previews(process):
        return 0
    train, every = process.train, process.sample.sample_every or 0
    between = (train.steps - 1) // every if every else 0
    return between + 1 + (0 if train.skip_first_sample else 1)


def filein_bytes(need: Need) -> Figure:
    """One file of saved weights."""
    counts, process = need.counts, need.process
    if counts is None:
        return unknown(NOT_COUNTED)
    width = SAVE_BYTES[process.save.dtype]
    if process.fine_tunes:
        total = sum(part.parameters for part in counts.components)
        note = "the whole model with text encoders and VAE"
        return Figure(float(total * width), "counted", note, 0.02)
    names = sum(group.names + HEADER * group.tensors for group in counts.trained)
    size = counts.trained_parameters * width + names + METADATA
    return Figure(float(size), "counted", f"{process.save.dtype}", 0.02)


def _weights(need: Need) -> Figure:
    one, process = filein_bytes(need), need.process
    if one.value is None:
        return one
    keep = process.save.max_step_saves_to_keep
    count = min(saves(process), keep) if keep else saves(process)
    size = in_bytes(one.value)
    note = f"{count} of {saves(process)} saves and the final one, {size} each"
    return Figure(one.value * (count + 1), one.source, note, one.spread)


def _checkpoints(need: Need) -> Figure:
    counts, train = need.counts, need.process.train
    if counts is None:
        return unknown(NOT_COUNTED)
    params = train.optimizer_params.model_dump(exclude_none=True)
    copies = FLOAT * counts.trained_parameters * (2 if train.ema_config.use_ema else 1)
    names = sum(group.names for group in counts.trained)
    tensors = sum(group.tensors for group in counts.trained)
    one = copies + state_bytes(train.optimizer, params, counts.shapes)
    # Names stand in the header and in the index; an optimizer has three entries a tensor.
    one += 2 * names + 7 * HEADER * tensors + PROGRESS
    count = min(STATES_KEPT, saves(need.process))
    note = f"the newest {count}, {in_bytes(one)} each" if count > 1 else "one"
    return Figure(float(one * count), "computed", note, 0.03)


def _latents(need: Need) -> Figure:
    if not any(dataset.cache_latents_to_disk for dataset in need.process.datasets):
        return nothing("not cached on disk")
    if need.counts is None:
        return unknown(NOT_COUNTED)
    table = need.table
    if table is None or table.missing:
        return unknown("the pictures were not found")
    values = need.counts.latent_values
    size = sum(
        count * (FLOAT * values * width * height + ENTRY)
        for (width, height), count in table.latents_on_disk.items()
    )
    spread = 0.1 if table.sampled else 0.01
    note = f"{sum(table.latents_on_disk.values()):,} pictures; less where they lie there already"
    return Figure(size, "computed", note, spread)


def _captions(need: Need) -> Figure:
    train, datasets = need.process.train, need.process.datasets
    if not (train.cache_text_embeddings or any(d.cache_text_embeddings for d in datasets)):
        return nothing("not cached on disk")
    if need.counts is None:
        return unknown(NOT_COUNTED)
    if need.table is None or need.table.missing:
        return unknown("the captions were not found")
    count = need.table.captions_on_disk
    note = f"at most {count:,} different captions"
    return Figure(float(count * (need.counts.prompt_bytes + ENTRY)), "computed", note, 0.02)


def _previews(need: Need) -> Figure:
    process = need.process
    if not rounds(process):
        return nothing("none are drawn")
    pixel = PIXEL.get(process.sample.format)
    if pixel is None:
        return unknown(f"the size of {process.sample.format} files")
    one = sum(request.width * request.height * pixel + THUMBNAIL for request in need.drawn)
    note = f"{rounds(process)} rounds of {len(need.drawn)} as {process.sample.format}"
    return Figure(rounds(process) * one, "assumed", note, 0.6)


def _record(process: TrainerProcess) -> Figure:
    size = process.train.steps * STEP * SERIES_LEVELS + 20_000
    return Figure(size, "computed", "curves and log", 0.5)
