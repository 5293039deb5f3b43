"""What a micro-batch is trained towards: the parts of the loss, from their options."""

from __future__ import annotations

from engine.accelerator import Accelerator
from engine.families.base import Family
from engine.losses import element_loss
from engine.noise import TrainingNoise
from engine.step import Denoising
from engine.targets import ItemWeight, min_snr
from engine.timesteps import Timesteps
from schema.sections.train import Train


def build_objective(family: Family, accelerator: Accelerator, train: Train, seed: int) -> Denoising:
    """The objective of a denoiser; an option that is off leaves nothing behind in it."""
    table = family.noise_table()
    weights: list[ItemWeight] = []
    if train.min_snr_gamma:
        weights.append(min_snr(table, train.min_snr_gamma))
    return Denoising(
        family,
        accelerator,
        seed=seed,
        timesteps=Timesteps(seed, len(table), train.min_denoising_steps, train.max_denoising_steps),
        noise=TrainingNoise(seed, train.noise_offset),
        element_loss=element_loss(train.loss_type),
        weights=weights,
        trains_text=train.train_text_encoder,
    )
