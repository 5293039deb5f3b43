"""Parameters of the optimizers that estimate their own learning rate d."""

from typing import ClassVar

from schema.option import opt
from schema.sections.train.optimizers.parts import LIBRARY, OPTIMIZER_GROUP, Betas
from schema.sections.train.optimizers.signatures import LibraryParams


class _Prodigy(LibraryParams):
    """What both versions of Prodigy take."""

    betas: Betas = opt(
        [0.9, 0.999],
        "Betas",
        "Smoothing factors for the running averages of the gradient and its square.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
    )
    beta3: float | None = opt(
        None,
        "Prodigy beta3",
        "Smoothing for the step-size estimate. Empty = square root of beta2.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        gt=0,
        lt=1,
    )
    eps: float = opt(
        1e-6,
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
    decouple: bool = opt(
        True,
        "Decoupled decay",
        "Apply weight decay separately from the gradient.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        detail="True: w <- w - d * lr * decay * w. False: decay * w is added to the gradient.",
    )
    d_coef: float = opt(
        1.0,
        "Prodigy d coefficient",
        "Scales the learning rate Prodigy finds. 0.5 is calmer, 2 is bolder.",
        group=OPTIMIZER_GROUP,
        tier="advanced",
        on_resume="new-trajectory",
        detail="d estimate = coefficient * sum of d lr <g, w0 - w> / sum |s|: the recommended "
        "knob.",
        gt=0,
    )
    d0: float = opt(
        1e-6,
        "Initial d",
        "Starting guess for the learning rate estimate.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        log=True,
        gt=0,
    )
    growth_rate: float | None = opt(
        None,
        "d growth limit",
        "Limits how fast the estimate may grow per step. 1.02 acts like a warmup.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        default_note="Empty is no limit, which other trainers write as .inf.",
        on_resume="new-trajectory",
        detail="d grows at most by this factor in one update. Empty, or .inf, is no limit.",
        synonyms={float("inf"): None},
        gt=1,
    )
    use_bias_correction: bool = opt(
        False,
        "Bias correction",
        "Turn on Adam bias correction inside Prodigy.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        detail="The step times sqrt(1 - beta2^k) / (1 - beta1^k) at update k.",
    )
    safeguard_warmup: bool = opt(
        False,
        "Safeguard warmup",
        "Keep the estimate stable while the learning rate warms up.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        detail="Takes lr out of the denominator of the estimate.",
    )


class ProdigyParams(_Prodigy):
    """Parameters of `prodigy`."""

    kind: ClassVar[str] = "prodigy"

    slice_p: int = opt(
        1,
        "Slice p",
        "Estimate from every p-th value only, to save memory.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        detail="Every p-th value of each tensor takes part in the estimate of d.",
        ge=1,
    )


class Prodigy8bitParams(_Prodigy):
    """Parameters of `prodigy8bit`: its four states as int8."""

    kind: ClassVar[str] = "prodigy8bit"


class DAdaptationParams(LibraryParams):
    """Parameters of `dadaptation`: D-Adapt Adam."""

    kind: ClassVar[str] = "dadaptation"

    betas: Betas = opt(
        [0.9, 0.999],
        "Betas",
        "Smoothing factors for the running averages of the gradient and its square.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
    )
    eps: float = opt(
        1e-6,
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
    decouple: bool = opt(
        False,
        "Decoupled decay",
        "Apply weight decay separately from the gradient.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        detail="True: w <- w - d * lr * decay * w. False: decay * w is added to the gradient.",
    )
    d0: float = opt(
        1e-6,
        "Initial d",
        "Starting guess for the learning rate estimate.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        log=True,
        gt=0,
    )
    growth_rate: float | None = opt(
        None,
        "d growth limit",
        "Limits how fast the estimate may grow per step. 1.02 acts like a warmup.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        default_note="Empty is no limit, which other trainers write as .inf.",
        on_resume="new-trajectory",
        detail="d grows at most by this factor in one update. Empty, or .inf, is no limit.",
        synonyms={float("inf"): None},
        gt=1,
    )
    use_bias_correction: bool = opt(
        False,
        "Bias correction",
        "Turn on Adam bias correction inside Prodigy.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        detail="The step times sqrt(1 - beta2^k) / (1 - beta1^k) at update k.",
    )


class DAdaptationLionParams(LibraryParams):
    """Parameters of `dadaptationlion`: D-Adapt Lion, which has no epsilon."""

    kind: ClassVar[str] = "dadaptationlion"

    betas: Betas = opt(
        [0.9, 0.99],
        "Betas",
        "Smoothing factors for the running averages of the gradient and its square.",
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
        detail="w <- w - lr * decay * w, apart from the gradient.",
        ge=0,
    )
    d0: float = opt(
        1e-6,
        "Initial d",
        "Starting guess for the learning rate estimate.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        log=True,
        gt=0,
    )
