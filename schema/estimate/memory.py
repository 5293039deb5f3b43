"""GPU memory by part and by phase.

A phase is what lies on the device then (`residents`) plus what its work needs on top; the peak of a
run is that of its largest phase. Weights and trained values come from the engine's counts, or for a
model that was not counted from the headers of its files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from schema.estimate import activations
from schema.estimate.counts import Component, Counts, Point, Role
from schema.estimate.figures import Figure, added, nothing, unknown
from schema.estimate.hardware import Device
from schema.estimate.optimizers import state_bytes, updates_in_backward
from schema.estimate.pictures import Table
from schema.estimate.quantized import SPREAD, weight_bytes
from schema.estimate.residents import Phase, caches_text, previews, roles
from schema.formulas.buckets import Size
from schema.formulas.prompts import PreviewRequest
from schema.sections.job import TrainerProcess

FLOAT: Final = 4
BYTES: Final = {"fp32": 4, "bf16": 2, "fp16": 2, "float8": 1}
"""Bytes of a value in each `train.dtype`."""
STEP_SPREAD: Final = 0.1
"""Kernel workspaces and gaps of the allocator, which recording on shapes does not see."""
CONTEXT: Final = 0.6 * 2**30
"""What CUDA and its libraries take for themselves: usually 0.4 to 0.8 GiB."""
PYTHON: Final = 0.6 * 2**30
"""What a worker takes in main memory before it has loaded anything."""
CONTEXT_SPREAD: Final = 0.35
TEXT_TABLE: Final = 256 * 2**20
"""Encoded captions up to this size lie on the device, as `engine.data.cache.TextTable` has it."""

PARTS: Final = {
    "denoiser": "denoiser weights",
    "text_encoder": "text encoder weights",
    "vae": "VAE weights",
    "trained": "trained weights",
    "gradients": "gradients",
    "optimizer": "optimizer state",
    "average": "averaged weights (EMA)",
    "activations": "activations",
    "captions": "encoded captions",
    "system": "the software itself",
}
"""The parts in the order of the table, with their names."""

NOT_COUNTED: Final = "the engine has not counted this model yet"
NOT_MEASURED: Final = "the engine has not measured a step of this model yet"


@dataclass(frozen=True, slots=True)
class PhaseMemory:
    """One phase: its parts by name, in the order of `PARTS`."""

    phase: Phase
    parts: dict[str, Figure]

    @property
    def total(self) -> Figure:
        """All parts; unknown as soon as one is."""
        return added(self.parts.values())


@dataclass(frozen=True, slots=True)
class Need:
    """What memory depends on, gathered once."""

    process: TrainerProcess
    counts: Counts | None
    table: Table | None
    device: Device
    drawn: tuple[PreviewRequest, ...]
    headers: dict[Role, int] | None = None
    """Parameters by role from file headers, where nothing was counted."""


def phases(need: Need) -> list[PhaseMemory]:
    """Every phase that the run will have, in its order."""
    found = [_caching(need)] if roles(need.process, "caching") else []
    found.append(_training(need))
    if previews(need.process):
        found.append(_preview(need))
    found.append(_saving(need))
    return found


def peak(found: list[PhaseMemory]) -> PhaseMemory | None:
    """The phase that needs most; None while one of them is unknown."""
    if any(phase.total.value is None for phase in found):
        return None
    return max(found, key=lambda phase: phase.total.value or 0.0)


def _caching(need: Need) -> PhaseMemory:
    parts = _weights(need, "caching")
    measured = None if need.counts is None else need.counts.activations
    work = [nothing()]
    if "vae" in parts:
        work.append(_largest(need, measured.encode if measured else (), 1, "encoding a picture"))
    if "text_encoder" in parts:
        work.append(_measured(measured.prompt if measured else None, "encoding a caption"))
    known = [figure for figure in work if figure.value is not None]
    # One after the other: the larger counts.
    parts["activations"] = (
        max(known, key=lambda figure: figure.value or 0.0)
        if len(known) == len(work)
        else unknown(_why(need))
    )
    return _phase(need, "caching", parts)


def _training(need: Need) -> PhaseMemory:
    parts = _weights(need, "training") | _learning(need)
    gradients = parts["gradients"] = _gradients(need)
    work = step_work(need)
    if work.value is not None and gradients.value is not None and not _accumulates(need.process):
        # Gradients appear while activations go: what was recorded holds both.
        rest = max(0.0, work.value - gradients.value)
        work = Figure(rest, work.source, work.note, work.spread)
    parts["activations"] = work
    return _phase(need, "training", parts)


def _preview(need: Need) -> PhaseMemory:
    parts = _weights(need, "preview") | _learning(need)
    measured = None if need.counts is None else need.counts.activations
    works = []
    for request in need.drawn:
        pixels = request.width * request.height
        guided = 2 if request.guidance_scale > 1 and not _distilled(need) else 1
        steps = activations.peak(measured.preview if measured else (), guided, pixels)
        decode = activations.peak(measured.decode if measured else (), 1, pixels)
        works.append(None if steps is None or decode is None else max(steps, decode))
    known = [work for work in works if work is not None]
    most = max(known) if known and len(known) == len(works) else None
    parts["activations"] = _measured(most, "drawing the largest preview", why=_why(need))
    return _phase(need, "preview", parts)


def _saving(need: Need) -> PhaseMemory:
    """Weights are cast and copied to main memory a tensor at a time."""
    parts = _weights(need, "saving") | _learning(need)
    counts = need.counts
    if counts is None:
        parts["activations"] = unknown(_why(need))
    else:
        largest = max((_numel(shape) for shape, _ in counts.shapes), default=0)
        parts["activations"] = Figure(FLOAT * largest, "computed", "the largest tensor, cast")
    return _phase(need, "saving", parts)


def _phase(need: Need, phase: Phase, parts: dict[str, Figure]) -> PhaseMemory:
    if phase != "caching" and caches_text(need.process):
        parts["captions"] = _captions(need)
    if need.device.kind == "cuda":
        note = "context and libraries; 0.4 to 0.8 GiB is usual"
        parts["system"] = Figure(CONTEXT, "assumed", note, CONTEXT_SPREAD)
    elif need.device.kind == "cpu":
        note = "Python and its libraries; 0.4 to 0.8 GiB is usual"
        parts["system"] = Figure(PYTHON, "assumed", note, CONTEXT_SPREAD)
    return PhaseMemory(phase, {name: parts[name] for name in PARTS if name in parts})


# -- parts -----------------------------------------------------------------------------------------


def _weights(need: Need, phase: Phase) -> dict[str, Figure]:
    there = roles(need.process, phase)
    order: tuple[Role, ...] = ("denoiser", "text_encoder", "vae")
    return {role: _weights_of(need, role, phase) for role in order if role in there}


def _weights_of(need: Need, role: Role, phase: Phase) -> Figure:
    plain = _plain_bytes(need.process, role, phase)
    if need.counts is None:
        if need.headers is None or role not in need.headers:
            return unknown(_why(need))
        note = "from the headers of the model's files"
        return Figure(float(need.headers[role] * plain), "counted", note, 0.01)
    components = need.counts.of(role)
    qtype = _qtype(need.process, role)
    total = sum(_stored(part, qtype, plain) for part in components)
    count = sum(part.parameters for part in components)
    note = f"{_millions(count)} parameters in {qtype or f'{8 * plain} bit'}"
    offloaded = _offloaded(need.process, role)
    if offloaded:
        note = f"{note}, {offloaded:.0%} of the layers in main memory"
        return Figure(total * (1 - offloaded), "computed", note, 0.1)
    return Figure(total, "computed" if qtype else "counted", note, SPREAD if qtype else 0.0)


def _stored(part: Component, qtype: str | None, plain: int) -> float:
    if qtype is None:
        return part.parameters * plain + part.buffers
    return weight_bytes(part.linear, part.parameters - part.linear, qtype, plain) + part.buffers


def _plain_bytes(process: TrainerProcess, role: Role, phase: Phase) -> int:
    """Weights that are trained whole are kept in float32, once they are loaded for training."""
    train = process.train
    exact = (role == "denoiser" and train.train_unet) or (
        role == "text_encoder" and train.train_text_encoder
    )
    whole = process.fine_tunes and exact and phase != "caching"
    return FLOAT if whole else BYTES[train.dtype]


def _qtype(process: TrainerProcess, role: Role) -> str | None:
    model = process.model
    if role == "denoiser" and model.quantize:
        return model.qtype
    few = model.quantize if model.quantize_te is None else model.quantize_te
    return model.qtype_te if role == "text_encoder" and few else None


def _offloaded(process: TrainerProcess, role: Role) -> float:
    model = process.model
    if not model.layer_offloading or role == "vae":
        return 0.0
    if role == "denoiser":
        return model.layer_offloading_transformer_percent
    return model.layer_offloading_text_encoder_percent


def _learning(need: Need) -> dict[str, Figure]:
    """What stays on the device from the first update on: trained weights, optimizer, average."""
    counts, process = need.counts, need.process
    names = ["optimizer"] + ([] if process.fine_tunes else ["trained"])
    average = process.train.ema_config.use_ema
    if average:
        names.append("average")
    if counts is None:
        return {name: unknown(_why(need)) for name in names}
    train, count = process.train, counts.trained_parameters
    params = train.optimizer_params.model_dump(exclude_none=True)
    state = state_bytes(train.optimizer, params, counts.shapes)
    found = {
        "optimizer": Figure(float(state), "computed", f"{train.optimizer}, its documented state")
    }
    if not process.fine_tunes:
        note = f"{_millions(count)} parameters in 32 bit"
        found["trained"] = Figure(float(FLOAT * count), "counted", note)
    if average:
        found["average"] = Figure(float(FLOAT * count), "counted", "a copy in 32 bit")
    return found


def _gradients(need: Need) -> Figure:
    if need.counts is None:
        return unknown(_why(need))
    train = need.process.train
    params = train.optimizer_params.model_dump(exclude_none=True)
    if updates_in_backward(train.optimizer, params):
        return nothing("used and dropped one by one in the backward pass")
    return Figure(float(FLOAT * need.counts.trained_parameters), "counted", "32 bit each")


def _accumulates(process: TrainerProcess) -> bool:
    train = process.train
    return train.gradient_accumulation > 1 or train.gradient_accumulation_steps != 1


def step_work(need: Need, size: Size | None = None) -> Figure:
    """The most that forward and backward of a micro-batch need beside weights, at one training size
    or at the largest of the dataset.
    """
    measured = None if need.counts is None else need.counts.activations
    if measured is None:
        return unknown(_why(need))
    train = need.process.train
    points = measured.checkpointed if train.gradient_checkpointing else measured.plain
    how = "recomputed in the backward pass" if train.gradient_checkpointing else "kept whole"
    if size is None:
        return _largest(need, points, train.batch_size, how)
    value = activations.peak(points, train.batch_size, size[0] * size[1])
    return _measured(value, f"{size[0]}x{size[1]}, {how}")


def _largest(need: Need, points: tuple[Point, ...], batch: int, what: str) -> Figure:
    size, guessed = largest_size(need)
    value = activations.peak(points, batch, size[0] * size[1])
    each = f"{batch} of " if batch > 1 else ""
    note = f"{what}: {each}{size[0]}x{size[1]}"
    note += " (no pictures found: a square)" if guessed else ""
    return _measured(value, note, why=_why(need))


def largest_size(need: Need) -> tuple[Size, bool]:
    """The largest training size, and whether it is a guess: the resolution's square."""
    found = None if need.table is None else need.table.largest
    if found is not None:
        return found, False
    sides = [side for dataset in need.process.datasets for side in dataset.resolutions]
    side = max(sides, default=512)
    return (side, side), True


def _measured(value: float | None, note: str, why: str = NOT_MEASURED) -> Figure:
    if value is None:
        return unknown(why)
    return Figure(value, "measured", note, STEP_SPREAD)


def _captions(need: Need) -> Figure:
    if need.counts is None:
        return unknown(_why(need))
    if need.table is None or need.table.missing:
        return Figure(float(need.counts.prompt_bytes), "computed", "captions not found yet", 1.0)
    size = float(need.table.captions * need.counts.prompt_bytes)
    if size > TEXT_TABLE:
        return nothing("too many for the GPU: they stay in main memory")
    return Figure(size, "computed", f"at most {need.table.captions} captions", 0.0)


def _distilled(need: Need) -> bool:
    from schema.families import family

    row = family(need.process.model.arch)
    return row is not None and "guidance_embedding" in row.capabilities


def _why(need: Need) -> str:
    if need.counts is None:
        return NOT_COUNTED
    return need.counts.notes[0] if need.counts.notes else NOT_MEASURED


def _numel(shape: tuple[int, ...]) -> int:
    total = 1
    for extent in shape:
        total *= extent
    return total


def _millions(count: int) -> str:
    if count >= 1e9:
        return f"{count / 1e9:.2f} billion"
    return f"{count / 1e6:.2f} million" if count >= 1e5 else f"{count:,}"
