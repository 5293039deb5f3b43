"""What is kept of a run: its weights files, its checkpoints, and what goes into them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from engine.accelerator import Accelerator
from engine.assembly.learned import numbered_files
from engine.assembly.memory import memory_of
from engine.assembly.optimization import Optimization
from engine.data.loader import DataSource
from engine.jobs import Session
from engine.networks import Trained
from engine.saving import Saver, file_metadata, parts
from engine.step import Objective
from schema.sections.job import TrainerProcess


@dataclass(frozen=True)
class Kept:
    """The parts of a run that a checkpoint holds."""

    trained: Trained
    learning: Optimization
    accelerator: Accelerator
    source: DataSource
    objective: Objective


def build_saver(
    session: Session,
    process: TrainerProcess,
    kept: Kept,
    facts: dict[str, Any],
    steps_per_epoch: int,
) -> Saver:
    """What saves the run; `facts` are what a resumed session compares itself with."""
    full = process.fine_tunes or process.train.merge_network_on_save
    suffix = {"diffusers": "", "ckpt": ".ckpt"}.get(process.save.save_format, ".safetensors")
    return Saver(
        session.folder,
        session.report,
        kept.trained,
        process.save,
        ema=kept.learning.ema,
        suffix=suffix if full else ".safetensors",
        state=_state_of(session, process, kept, facts),
        metadata=lambda step: file_metadata(
            session.job, process.trigger_word, step, step // steps_per_epoch
        ),
        beside=numbered_files(process, session.folder.name),
    )


def _state_of(
    session: Session, process: TrainerProcess, kept: Kept, facts: dict[str, Any]
) -> Callable[[int], dict[str, Any]]:
    optimizer = process.train.optimizer

    def state(step: int) -> dict[str, Any]:
        progress = {
            "step": step,
            "optimizer": optimizer,
            "accelerator": kept.accelerator.state_dict(),
            "batches": kept.source.state_dict(),
            "job": session.job.model_dump(mode="json"),
            "torch": torch.__version__,
            **facts,
        }
        learning = kept.learning
        found = parts(kept.trained, learning.optimizer, learning.ema, progress)
        return found | memory_of(kept.objective, session.folder.path)

    return state
