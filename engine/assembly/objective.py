"""What a micro-batch is trained towards: the parts of the loss, from their options.

Every list is filled in the documented order; an option that is off leaves nothing behind.
"""

from __future__ import annotations

from engine.accelerator import Accelerator
from engine.changes.places import ItemWeight, Places
from engine.denoising import Denoising
from engine.example import Kit
from engine.families.base import Family
from engine.losses import compared, element_loss
from engine.networks import Trained
from engine.noise import NoiseProcess, NoiseTable
from engine.targets import MinSnr
from engine.timesteps import Timesteps
from engine.training_noise import TrainingNoise
from schema.sections.job import TrainerProcess
from schema.sections.train import Train


def build_objective(
    process: TrainerProcess, family: Family, accelerator: Accelerator, trained: Trained, seed: int
) -> Denoising:
    """The objective of a denoiser, once per run."""
    train = process.train
    table = family.noise_table().to(accelerator.device)
    return Denoising(
        Kit(family, accelerator, table, seed, trained),
        timesteps=Timesteps(seed, len(table), train.min_denoising_steps, train.max_denoising_steps),
        noise=TrainingNoise(seed, train.noise_offset),
        loss=compared(element_loss(train.loss_type)),
        places=Places(items=_item_weights(train, table)),
        trains_text=train.train_text_encoder,
    )


def _item_weights(train: Train, table: NoiseProcess) -> list[ItemWeight]:
    weights: list[ItemWeight] = []
    if train.min_snr_gamma:
        assert isinstance(table, NoiseTable), "a rule refuses it for other tables"
        weights.append(MinSnr(table, train.min_snr_gamma))
    return weights
