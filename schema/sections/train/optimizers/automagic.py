"""Parameters of the optimizers that steer learning rates by the signs of updates."""

from typing import Annotated, ClassVar

from pydantic import Field

from schema.option import ParamSection, opt
from schema.sections.train.optimizers.parts import LIBRARY, OPTIMIZER_GROUP, Betas, Positive


class AutomagicParams(ParamSection):
    """Parameters of `automagic`: a rate for every weight."""

    kind: ClassVar[str] = "automagic"

    eps: Annotated[list[Positive], Field(min_length=2, max_length=2)] = opt(
        [1e-30, 1e-3],
        "Epsilon",
        "Two floors: of the second moment and of the size of a weight tensor.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
    )
    weight_decay: float = opt(
        0.0,
        "Weight decay",
        "Gently pulls weights toward zero to prevent overfitting. 1e-4 to 1e-2 is common.",
        group=OPTIMIZER_GROUP,
        tier="advanced",
        default_note=LIBRARY,
        on_resume="new-trajectory",
        ge=0,
    )
    beta2: float = opt(
        0.999,
        "Second moment beta",
        "Averaging factor for squared gradients.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        gt=0,
        lt=1,
    )
    clip_threshold: float = opt(
        1.0,
        "Update clip threshold",
        "Largest allowed average size of one update.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        detail="u <- u / max(1, RMS(u) / threshold).",
        gt=0,
    )
    min_lr: float = opt(
        1e-7,
        "Lowest adaptive rate",
        "Lower bound for the self-adjusting learning rate.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        log=True,
        gt=0,
    )
    max_lr: float = opt(
        1e-3,
        "Highest adaptive rate",
        "Upper bound for the self-adjusting learning rate.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        log=True,
        gt=0,
    )
    lr_bump: float = opt(
        1e-6,
        "Rate bump",
        "How much the rate moves up or down per step.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        log=True,
        detail="The rate of a weight rises by this when its update keeps its sign, and falls by "
        "it otherwise.",
        gt=0,
    )


class Automagic2Params(ParamSection):
    """Parameters of `automagic2`: a rate for every tensor, updated inside the backward pass."""

    kind: ClassVar[str] = "automagic2"

    eps: float = opt(
        1e-30,
        "Epsilon",
        "Tiny number that prevents division by zero.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        log=True,
        gt=0,
    )
    weight_decay: float = opt(
        0.0,
        "Weight decay",
        "Gently pulls weights toward zero to prevent overfitting. 1e-4 to 1e-2 is common.",
        group=OPTIMIZER_GROUP,
        tier="advanced",
        default_note=LIBRARY,
        on_resume="new-trajectory",
        ge=0,
    )
    beta2: float = opt(
        0.999,
        "Second moment beta",
        "Averaging factor for squared gradients.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        gt=0,
        lt=1,
    )
    clip_threshold: float = opt(
        1.0,
        "Update clip threshold",
        "Largest allowed average size of one update.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        detail="u <- u / max(1, RMS(u) / threshold).",
        gt=0,
    )
    min_lr: float = opt(
        1e-7,
        "Lowest adaptive rate",
        "Lower bound for the self-adjusting learning rate.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        log=True,
        gt=0,
    )
    max_lr: float = opt(
        1e-3,
        "Highest adaptive rate",
        "Upper bound for the self-adjusting learning rate.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        log=True,
        gt=0,
    )
    lr_bump: float = opt(
        1e-6,
        "Rate bump",
        "How much the rate moves up or down per step.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        log=True,
        gt=0,
    )
    agreement_threshold: float = opt(
        0.5,
        "Agreement threshold",
        "Share of weights that must keep direction for the rate to rise.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        detail="The rate of a tensor rises while at least this share of its updates keep their "
        "sign.",
        ge=0,
        le=1,
    )


class Automagic3Params(ParamSection):
    """Parameters of `automagic3`: a rate for every group."""

    kind: ClassVar[str] = "automagic3"

    eps: float = opt(
        1e-30,
        "Epsilon",
        "Tiny number that prevents division by zero.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        log=True,
        gt=0,
    )
    weight_decay: float = opt(
        0.0,
        "Weight decay",
        "Gently pulls weights toward zero to prevent overfitting. 1e-4 to 1e-2 is common.",
        group=OPTIMIZER_GROUP,
        tier="advanced",
        default_note=LIBRARY,
        on_resume="new-trajectory",
        ge=0,
    )
    beta2: float = opt(
        0.999,
        "Second moment beta",
        "Averaging factor for squared gradients.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        gt=0,
        lt=1,
    )
    clip_threshold: float = opt(
        1.0,
        "Update clip threshold",
        "Largest allowed average size of one update.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        detail="u <- u / max(1, RMS(u) / threshold), then every value between minus and plus "
        "the threshold.",
        gt=0,
    )
    min_lr: float = opt(
        1e-8,
        "Lowest adaptive rate",
        "Lower bound for the self-adjusting learning rate.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        log=True,
        gt=0,
    )
    max_lr: float = opt(
        1e3,
        "Highest adaptive rate",
        "Upper bound for the self-adjusting learning rate.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        log=True,
        gt=0,
    )
    polarity_history: int = opt(
        8,
        "Sign history length",
        "How many past update directions each weight remembers.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        detail="Weights whose last H signs agree vote for a larger rate, those whose signs "
        "alternate for a smaller one: lr <- lr * exp(votes / sum |u|). Costs H / 8 bytes a "
        "weight; another number on resume begins the memory anew.",
        unit="updates",
        ge=2,
        le=64,
    )
    fused: bool = opt(
        True,
        "Fused update",
        "Update weights inside the backward pass to save memory.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        detail="The gradient of a tensor is freed as soon as it was used: no clipping, no "
        "accumulation, no skipping of broken steps. False updates after the backward pass as "
        "other optimizers do.",
    )


class AutomagicExperimentParams(ParamSection):
    """Parameters of `automagicexperiment`: `automagic3` on a full second moment."""

    kind: ClassVar[str] = "automagicexperiment"

    betas: Betas = opt(
        [0.0, 0.999],
        "Betas",
        "Smoothing factors for the running averages of the gradient and its square.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        detail="The first must stay 0: there is no momentum.",
    )
    eps: float = opt(
        1e-8,
        "Epsilon",
        "Tiny number that prevents division by zero.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        log=True,
        gt=0,
    )
    weight_decay: float = opt(
        0.0,
        "Weight decay",
        "Gently pulls weights toward zero to prevent overfitting. 1e-4 to 1e-2 is common.",
        group=OPTIMIZER_GROUP,
        tier="advanced",
        default_note=LIBRARY,
        on_resume="new-trajectory",
        ge=0,
    )
    clip_threshold: float = opt(
        1.0,
        "Update clip threshold",
        "Largest allowed average size of one update.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        detail="u <- u / max(1, RMS(u) / threshold), then every value between minus and plus "
        "the threshold.",
        gt=0,
    )
    min_lr: float = opt(
        1e-30,
        "Lowest adaptive rate",
        "Lower bound for the self-adjusting learning rate.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        log=True,
        gt=0,
    )
    max_lr: float = opt(
        1e3,
        "Highest adaptive rate",
        "Upper bound for the self-adjusting learning rate.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        log=True,
        gt=0,
    )
    polarity_history: int = opt(
        8,
        "Sign history length",
        "How many past update directions each weight remembers.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        detail="Weights whose last H signs agree vote for a larger rate, those whose signs "
        "alternate for a smaller one: lr <- lr * exp(votes / sum |u|). Costs H / 8 bytes a "
        "weight; another number on resume begins the memory anew.",
        unit="updates",
        ge=2,
        le=64,
    )
    fused: bool = opt(
        True,
        "Fused update",
        "Update weights inside the backward pass to save memory.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        detail="The gradient of a tensor is freed as soon as it was used: no clipping, no "
        "accumulation, no skipping of broken steps. False updates after the backward pass as "
        "other optimizers do.",
    )
