"""`train.lr_scheduler_params:` - one closed class per schedule, chosen by `train.lr_scheduler`."""

from typing import Annotated, ClassVar

from pydantic import Discriminator, Tag

from schema.option import REQUIRED, ParamSection, kind_of, opt

_GROUP = "Learning rate schedule settings"


class _Length(ParamSection):
    """What every schedule takes: its length and a linear warm-up in front of it."""

    total_iters: int | None = opt(
        None,
        "Schedule length",
        "Over how many steps the schedule runs. Empty = all training steps.",
        group=_GROUP,
        tier="advanced",
        unit="steps",
        on_resume="new-trajectory",
        inherits="train.steps",
        aliases=("max_iterations",),
        ge=1,
    )
    warmup_steps: int = opt(
        0,
        "Warmup steps",
        "Rise linearly from near zero over this many steps before the schedule begins.",
        group=_GROUP,
        tier="advanced",
        unit="steps",
        on_resume="new-trajectory",
        ge=0,
    )


class ConstantParams(_Length):
    """Parameters of `constant`."""

    kind: ClassVar[str] = "constant"

    factor: float = opt(
        1.0,
        "Initial factor",
        "Multiply the learning rate by this until the schedule length is over.",
        group=_GROUP,
        tier="advanced",
        on_resume="new-trajectory",
        gt=0,
        le=1,
    )


class LinearParams(_Length):
    """Parameters of `linear`."""

    kind: ClassVar[str] = "linear"

    start_factor: float = opt(
        1 / 3,
        "Start factor",
        "Learning rate multiplier at the first step.",
        group=_GROUP,
        tier="advanced",
        on_resume="new-trajectory",
        gt=0,
        le=1,
    )
    end_factor: float = opt(
        1.0,
        "End factor",
        "Learning rate multiplier at the end.",
        group=_GROUP,
        tier="advanced",
        on_resume="new-trajectory",
        ge=0,
        le=1,
    )


class CosineParams(_Length):
    """Parameters of `cosine`."""

    kind: ClassVar[str] = "cosine"

    total_iters: int | None = opt(
        None,
        "Schedule length",
        "Over how many steps the schedule runs. Empty = all training steps.",
        group=_GROUP,
        tier="advanced",
        unit="steps",
        on_resume="new-trajectory",
        inherits="train.steps",
        aliases=("T_max", "max_iterations"),
        ge=1,
    )
    eta_min: float = opt(
        0.0,
        "Lowest learning rate",
        "The learning rate the cosine curve ends at.",
        group=_GROUP,
        tier="advanced",
        on_resume="new-trajectory",
        ge=0,
    )


class RestartsParams(ParamSection):
    """Parameters of `cosine_with_restarts`."""

    kind: ClassVar[str] = "cosine_with_restarts"

    T_0: int | None = opt(
        None,
        "First cycle length",
        "Steps until the first restart. Empty = all training steps, that is no restart.",
        group=_GROUP,
        tier="advanced",
        unit="steps",
        on_resume="new-trajectory",
        inherits="train.steps",
        aliases=("total_iters", "max_iterations"),
        ge=1,
    )
    T_mult: int = opt(
        1,
        "Cycle growth",
        "Each cycle is this many times longer than the one before.",
        group=_GROUP,
        tier="advanced",
        on_resume="new-trajectory",
        ge=1,
    )
    eta_min: float = opt(
        0.0,
        "Lowest learning rate",
        "The learning rate the cosine curve ends at.",
        group=_GROUP,
        tier="advanced",
        on_resume="new-trajectory",
        ge=0,
    )
    warmup_steps: int = opt(
        0,
        "Warmup steps",
        "Rise linearly from near zero over this many steps before the schedule begins.",
        group=_GROUP,
        tier="advanced",
        unit="steps",
        on_resume="new-trajectory",
        ge=0,
    )


class StepParams(_Length):
    """Parameters of `step`."""

    kind: ClassVar[str] = "step"

    step_size: int = opt(
        REQUIRED,
        "Drop every",
        "Lower the learning rate every this many steps.",
        group=_GROUP,
        tier="advanced",
        unit="steps",
        on_resume="new-trajectory",
        ge=1,
    )
    gamma: float = opt(
        0.1,
        "Drop factor",
        "Multiply the learning rate by this at every drop.",
        group=_GROUP,
        tier="advanced",
        on_resume="new-trajectory",
        gt=0,
    )


class WarmupParams(ParamSection):
    """Parameters of `constant_with_warmup`."""

    kind: ClassVar[str] = "constant_with_warmup"

    num_warmup_steps: int = opt(
        1000,
        "Warmup steps",
        "Raise the learning rate from zero over this many steps.",
        group=_GROUP,
        tier="advanced",
        unit="steps",
        on_resume="new-trajectory",
        aliases=("warmup_steps",),
        ge=0,
    )


class PolynomialParams(ParamSection):
    """Parameters of `polynomial`."""

    kind: ClassVar[str] = "polynomial"

    num_warmup_steps: int = opt(
        0,
        "Warmup steps",
        "Raise the learning rate from zero over this many steps.",
        group=_GROUP,
        tier="advanced",
        unit="steps",
        on_resume="new-trajectory",
        aliases=("warmup_steps",),
        ge=0,
    )
    num_training_steps: int | None = opt(
        None,
        "Total steps",
        "Total length used by the polynomial schedule. Empty = all training steps.",
        group=_GROUP,
        tier="advanced",
        unit="steps",
        on_resume="new-trajectory",
        inherits="train.steps",
        aliases=("total_iters", "max_iterations"),
        ge=1,
    )
    lr_end: float = opt(
        1e-7,
        "Final learning rate",
        "Rate at the end of polynomial decay.",
        group=_GROUP,
        tier="advanced",
        on_resume="new-trajectory",
        log=True,
        ge=0,
    )
    power: float = opt(
        1.0,
        "Power",
        "Shape of polynomial decay; 1 is linear.",
        group=_GROUP,
        tier="advanced",
        on_resume="new-trajectory",
        gt=0,
    )


class PiecewiseParams(ParamSection):
    """Parameters of `piecewise_constant`."""

    kind: ClassVar[str] = "piecewise_constant"

    step_rules: str = opt(
        REQUIRED,
        "Step rules",
        "Multipliers with end steps, e.g. 1:100,0.1:200,0.01",
        group=_GROUP,
        tier="advanced",
        on_resume="new-trajectory",
        pattern=r"^\s*(\d+(\.\d*)?([eE]-?\d+)?\s*:\s*\d+\s*,\s*)*\d+(\.\d*)?([eE]-?\d+)?\s*$",
        form="multiplier:step,...,multiplier",
    )


SchedulerParams = Annotated[
    Annotated[ConstantParams, Tag("constant")]
    | Annotated[LinearParams, Tag("linear")]
    | Annotated[CosineParams, Tag("cosine")]
    | Annotated[RestartsParams, Tag("cosine_with_restarts")]
    | Annotated[StepParams, Tag("step")]
    | Annotated[WarmupParams, Tag("constant_with_warmup")]
    | Annotated[PolynomialParams, Tag("polynomial")]
    | Annotated[PiecewiseParams, Tag("piecewise_constant")],
    Discriminator(kind_of),
]
