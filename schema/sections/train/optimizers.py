"""`train.optimizer_params:` - one closed class per optimizer, chosen by `train.optimizer`."""

from typing import Annotated, ClassVar

from pydantic import Discriminator, Field, Tag

from schema.option import ParamSection, kind_of, opt

Beta = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
_GROUP = "Optimizer settings"
_LIBRARY = "The reference leaves it to the optimizer's library, whose default this is."


class AdamParams(ParamSection):
    """Parameters of `adam`, and what all Adam-like optimizers share."""

    kind: ClassVar[str] = "adam"

    betas: Annotated[list[Beta], Field(min_length=2, max_length=2)] = opt(
        [0.9, 0.999],
        "Betas",
        "Smoothing factors for the running averages of the gradient and its square.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
    )
    eps: float = opt(
        1e-6,
        "Epsilon",
        "Tiny number that prevents division by zero.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        log=True,
        gt=0,
    )
    weight_decay: float = opt(
        0.0,
        "Weight decay",
        "Gently pulls weights toward zero to prevent overfitting. 1e-4 to 1e-2 is common.",
        group=_GROUP,
        tier="advanced",
        default_note=_LIBRARY,
        on_resume="new-trajectory",
        ge=0,
    )
    amsgrad: bool = opt(
        False,
        "AMSGrad",
        "Use the running maximum of the second moment.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
    )


class AdamWParams(AdamParams):
    """Parameters of `adamw`."""

    kind: ClassVar[str] = "adamw"

    weight_decay: float = opt(
        0.01,
        "Weight decay",
        "Gently pulls weights toward zero to prevent overfitting. 1e-4 to 1e-2 is common.",
        group=_GROUP,
        tier="advanced",
        default_note=_LIBRARY,
        on_resume="new-trajectory",
        ge=0,
    )


class Adam8bitParams(ParamSection):
    """Parameters of `adam8bit`: as `adam`, without AMSGrad."""

    kind: ClassVar[str] = "adam8bit"

    betas: Annotated[list[Beta], Field(min_length=2, max_length=2)] = opt(
        [0.9, 0.999],
        "Betas",
        "Smoothing factors for the running averages of the gradient and its square.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
    )
    eps: float = opt(
        1e-6,
        "Epsilon",
        "Tiny number that prevents division by zero.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        log=True,
        gt=0,
    )
    weight_decay: float = opt(
        0.0,
        "Weight decay",
        "Gently pulls weights toward zero to prevent overfitting. 1e-4 to 1e-2 is common.",
        group=_GROUP,
        tier="advanced",
        default_note=_LIBRARY,
        on_resume="new-trajectory",
        ge=0,
    )


class AdamW8bitParams(Adam8bitParams):
    """Parameters of `adamw8bit`."""

    kind: ClassVar[str] = "adamw8bit"

    weight_decay: float = opt(
        0.01,
        "Weight decay",
        "Gently pulls weights toward zero to prevent overfitting. 1e-4 to 1e-2 is common.",
        group=_GROUP,
        tier="advanced",
        default_note=_LIBRARY,
        on_resume="new-trajectory",
        ge=0,
    )


class AdafactorParams(ParamSection):
    """Parameters of `adafactor`."""

    kind: ClassVar[str] = "adafactor"

    eps: Annotated[list[Positive], Field(min_length=2, max_length=2)] = opt(
        [1e-30, 1e-3],
        "Epsilon",
        "Two floors: of the second moment and of the size of a weight tensor.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
    )
    weight_decay: float = opt(
        0.0,
        "Weight decay",
        "Gently pulls weights toward zero to prevent overfitting. 1e-4 to 1e-2 is common.",
        group=_GROUP,
        tier="advanced",
        default_note=_LIBRARY,
        on_resume="new-trajectory",
        ge=0,
    )
    clip_threshold: float = opt(
        1.0,
        "Update clip threshold",
        "Largest allowed average size of one update.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        gt=0,
    )
    decay_rate: float = opt(
        -0.8,
        "Second moment decay",
        "How the averaging window of Adafactor grows.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        lt=0,
    )
    beta1: float | None = opt(
        None,
        "Adafactor momentum",
        "Optional momentum for Adafactor. Empty = none.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        ge=0,
        lt=1,
    )
    scale_parameter: bool = opt(
        False,
        "Scale by weight size",
        "Scale the step by the size of each weight tensor.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
    )
    relative_step: bool = opt(
        False,
        "Relative step",
        "Let Adafactor choose its own time-dependent step size.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
    )
    warmup_init: bool = opt(
        False,
        "Warmup init",
        "Start the relative step tiny and warm up.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        requires=("train.optimizer_params.relative_step",),
    )


OptimizerParams = Annotated[
    Annotated[AdamWParams, Tag("adamw")]
    | Annotated[AdamParams, Tag("adam")]
    | Annotated[AdamW8bitParams, Tag("adamw8bit")]
    | Annotated[Adam8bitParams, Tag("adam8bit")]
    | Annotated[AdafactorParams, Tag("adafactor")],
    Discriminator(kind_of),
]
