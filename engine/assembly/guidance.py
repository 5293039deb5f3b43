"""Guidance while training and preservation, from their options: each an object in its place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.changes.places import Change, ElementWeight, Total
from engine.guidance.assistant import Assistant, load_assistant
from engine.guidance.cfg import RandomScale, SteadyScale, TrainedGuidance
from engine.guidance.prompts import NegativePrompts, Wording, negative_pool
from engine.guidance.targets import FurtherTarget, GuidedTarget
from engine.losses.preservation import Preservation, blank_prompts, class_captions, divergence

if TYPE_CHECKING:
    from engine.families.base import Family
    from schema.sections.train import Train


@dataclass
class Guidance:
    """What the options put into the places of the step."""

    conditioning: list[Change] = field(default_factory=list)
    target: list[Change] = field(default_factory=list)
    elements: list[ElementWeight] = field(default_factory=list)
    totals: list[Total] = field(default_factory=list)


def build_guidance(train: Train, family: Family, wording: Wording, seed: int) -> Guidance:
    """Guided predictions, then guided targets, then targets beyond the prediction."""
    found = Guidance()
    if train.do_cfg or train.do_random_cfg:
        found.conditioning.append(_trained_guidance(train, family, wording, seed))
    if train.do_guidance_loss:
        target = _guided_target(train, wording)
        found.conditioning.append(target.tell)  # its strength is told, not that of the guide
        found.target.append(target)
    if train.do_differential_guidance:
        found.target.append(FurtherTarget(train.differential_guidance_scale))
    # Last, since it may ask the model as the options above have it.
    if train.adapter_assist_name_or_path is not None:
        found.conditioning.append(_assistant(train, train.adapter_assist_name_or_path, family))
    if train.do_prior_divergence:
        found.elements.append(divergence)
    if train.diff_output_preservation:
        strength = train.diff_output_preservation_multiplier
        found.totals.append(Preservation(wording, class_captions, strength))
    elif train.blank_prompt_preservation:
        strength = train.blank_prompt_preservation_multiplier
        found.totals.append(Preservation(wording, blank_prompts, strength))
    return found


def _trained_guidance(train: Train, family: Family, wording: Wording, seed: int) -> TrainedGuidance:
    # Encoders that are gone have encoded the empty prompt alone; `check` says so.
    pool = negative_pool(train.negative_prompt if family.text_encoders else None)
    rescale = train.cfg_rescale
    if rescale is None and not family.told_sizes:  # SDXL is only rescaled when asked to
        rescale = train.cfg_scale
    scale = (
        RandomScale(train.max_cfg_scale) if train.do_random_cfg else SteadyScale(train.cfg_scale)
    )
    prompts = NegativePrompts(pool, train.max_negative_prompts, seed)
    return TrainedGuidance(wording, prompts, scale, rescale)


def _assistant(train: Train, path: str, family: Family) -> Assistant:
    kind = train.adapter_assist_type
    unet = family.denoisers[0].module
    module = load_assistant(path, kind, family.device, family.dtype, unet)
    return Assistant(module, kind=kind, chance=train.matching_chance)


def _guided_target(train: Train, wording: Wording) -> GuidedTarget:
    strength = train.guidance_loss_target
    return GuidedTarget(
        wording,
        train.unconditional_prompt,
        (strength[0], strength[1]) if isinstance(strength, list) else strength,
        zero_star=train.do_guidance_loss_cfg_zero,
        fades=train.guidance_loss_schedule == "sigma",
    )
