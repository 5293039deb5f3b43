"""Counts, devices and configs for tests of the estimate; the figures are round on purpose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from schema.estimate.counts import Activations, Component, Counts, Group, Point
from schema.estimate.hardware import Device
from schema.estimate.memory import Need
from schema.estimate.pictures import Table
from schema.estimate.report import drawn
from schema.sections.job import JobFile, TrainerProcess

MIB = 2**20
SQUARE = 512 * 512


def points(each: int) -> tuple[Point, ...]:
    """`each` bytes a picture of 512 x 512, in proportion to its pixels."""
    found = []
    for batch in (1, 2):
        for share in (0.25, 1.0):
            size = round(batch * share * each)
            found.append(Point(batch, round(share * SQUARE), size, size))
    return tuple(found)


COUNTS = Counts(
    arch="sd1",
    size_multiple=16,
    components=(
        Component("unet", "denoiser", 100 * MIB, 60 * MIB),
        Component("text_encoder", "text_encoder", 20 * MIB, 20 * MIB),
        Component("vae", "vae", 10 * MIB, 0),
    ),
    trained=(Group("unet", 2 * MIB, 64, 4000, (((1024, 1024), 2),)),),
    prompt_bytes=1000,
    latent_values=4 / 64,
    activations=Activations(
        points(200 * MIB), points(50 * MIB), points(20 * MIB), points(30 * MIB),
        points(40 * MIB), 5 * MIB,
    ),
)  # fmt: skip
"""A model of 100 Mi parameters with a LoRA of 2 Mi; 200 MiB a picture, 50 with checkpointing."""


def job(changes: dict[str, Any] | None = None, folder: Path | None = None) -> JobFile:
    """A config; `changes` are by option path (`train.batch_size`), datasets' ones for the first."""
    process: dict[str, Any] = {
        "type": "sd_trainer",
        "training_folder": str(folder or "nowhere"),
        "model": {"name_or_path": "some/model", "arch": "sd1"},
        "network": {"type": "lora", "linear": 4, "linear_alpha": 4},
        "datasets": [{"folder_path": str(folder or "pictures"), "resolution": 512}],
        "train": {
            "steps": 100, "batch_size": 1, "dtype": "bf16", "gradient_checkpointing": False,
            "disable_sampling": True,
        },
        "save": {"save_every": 50},
    }  # fmt: skip
    for path, value in (changes or {}).items():
        *sections, name = path.split(".")
        place = process
        for section in sections:
            place = place[section][0] if section == "datasets" else place.setdefault(section, {})
        place[name] = value
    return JobFile.model_validate(
        {"job": "extension", "config": {"name": "x", "process": [process]}}
    )


def process_of(changes: dict[str, Any] | None = None, folder: Path | None = None) -> TrainerProcess:
    """The config's process."""
    return job(changes, folder).trainer


def need(
    changes: dict[str, Any] | None = None,
    counts: Counts | None = COUNTS,
    room: float | None = None,
    table: Table | None = None,
) -> Need:
    """What memory and disk depend on; `room` is a GPU's memory in MiB."""
    process = process_of(changes)
    total = None if room is None else round(room * MIB)
    device = Device("cuda", "GPU 0: Test", total) if room is not None else Device("mps", "mps")
    found = table or Table({(512, 512): 10}, 10, 11, {}, 0)
    return Need(process, counts, found, device, drawn(process))
