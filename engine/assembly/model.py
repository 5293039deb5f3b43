"""The model and its data: what is encoded before training, what is loaded for it, what is trained.

Parts of a model come and go in phases, so that text encoders and VAE need not lie in memory beside
the denoiser when everything that they answer is cached.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from engine.assembly.learned import trigger_of, with_learned_prompts
from engine.assembly.loss import decodes
from engine.assembly.validating import read_held_out
from engine.attention import allow_all_kernels, use_kernels
from engine.data.loader import DataSource
from engine.families import family_for
from engine.families.base import Family
from engine.guidance.prompts import negative_pool
from engine.networks import Trained, build
from engine.networks.beneath import Beneath, open_beneath
from engine.report import Report
from engine.validation.held_out import HeldOut
from schema.run.status import State
from schema.sections.job import TrainerProcess
from schema.sections.sample import Sample
from schema.sections.train import Train

if TYPE_CHECKING:
    from engine.batch_size import BatchSize
    from engine.preview import Preview


@dataclass(frozen=True)
class Opened:
    """A family with its data prepared and its preview prompts encoded."""

    family: Family
    source: DataSource
    preview: Preview | None
    beneath: Beneath | None
    opening: Preview | None
    """The first round of previews that has settings of its own."""
    held_out: list[HeldOut]


def open_data(
    process: TrainerProcess,
    report: Report,
    device: torch.device,
    dtype: torch.dtype,
    seed: int,
    sizes: BatchSize | None,
) -> Opened:
    """Open the model, cache what is to be cached, encode the preview prompts."""
    train = process.train
    family = family_for(process.model.arch).open(process.model, train, device, dtype)
    allow_all_kernels(train)
    use_kernels(family, train)
    beneath = open_beneath(family, process.model)
    source = DataSource(process, family, seed, sizes)
    report.state(State.CACHING)
    source.prepare(report.progress, report.warning)
    held_out = read_held_out(process, family, report)
    preview, opening = (
        _preview(family, sample, process) for sample in (process.sample, process.first_sample)
    )
    if source.caches_text:
        family.free_text_encoders()
    if source.caches_latents and preview is None and opening is None:
        family.free_vae()
    report.state(State.PREPARING, "loading the model")
    report.check()
    return Opened(family, source, preview, beneath, opening, held_out)


def _preview(family: Family, sample: Sample | None, process: TrainerProcess) -> Preview | None:
    """A round of previews with its prompts encoded; None where there is none."""
    if process.train.disable_sampling or sample is None or not sample.items:
        return None
    from engine.preview import Preview

    negative = negative_pool(process.train.negative_prompt)[0] if sample.neg is True else ""
    preview = Preview(family, sample, trigger_of(process), negative)
    preview.prepare()
    return preview


def load_trained(
    process: TrainerProcess,
    report: Report,
    family: Family,
    source: DataSource,
    seed: int,
    *,
    fresh: bool,
) -> Trained:
    """The denoisers, in float32 where they are trained whole, and what is trained. A `fresh` run
    may start from a file.
    """
    train, full = process.train, process.fine_tunes
    exact = torch.float32 if full else None
    if train.train_refiner and full:
        family.train_refiner(with_base=train.train_unet)
    family.load_denoisers(exact if train.train_unet else None)
    if train.train_text_encoder:
        # Previews may have loaded it in another precision.
        family.free_text_encoders()
        family.load_text_encoders(exact)
    elif not source.caches_text:
        family.load_text_encoders()
    if not source.caches_latents or decodes(train):
        family.load_vae()
    report.check()
    start = None if process.network is None else process.network.pretrained_lora_path

    def network() -> Trained:
        return build(
            family,
            process.network,
            train,
            process.save.save_format,
            seed,
            report=report,
            start=start if fresh else None,
        )

    trained = with_learned_prompts(process, family, report.folder.name, seed, network)
    for module in training_modules(family, train):
        module.train()
        if train.gradient_checkpointing:
            _checkpoint_gradients(module)
    return trained


def training_modules(family: Family, train: Train) -> list[nn.Module]:
    """The modules that run in training mode: gradients flow through them."""
    modules = [denoiser.module for denoiser in family.denoisers]
    return modules + (
        list(family.trainable_text_encoders.values()) if train.train_text_encoder else []
    )


def _checkpoint_gradients(module: Any) -> None:
    """diffusers' name for it, or transformers'."""
    enable = getattr(module, "enable_gradient_checkpointing", None)
    (enable or module.gradient_checkpointing_enable)()
