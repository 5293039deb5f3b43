"""The changes of noise, latents, prediction and target that a config asks for, in their order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.changes import latents, noise
from engine.changes.blank import blank_stabilization
from engine.changes.places import Change, NoiseSource, PixelChange
from engine.changes.prediction import PredictionScaler, match_noise_norm
from engine.errors import ConfigError
from engine.guidance.assistant import matched_target
from engine.targets.amplification import SignalAmplification
from engine.targets.prior import NormCorrection, prior_target
from engine.training_noise import ConsistentNoise, PairedNoise, TrainingNoise

if TYPE_CHECKING:
    from schema.families import FamilyRow
    from schema.sections.job import TrainerProcess
    from schema.sections.train import Train


def noise_source(train: Train, seed: int) -> NoiseSource:
    """The first noise: the closest of several, that of the picture, or plain with an offset."""
    if train.optimal_noise_pairing_samples > 1:
        return PairedNoise(seed, train.optimal_noise_pairing_samples)
    if train.force_consistent_noise:
        return ConsistentNoise()
    return TrainingNoise(seed, train.noise_offset)


def pixel_changes(train: Train, row: FamilyRow) -> list[PixelChange]:
    """Contrast, then the model's own statistics."""
    changes: list[PixelChange] = []
    if train.img_multiplier != 1:
        changes.append(latents.Contrast(train.img_multiplier))
    if train.standardize_images:
        changes.append(latents.StandardizeImages(row))
    return changes


def fresh_latent_changes(train: Train, row: FamilyRow) -> list[Change]:
    """What is done to latents before the noise is prepared from them."""
    fits = row.can(("small_latents",))  # the statistics are of four channels
    return [latents.StandardizeLatents(row)] if train.standardize_latents and fits else []


def noise_changes(train: Train) -> list[Change]:
    """From the first noise to what is mixed in."""
    changes: list[Change] = []
    if train.blended_blur_noise:
        changes.append(noise.blended_blur)
    if train.dynamic_noise_offset:
        changes.append(noise.dynamic_offset)
    if train.loss_target == "differential_noise":
        changes.append(noise.differential_noise)
    if train.noise_multiplier != 1:
        changes.append(noise.NoiseMultiplier(train.noise_multiplier))
    if train.do_signal_correction_noise:
        changes.append(noise.SignalCorrection(train.signal_correction_noise_scale))
    if train.do_batch_noise_correction:
        changes.append(noise.BatchCorrection(train.batch_noise_correction_scale))
    if train.random_noise_shift > 0:
        changes.append(noise.RandomShift(train.random_noise_shift))
    if train.random_noise_multiplier > 0:
        changes.append(noise.RandomMultiplier(train.random_noise_multiplier))
    return changes


def clean_latent_changes(train: Train) -> list[Change]:
    """What is done to latents after the noise has been prepared."""
    changes: list[Change] = []
    if train.adaptive_scaling_factor:
        changes.append(latents.adaptive_scaling)
    elif train.latent_multiplier != 1:
        changes.append(latents.LatentMultiplier(train.latent_multiplier))
    if train.do_blank_stabilization:
        changes.append(blank_stabilization)
    return changes


def noisy_changes(train: Train) -> list[Change]:
    """The last changes of the model's input."""
    factor = train.noisy_latent_multiplier
    return [latents.NoisyMultiplier(factor)] if factor != 1 else []


def prediction_changes(train: Train) -> list[Change]:
    """From the model's answer to what is compared."""
    changes: list[Change] = [match_noise_norm] if train.match_noise_norm else []
    if train.pred_scaler != 1:
        changes.append(PredictionScaler(train.pred_scaler))
    return changes


def target_noise_changes(train: Train) -> list[Change]:
    """What stands for the noise in the target."""
    factor = train.target_noise_multiplier
    return [noise.TargetNoiseMultiplier(factor)] if factor != 1 else []


def target_changes(process: TrainerProcess) -> list[Change]:
    """From the noise process's own target to the one that counts."""
    train = process.train
    changes: list[Change] = []
    if train.do_signal_amplification:
        changes.append(SignalAmplification(train.signal_amplification_strength))
    if any(dataset.prior_reg for dataset in process.datasets):
        if process.network is None:
            message = "needs a network: without one there is no untrained model to ask."
            raise ConfigError("datasets[].prior_reg", message)
        changes.append(prior_target)
    if train.adapter_assist_name_or_path is not None and train.matching_chance:
        changes.append(matched_target)
    # Without a network the untrained model is the trained one: there is nothing to go back to.
    if train.correct_pred_norm and process.network is not None:
        changes.append(NormCorrection(train.correct_pred_norm_multiplier))
    return changes
