"""What a micro-batch is trained towards: the parts of the step, from their options.

Every list is filled in the documented order; an option that is off leaves nothing behind.
"""

from __future__ import annotations

from engine.accelerator import Accelerator
from engine.assembly import changes, loss
from engine.assembly.guidance import Guidance, build_guidance
from engine.changes.free_u import FreeU
from engine.changes.next_sample import NextSample
from engine.changes.places import Change, ElementWeight, Places
from engine.changes.strength import DatasetStrength, WeightJitter
from engine.data.cache import TextTable
from engine.data.captions import new_words
from engine.denoising import Denoising
from engine.example import Kit
from engine.exploding import training_table
from engine.families.base import REFINER, Family
from engine.flow import FlowTable
from engine.guidance.prompts import Wording
from engine.losses.level_weights import LevelWeight
from engine.losses.pixels import Watcher
from engine.networks import Trained
from engine.noise import NoiseProcess
from engine.prompts.decorator import Decorator
from engine.refining import Refining
from engine.timesteps import Timesteps, build_timesteps
from schema.formulas.timesteps import level_weights
from schema.sections.job import TrainerProcess
from schema.sections.train import Train


def build_objective(
    process: TrainerProcess,
    family: Family,
    accelerator: Accelerator,
    trained: Trained,
    seed: int,
    show: Watcher | None = None,
    prompts: TextTable | None = None,
) -> Denoising:
    """The objective of a denoiser, once per run; `show` sees what turbo training decodes, `prompts`
    are those that were encoded before training.
    """
    train = process.train
    table = training_table(family.noise_table(), train.noise_scheduler).to(accelerator.device)
    timesteps = build_timesteps(train, table, family.image_tokens, seed)
    trains_text = train.train_text_encoder or process.embedding is not None
    decorator = trained if isinstance(trained, Decorator) else None
    finish = None if decorator is None else decorator.unwanted
    wording = Wording(family, accelerator, prompts, trains_text=trains_text, finish=finish)
    guidance = build_guidance(train, family, wording, seed)
    if decorator is not None:
        guidance.conditioning.insert(0, decorator)
    kind = Refining if _has_refiner(family) else Denoising
    return kind(
        Kit(family, accelerator, table, seed, trained, new_words(process)),
        timesteps=timesteps,
        noise=changes.noise_source(train, seed),
        loss=loss.build_loss(train, show),
        places=_places(process, family, accelerator, table, timesteps, guidance),
        trains_text=trains_text,
    )


def _has_refiner(family: Family) -> bool:
    """Whether a base and its refiner are trained side by side."""
    return {REFINER} < {denoiser.name for denoiser in family.denoisers}


def _places(
    process: TrainerProcess,
    family: Family,
    accelerator: Accelerator,
    table: NoiseProcess,
    timesteps: Timesteps,
    guidance: Guidance,
) -> Places:
    train = process.train
    jitter = WeightJitter(train.weight_jitter) if train.weight_jitter else None
    return Places(
        pixels=changes.pixel_changes(train, family.row),
        latents=changes.fresh_latent_changes(train, family.row),
        noise=changes.noise_changes(train),
        clean=changes.clean_latent_changes(train),
        noisy=changes.noisy_changes(train),
        strength=[*_dataset_strengths(process), *([jitter] if jitter else [])],
        conditioning=guidance.conditioning,
        input=[*_input(train, timesteps), *_free_u(train, family)],
        prediction=changes.prediction_changes(train),
        target_noise=changes.target_noise_changes(train),
        target=[*changes.target_changes(process), *guidance.target],
        elements=[
            *_level_weights(train, table, accelerator),
            *guidance.elements,
            *loss.element_weights(process),
        ],
        items=loss.item_weights(train, table),
        terms=loss.terms(train, family.latent_shape(256, 256)[0], accelerator.device),
        totals=[
            *loss.caps(train),
            *guidance.totals,
            *loss.totals(process),
            *([jitter.weigh] if jitter else []),
        ],
    )


def _dataset_strengths(process: TrainerProcess) -> list[Change]:
    weights = {dataset.network_weight for dataset in process.datasets}
    return [] if process.network is None or weights <= {1.0} else [DatasetStrength()]


def _free_u(train: Train, family: Family) -> list[Change]:
    """Only U-Nets have skip connections to rebalance; others are told so by `check`."""
    return [FreeU(family.denoisers)] if train.free_u and family.row.can(("unet",)) else []


def _input(train: Train, timesteps: Timesteps) -> list[Change]:
    return [NextSample(timesteps)] if train.timestep_type == "next_sample" else []


def _level_weights(
    train: Train, table: NoiseProcess, accelerator: Accelerator
) -> list[ElementWeight]:
    if not isinstance(table, FlowTable) or train.loss_target in loss.CLEAN_TARGETS:
        return []
    levels = level_weights(train.timestep_type, train.linear_timesteps, train.linear_timesteps2)
    return [] if levels is None else [LevelWeight(levels, accelerator.device)]
