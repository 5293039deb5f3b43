"""How long things took in earlier runs on this machine: the only source of step times.

A finished (or stopped) run leaves its times in its folder; `harvest` reads those of every known run
of this host once and keeps them in the state folder, where they outlive the run. A time counts for
another config only if device, model, network, sizes and everything else that a step's time hangs
on are the same: its signature.
"""

from __future__ import annotations

import hashlib
import json
import socket
import statistics
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from schema.document import Document
from schema.estimate.hardware import Machine, device_of
from schema.findings import ConfigError
from schema.home import state_dir
from schema.run.events import read_events
from schema.run.files import read_json, replace_json
from schema.run.layout import RunFolder
from schema.run.metrics import TIME, MetricsReader
from schema.run.registry import known_runs
from schema.run.status import ENDED, State, read_status
from schema.sections.job import TrainerProcess

FIRST: Final = 3
"""Steps at the start that are slower than the rest."""
LEAST: Final = 8
"""Steps below which a run's time says nothing."""
PARTS: Final = 32
KEPT: Final = 2000
"""Runs in the index; the oldest go."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What one run took, in seconds; None for what it never did.

    `picture` is the caching of one picture, `preview` one picture drawn, `save` one save. `memory`
    is the most bytes that the whole card had in use.
    """

    name: str
    ended: float
    steps: int
    step: float
    picture: float | None = None
    preview: float | None = None
    save: float | None = None
    memory: float | None = None


def index_file() -> Path:
    """Where the times of earlier runs are kept."""
    return state_dir() / "estimates" / "pace.json"


def signature(process: TrainerProcess, device: str) -> str:
    """What a step's time hangs on, as a hash."""
    train, model, network = process.train, process.model, process.network
    datasets = process.datasets
    about: dict[str, Any] = {
        "device": device,
        "model": model.model_dump(mode="json"),
        "network": None if network is None else network.model_dump(mode="json"),
        "sizes": sorted({side for dataset in datasets for side in dataset.resolutions}),
        "cached": [
            all(d.cache_latents or d.cache_latents_to_disk for d in datasets),
            train.cache_text_embeddings or all(d.cache_text_embeddings for d in datasets),
            train.unload_text_encoder,
        ],
        "train": train.model_dump(mode="json", exclude=set(_FREE)),
    }
    text = json.dumps(about, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


_FREE: Final = (
    "steps", "lr", "unet_lr", "text_encoder_lr", "lr_scheduler", "lr_scheduler_params",
    "max_grad_norm", "skip_first_sample", "force_first_sample", "disable_sampling", "noise_offset",
    "min_denoising_steps", "max_denoising_steps", "min_snr_gamma", "snr_gamma",
)  # fmt: skip
"""Options of `train:` that change a run and not the time of a step."""


def measured(process: TrainerProcess, device: str) -> Pace | None:
    """The newest run of the same signature."""
    rows = (read_json(index_file()) or {}).get("runs", {})
    wanted = signature(process, device)
    found = [row["pace"] for row in rows.values() if row.get("signature") == wanted]
    if not found:
        return None
    return Pace(**max(found, key=lambda row: float(row["ended"])))


def harvest(machine: Machine, runs: Iterable[RunFolder] | None = None) -> int:
    """Read the times of runs that have ended since the last look; how many were new."""
    known: dict[str, Any] = (read_json(index_file()) or {}).get("runs", {})
    new = 0
    for folder in known_runs() if runs is None else runs:
        record = read_status(folder)
        ended = record.get("updated")
        name = f"{folder.about().get('id')} {folder.path}"
        finished = record.get("state") in ENDED and isinstance(ended, (int, float))
        if not finished or record.get("host") != socket.gethostname():
            continue
        if known.get(name, {}).get("ended") == ended:
            continue
        new += 1
        known[name] = {"ended": ended} | _entry(folder, machine, record)
    if new:
        newest = sorted(known.items(), key=lambda row: float(row[1]["ended"]))[-KEPT:]
        _keep({"v": 1, "runs": dict(newest)})
    return new


def _keep(value: dict[str, Any]) -> None:
    try:
        index_file().parent.mkdir(parents=True, exist_ok=True)
        replace_json(index_file(), value)
    except OSError:
        return  # a read-only home: times are read again next time


def _entry(folder: RunFolder, machine: Machine, record: dict[str, Any]) -> dict[str, Any]:
    """Signature and times of a run; empty for one that says nothing about time."""
    try:
        process = Document.load(folder.config).typed().trainer
    except (ConfigError, OSError, ValueError, LookupError):
        return {}
    pace = read_pace(folder, float(record["updated"]))
    if pace is None:
        return {}
    device = device_of(str(record.get("device") or process.device or "cpu"), machine).name
    return {"signature": signature(process, device), "device": device, "pace": asdict(pace)}


def read_pace(folder: RunFolder, ended: float) -> Pace | None:
    """The times of one run from its record; None for a run of a few steps."""
    reader = MetricsReader(folder.metrics)
    step = step_seconds(reader)
    if step is None:
        return None
    first, last = reader.span() or (1, 1)
    spent = _spent(folder)
    memory = reader.summary("memory")
    return Pace(
        name=folder.name,
        ended=ended,
        steps=last - first + 1,
        step=step,
        picture=spent.get("picture"),
        preview=spent.get("preview"),
        save=spent.get("save"),
        memory=None if memory is None or not memory.finite else memory.hi,
    )


def step_seconds(reader: MetricsReader) -> float | None:
    """The usual time from one step to the next, data and recording included.

    The median over parts of the run, so that saves, previews and pauses between two steps do not
    count. It is taken from when steps were done, not from how long the processor was busy: a GPU
    works on after the processor has gone ahead.
    """
    span = reader.span()
    if span is None or span[1] - span[0] - FIRST < LEAST:
        return None
    first, last = span[0] + FIRST, span[1]
    parts = min(PARTS, last - first)
    keys = [first + (last - first) * part // parts for part in range(parts + 1)]
    rows = [next(reader.values(TIME, key, last)) for key in keys]
    return statistics.median((t1 - t0) / (k1 - k0) for (k0, t0), (k1, t1) in pairwise(rows))


def _spent(folder: RunFolder) -> dict[str, float]:
    """Seconds a picture cached, a preview, a save, from the run's events."""
    state, since = "", 0.0
    seconds: dict[str, list[float]] = {}
    drawn = 0
    cached = 0
    for event in read_events(folder):
        kind, at = event["kind"], float(event.get("t", 0.0))
        if kind == "state":
            seconds.setdefault(state, []).append(at - since)
            state, since = str(event.get("state")), at
        elif kind == "sample":
            drawn += 1
        elif kind == "progress" and event.get("phase") == "caching latents":
            cached = max(cached, int(event.get("total") or 0))
    found: dict[str, float] = {}
    if drawn:
        found["preview"] = sum(seconds.get(State.SAMPLING, [])) / drawn
    if cached:
        found["picture"] = sum(seconds.get(State.CACHING, [])) / cached
    if seconds.get(State.SAVING):
        found["save"] = statistics.median(seconds[State.SAVING])
    return found
