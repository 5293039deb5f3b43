"""The loss that a config asks for: what is compared, how it is weighed, what is added to it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from engine.changes.places import ElementWeight, ItemWeight, Term, Total
from engine.losses import ExampleLoss, element_loss, example_loss
from engine.losses.clean import CleanEstimate, source_error, unaugmented_error
from engine.losses.features import Extractor, FeatureLoss, load_extractor
from engine.losses.masks import MaskedPrior, masked
from engine.losses.picture_features import REPOSITORIES, load_vision
from engine.losses.pixels import Turbo, Watcher
from engine.losses.snr import LearnableSnr, MinSnr, SnrGamma
from engine.losses.terms import Cap, Frequencies, RegularizationWeight, SpreadPenalty
from engine.noise import NoiseProcess, NoiseTable

if TYPE_CHECKING:
    from schema.sections.job import TrainerProcess
    from schema.sections.train import Train

CLEAN_TARGETS = {"source": source_error, "unaugmented": unaugmented_error}
"""Loss targets with a formula of their own, in place of loss type and weights of noise levels."""


def decodes(train: Train) -> bool:
    """Whether the loss looks at decoded pictures, so that the VAE has to stay."""
    if train.train_turbo or train.feature_extractor in REPOSITORIES:
        return True
    return (
        train.loss_type == "pixelspace"
        and train.loss_target not in CLEAN_TARGETS
        and not train.t0_loss_target
    )


def build_loss(train: Train, show: Watcher | None = None) -> ExampleLoss:
    """What the prediction is compared with, per element."""
    if train.train_turbo:
        return Turbo(element_loss(train.loss_type), show)
    if train.loss_target in CLEAN_TARGETS:
        return CLEAN_TARGETS[train.loss_target]
    if train.t0_loss_target:
        loss = element_loss(train.loss_type)
        return CleanEstimate(loss, as_velocity=train.t0_velocity_equiv_weight)
    return example_loss(train.loss_type)


def element_weights(process: TrainerProcess) -> list[ElementWeight]:
    """Masks, where a dataset has them."""
    has_masks = any(dataset.mask_path or dataset.alpha_mask for dataset in process.datasets)
    return [masked] if has_masks else []


def item_weights(train: Train, table: NoiseProcess) -> list[ItemWeight]:
    """What holds outside the masks, then one weight by signal-to-noise ratio."""
    weights: list[ItemWeight] = []
    if train.inverted_mask_prior:
        absolute = train.loss_type == "mae"
        weights.append(MaskedPrior(train.inverted_mask_prior_multiplier, absolute=absolute))
    if train.train_turbo or not isinstance(table, NoiseTable):
        return weights
    if train.learnable_snr_gos:
        weights.append(LearnableSnr(table))
    elif train.snr_gamma:
        weights.append(SnrGamma(table, train.snr_gamma))
    elif train.min_snr_gamma:
        weights.append(MinSnr(table, train.min_snr_gamma))
    return weights


def terms(train: Train, channels: int, device: torch.device) -> list[Term]:
    """What is added to the mean loss; `channels` are those of the latents."""
    found: list[Term] = []
    if train.target_norm_std:
        found.append(SpreadPenalty(train.target_norm_std_value))
    if train.feature_extractor:
        found.append(FeatureLoss(_extractor(train, channels, device), train.feature_weight))
    if train.do_fft_loss and train.loss_target not in CLEAN_TARGETS:
        found.append(Frequencies(as_velocity=train.do_fft_velocity_equiv_weight))
    return found


def _extractor(train: Train, channels: int, device: torch.device) -> Extractor:
    """A vision model by its name, or a weights file."""
    name = train.feature_extractor or ""
    if name in REPOSITORIES:
        return load_vision(name, device)
    return load_extractor(Path(name).expanduser(), channels, device)


def caps(train: Train) -> list[Total]:
    """What bounds the sum, before preservation is added to it."""
    if train.max_loss is None:
        return []
    return [Cap(train.max_loss, tells=train.max_loss_debug)]


def totals(process: TrainerProcess) -> list[Total]:
    """What is done to the whole."""
    train = process.train
    found: list[Total] = []
    if train.reg_weight != 1 and any(dataset.is_reg for dataset in process.datasets):
        found.append(RegularizationWeight(train.reg_weight))
    return found
