"""The seed of a run: configured, or drawn once and remembered."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any

from schema.atomic import write_atomic
from schema.run.layout import RunFolder
from schema.sections.job import TrainerProcess


def seed_of(process: TrainerProcess, folder: RunFolder, progress: Mapping[str, Any]) -> int:
    """`training_seed`, else the one of the checkpoint, else the one drawn at the first start."""
    if process.training_seed is not None:
        return process.training_seed
    if "seed" in progress:
        return int(progress["seed"])
    folder.state.mkdir(parents=True, exist_ok=True)
    path = folder.state / "seed.json"
    try:
        return int(json.loads(path.read_text("utf-8"))["seed"])
    except (OSError, ValueError, KeyError, TypeError):
        seed = secrets.randbits(32)
        write_atomic(path, json.dumps({"seed": seed}))
        return seed
