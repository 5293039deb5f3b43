"""Validation of a run, from its options: what is read before training, what measures during it."""

from __future__ import annotations

from collections.abc import Sequence

from engine.accelerator import Accelerator
from engine.assembly.learned import trigger_of
from engine.example import Kit
from engine.exploding import training_table
from engine.families.base import Family
from engine.networks import Trained
from engine.report import Report
from engine.validation.held_out import HeldOut, encode
from engine.validation.validating import Schedule, Validation
from schema.sections.job import TrainerProcess


def read_held_out(process: TrainerProcess, family: Family, report: Report) -> list[HeldOut]:
    """The held-out pictures, while VAE and text encoders are there; none where nothing is asked."""
    config = process.train.validation_config
    if config is None or not config.validation_items:
        return []
    return encode(config, family, trigger_of(process), report.progress)


def build_validation(
    process: TrainerProcess,
    family: Family,
    accelerator: Accelerator,
    trained: Trained,
    pictures: Sequence[HeldOut],
    seed: int,
) -> Validation | None:
    """What measures them; None without pictures."""
    train, config = process.train, process.train.validation_config
    if config is None:
        return None
    schedule = Schedule((train.start_step or 0) + 1, config.validate_every_n_steps or 0)
    sigmas = config.validation_sigmas
    if not pictures:
        return None
    table = training_table(family.noise_table(), train.noise_scheduler).to(accelerator.device)
    kit = Kit(family, accelerator, table, seed, trained)
    trains_text = train.train_text_encoder or process.embedding is not None
    return Validation(kit, pictures, sigmas, schedule, trains_text=trains_text)
