"""What the parts of the objective remember: into the checkpoint, back from it, and beside it.

A part may also keep a few numbers that people read: `<name>.json` in the run's folder, renewed with
every checkpoint. A run that begins afresh in a folder with such a file starts from its numbers.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engine.checkpoint import Checkpoint
from engine.errors import ConfigError
from engine.step import Objective
from schema.atomic import write_atomic

PART = "objective"


def memory_of(objective: Objective, folder: Path) -> dict[str, Any]:
    """A part of a checkpoint, or none; the numbers for people are written."""
    for name, numbers in objective.numbers().items():
        write_atomic(folder / f"{name}.json", json.dumps(numbers, indent=1).encode())
    state = objective.state_dict()
    return {PART: state} if state else {}


def take_up(objective: Objective, saved: Checkpoint | None, folder: Path) -> None:
    """Go on from a checkpoint, or start from numbers that lie there already."""
    if saved is not None:
        if saved.has(PART):
            objective.load_state_dict(saved.load(PART))
        return
    for name in objective.numbers():
        path = folder / f"{name}.json"
        if path.exists():
            try:
                objective.start_from(name, json.loads(path.read_text("utf-8")))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise ConfigError(
                    f"train.{name}",
                    f"{path} does not hold the numbers that it should: {error}.",
                    repair="Remove the file to start from the usual ones.",
                ) from error
