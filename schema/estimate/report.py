"""The whole estimate of a config, as one object: for the command line, the app and scripts."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schema.estimate import disk as disk_module
from schema.estimate import duration, memory
from schema.estimate.counts import Counts
from schema.estimate.disk import Disk
from schema.estimate.duration import Time
from schema.estimate.figures import Figure, known_part
from schema.estimate.hardware import Device, Machine, device_of
from schema.estimate.headers import parameters
from schema.estimate.memory import Need, PhaseMemory
from schema.estimate.pace import Pace, measured
from schema.estimate.pictures import table_of
from schema.estimate.remedies import Remedy, remedies
from schema.estimate.residents import decodes
from schema.estimate.scope import model_path
from schema.families import family
from schema.formulas.buckets import Size
from schema.formulas.prompts import PreviewRequest, preview_requests
from schema.sections.job import JobFile, TrainerProcess


@dataclass(frozen=True, slots=True)
class Bucket:
    """One training size: how many items have it, and what a micro-batch of it needs."""

    size: Size
    items: int
    work: Figure


@dataclass(frozen=True, slots=True)
class Estimate:
    """Everything about one config on one machine."""

    name: str
    device: Device
    phases: tuple[PhaseMemory, ...]
    buckets: tuple[Bucket, ...]
    time: Time
    disk: Disk
    remedies: tuple[Remedy, ...]
    trained: int | None
    parameters: dict[str, int]
    notes: tuple[str, ...] = ()

    @property
    def peak(self) -> PhaseMemory | None:
        """The phase that needs most memory; None while something is unknown."""
        return memory.peak(list(self.phases))

    @property
    def least(self) -> float:
        """What is known to be needed, while the peak is not."""
        return max((known_part(phase.parts.values()) for phase in self.phases), default=0.0)

    @property
    def fits(self) -> str:
        """`fits`, `tight` (within the uncertainty), `does not fit` or `unknown`."""
        most = self.peak
        total = self.device.total
        if total is None:
            return "unknown"
        if most is None:
            return "does not fit" if self.least > total else "unknown"
        return verdict(most.total, total)

    def as_json(self) -> dict[str, Any]:
        """Plain values; bytes, seconds."""
        most = self.peak
        return {
            "name": self.name,
            "device": {
                "kind": self.device.kind, "label": self.device.label,
                "total": self.device.total, "used": self.device.used,
            },
            "fits": self.fits,
            "memory": {
                "peak": None if most is None else most.total.as_json(),
                "phase": None if most is None else most.phase,
                "at_least": self.least,
                "phases": {
                    phase.phase: {
                        "total": phase.total.as_json(),
                        "parts": {name: part.as_json() for name, part in phase.parts.items()},
                    }
                    for phase in self.phases
                },
            },
            "parameters": self.parameters,
            "trained_parameters": self.trained,
            "buckets": [
                {"size": list(b.size), "items": b.items, "activations": b.work.as_json()}
                for b in self.buckets
            ],
            "time": {
                "step": self.time.step.as_json(),
                "total": self.time.total.as_json(),
                "parts": {name: part.as_json() for name, part in self.time.parts.items()},
            },
            "disk": {
                "total": self.disk.total.as_json(),
                "free": self.disk.free,
                "parts": {name: part.as_json() for name, part in self.disk.parts.items()},
            },
            "remedies": [remedy.as_json() for remedy in self.remedies],
            "notes": list(self.notes),
        }  # fmt: skip


def verdict(total: Figure, room: int) -> str:
    """How a peak stands to the memory of a card."""
    assert total.value is not None
    assert total.high is not None
    if total.high <= room:
        return "fits"
    return "tight" if total.value <= room else "does not fit"


def estimate(
    job: JobFile,
    machine: Machine,
    counts: Counts | None,
    base: Path,
    *,
    why: str = "",
) -> Estimate:
    """The estimate of a job's training process.

    `counts` are the engine's on this config (None while there are none: `why` says the reason);
    `base` is the folder that relative paths count from. Looks at the pictures' headers and at what
    earlier runs left in the state folder; call `pace.harvest` before.
    """
    process = job.trainer
    row = family(process.model.arch)
    device = device_of(process.device, machine)
    place = model_path(process.model.name_or_path, base)
    headers = parameters(place, row) if counts is None and place and row else None
    multiple = counts.size_multiple if counts else (row.bucket_step if row else 16)
    need = Need(process, counts, table_of(process, multiple, base), device, drawn(process), headers)
    found = tuple(memory.phases(need))
    pace: Pace | None = measured(process, device.name)
    return Estimate(
        name=job.config.name,
        device=device,
        phases=found,
        buckets=tuple(_buckets(need)),
        time=duration.time(need, pace),
        disk=disk_module.disk(need, _free(base / Path(process.training_folder).expanduser())),
        remedies=tuple(remedies(need)),
        trained=None if counts is None else counts.trained_parameters,
        parameters={} if counts is None else {c.name: c.parameters for c in counts.components},
        notes=_notes(need, why),
    )


def drawn(process: TrainerProcess) -> tuple[PreviewRequest, ...]:
    """The previews of one round; none where their flags cannot be read, which `check` reports."""
    section = process.sample.model_dump(exclude={"samples", "prompts"})
    items = [item.model_dump() for item in process.sample.items]
    try:
        return tuple(preview_requests(section, items, process.trigger_word))
    except ValueError:
        return ()


def _buckets(need: Need) -> list[Bucket]:
    table = need.table
    if table is None:
        return []
    return [
        Bucket(size, items, memory.step_work(need, size)) for size, items in table.items.items()
    ]


def _notes(need: Need, why: str) -> tuple[str, ...]:
    """What the reader should know about the figures."""
    notes = [why] if why else []
    if need.counts is not None:
        notes += need.counts.notes
    table = need.table
    if table is not None and table.missing:
        notes.append(f"not found: {', '.join(table.missing)}")
    if table is not None and table.sampled:
        notes.append(f"sizes were read from some of the {table.pictures:,} pictures")
    if decodes(need.process.train):
        notes.append("the loss decodes pictures: a step needs more than its activations here")
    if need.process.model.split_model_over_gpus:
        notes.append("split over GPUs: the figures are for all cards together")
    return tuple(dict.fromkeys(notes))


def _free(folder: Path) -> int | None:
    """Free bytes where the folder is or would be."""
    place = folder.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        return shutil.disk_usage(place).free
    except OSError:
        return None
