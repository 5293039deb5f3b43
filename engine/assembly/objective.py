"""What a micro-batch is trained towards: the parts of the loss, from their options.

Every list is filled in the documented order; an option that is off leaves nothing behind.
"""

from __future__ import annotations

from engine.accelerator import Accelerator
from engine.changes.next_sample import NextSample
from engine.changes.places import Change, ElementWeight, ItemWeight, Places
from engine.denoising import Denoising
from engine.example import Kit
from engine.exploding import training_table
from engine.families.base import Family
from engine.flow import FlowTable
from engine.losses import compared, element_loss
from engine.losses.level_weights import LevelWeight
from engine.networks import Trained
from engine.noise import NoiseProcess, NoiseTable
from engine.targets import MinSnr
from engine.timesteps import Timesteps, build_timesteps
from engine.training_noise import TrainingNoise
from schema.formulas.timesteps import level_weights
from schema.sections.job import TrainerProcess
from schema.sections.train import Train


def build_objective(
    process: TrainerProcess, family: Family, accelerator: Accelerator, trained: Trained, seed: int
) -> Denoising:
    """The objective of a denoiser, once per run."""
    train = process.train
    table = training_table(family.noise_table(), train.noise_scheduler).to(accelerator.device)
    timesteps = build_timesteps(train, table, family.image_tokens, seed)
    return Denoising(
        Kit(family, accelerator, table, seed, trained),
        timesteps=timesteps,
        noise=TrainingNoise(seed, train.noise_offset),
        loss=compared(element_loss(train.loss_type)),
        places=Places(
            input=_input(train, timesteps),
            elements=_element_weights(train, table, accelerator),
            items=_item_weights(train, table),
        ),
        trains_text=train.train_text_encoder,
    )


def _input(train: Train, timesteps: Timesteps) -> list[Change]:
    return [NextSample(timesteps)] if train.timestep_type == "next_sample" else []


def _element_weights(
    train: Train, table: NoiseProcess, accelerator: Accelerator
) -> list[ElementWeight]:
    if not isinstance(table, FlowTable):
        return []
    levels = level_weights(train.timestep_type, train.linear_timesteps, train.linear_timesteps2)
    return [] if levels is None else [LevelWeight(levels, accelerator.device)]


def _item_weights(train: Train, table: NoiseProcess) -> list[ItemWeight]:
    weights: list[ItemWeight] = []
    if train.min_snr_gamma:
        assert isinstance(table, NoiseTable), "a rule refuses it for other tables"
        weights.append(MinSnr(table, train.min_snr_gamma))
    return weights
