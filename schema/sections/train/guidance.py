"""`train:` - guidance while training."""

from typing import Annotated, Literal

from pydantic import Field

from schema.option import Section, opt

_GUIDANCE = "Guidance & CFG Training"


class Guidance(Section):
    """The options of `train:` on guidance."""

    do_cfg: bool = opt(
        False,
        "Train with CFG",
        "Runs the negative prompt too and trains the guided prediction.",
        group=_GUIDANCE,
        tier="advanced",
        on_resume="new-trajectory",
        detail="The model sees every item twice, with the negative prompt (u) and with its own "
        "(c): p = u + s (c - u), s the CFG scale. Twice the cost.",
    )
    do_random_cfg: bool = opt(
        False,
        "Random CFG",
        "Like CFG training, with a new random guidance scale every step.",
        group=_GUIDANCE,
        tier="advanced",
        on_resume="new-trajectory",
        detail="At every step s = 1 + r (max - 1), r uniform in 0 to 1.",
    )
    cfg_scale: float = opt(
        1.0,
        "CFG scale",
        "Guidance strength used in training. For Flux-like models also the guidance value it is "
        "told.",
        group=_GUIDANCE,
        tier="advanced",
        on_resume="new-trajectory",
        detail="s of p = u + s (c - u). Models with a guidance input are told this number at "
        "every training step, even without CFG training.",
        ge=0,
    )
    max_cfg_scale: float = opt(
        1.0,
        "Maximum CFG scale",
        "Highest guidance scale for random CFG.",
        group=_GUIDANCE,
        tier="advanced",
        on_resume="new-trajectory",
        requires=("train.do_random_cfg",),
        default_note="Fixed: it does not follow the CFG scale. At 1 random CFG has no effect.",
        ge=1,
    )
    cfg_rescale: float | None = opt(
        None,
        "CFG rescale",
        "Guidance scale whose brightness statistics the guided prediction is matched to.",
        group=_GUIDANCE,
        tier="expert",
        on_resume="new-trajectory",
        requires=("train.do_cfg|train.do_random_cfg",),
        inherits="train.cfg_scale",
        detail="The guided prediction gets the mean and spread that u + r (c - u) has, r this "
        "scale. Empty: that of the CFG scale, which changes nothing unless the scale is random "
        "(and nothing at all for SDXL).",
        ge=0,
    )
    do_guidance_loss: bool = opt(
        False,
        "Guidance (contrastive) loss",
        "Trains toward the guided picture, so the model needs no CFG later.",
        group=_GUIDANCE,
        tier="advanced",
        on_resume="new-trajectory",
        conflicts=("train.bypass_guidance_embedding", "train.t0_loss_target"),
        detail="One more prediction u with the unconditional prompt moves the target: y <- u + "
        "g (y - u), g the guidance target. The model learns to give guided pictures without "
        "guidance.",
    )
    guidance_loss_target: (
        Annotated[float, Field(ge=0)]
        | Annotated[list[Annotated[float, Field(ge=0)]], Field(min_length=2, max_length=2)]
    ) = opt(
        3.0,
        "Guidance target",
        "Guidance strength to bake in: one number, or two for a random range.",
        group=_GUIDANCE,
        tier="advanced",
        on_resume="new-trajectory",
        requires=("train.do_guidance_loss",),
        detail="g of y <- u + g (y - u). Two numbers: every item draws its own between them.",
    )
    do_guidance_loss_cfg_zero: bool = opt(
        False,
        "CFG-Zero guidance loss",
        "Use the CFG-Zero* correction when building the guided target.",
        group=_GUIDANCE,
        tier="advanced",
        on_resume="new-trajectory",
        requires=("train.do_guidance_loss",),
        detail="u is scaled by a = <y, u> / (|u|^2 + 1e-8) per item, as in CFG-Zero*.",
    )
    guidance_loss_schedule: Literal["constant", "sigma"] = opt(
        "constant",
        "Guidance schedule",
        "Whether the guidance target fades out at low noise.",
        group=_GUIDANCE,
        tier="expert",
        choices={
            "constant": "the same at all noise levels",
            "sigma": "fades to 1 at low noise",
        },
        on_resume="new-trajectory",
        requires=("train.do_guidance_loss",),
        detail="sigma: g <- 1 + (g - 1) s, with s the noise level.",
    )
    unconditional_prompt: str = opt(
        "",
        "Unconditional prompt",
        "The neutral prompt used for the guidance loss. Usually empty.",
        group=_GUIDANCE,
        tier="advanced",
        on_resume="new-trajectory",
        requires=("train.do_guidance_loss",),
        editor="prompt",
    )
    do_differential_guidance: bool = opt(
        False,
        "Differential guidance",
        "Amplifies the difference between prediction and target so learning goes further.",
        group=_GUIDANCE,
        tier="advanced",
        on_resume="new-trajectory",
        conflicts=("train.t0_loss_target",),
        detail="y <- p + s (y - p), p the prediction taken as a constant: the gradient of a "
        "squared loss is s times larger.",
    )
    differential_guidance_scale: float = opt(
        3.0,
        "Differential guidance scale",
        "How far beyond the target to aim. 1 is off.",
        group=_GUIDANCE,
        tier="advanced",
        on_resume="new-trajectory",
        requires=("train.do_differential_guidance",),
        gt=0,
    )
    bypass_guidance_embedding: bool = opt(
        False,
        "Bypass guidance embedding",
        "Train Flux-like models without their built-in guidance input.",
        group=_GUIDANCE,
        tier="advanced",
        applies_to=("guidance_bypass",),
        on_resume="new-trajectory",
        conflicts=("train.do_guidance_loss",),
        detail="The guidance input is left out in every pass of training and validation, and is "
        "back for previews.",
    )
