"""Parameters of Adafactor."""

from typing import Annotated, ClassVar

from pydantic import Field

from schema.option import ParamSection, opt
from schema.sections.train.optimizers.parts import LIBRARY, OPTIMIZER_GROUP, Positive


class AdafactorParams(ParamSection):
    """Parameters of `adafactor`."""

    kind: ClassVar[str] = "adafactor"

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
        detail="w <- w - lr * decay * w, apart from the gradient.",
        ge=0,
    )
    clip_threshold: float = opt(
        1.0,
        "Update clip threshold",
        "Largest allowed average size of one update.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        detail="u <- u / max(1, RMS(u) / threshold). The gradient norm is not clipped besides.",
        gt=0,
    )
    decay_rate: float = opt(
        -0.8,
        "Second moment decay",
        "How the averaging window of Adafactor grows.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        detail="beta2 = 1 - k^rate at update k.",
        lt=0,
    )
    beta1: float | None = opt(
        None,
        "Adafactor momentum",
        "Optional momentum for Adafactor. Empty = none.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        ge=0,
        lt=1,
    )
    scale_parameter: bool = opt(
        False,
        "Scale by weight size",
        "Scale the step by the size of each weight tensor.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        detail="lr <- lr * max(second floor, RMS(w)).",
    )
    relative_step: bool = opt(
        False,
        "Relative step",
        "Let Adafactor choose its own time-dependent step size.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        detail="lr = min(0.01, 1 / sqrt(k)) at update k; with warm-up init min(1e-6 k, 1 / "
        "sqrt(k)). train.lr is not used then.",
    )
    warmup_init: bool = opt(
        False,
        "Warmup init",
        "Start the relative step tiny and warm up.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        requires=("train.optimizer_params.relative_step",),
    )
    stochastic_accumulation: bool = opt(
        True,
        "Stochastic accumulation",
        "Accumulate low-precision gradients with random rounding so small ones are not lost.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        detail="Only for weights that are trained in less than 32 bits. FineTUI trains 32-bit "
        "copies of the weights, to which it makes no difference.",
    )
    stochastic_rounding: bool = opt(
        True,
        "Stochastic rounding",
        "Write low-precision weights back with random rounding so tiny updates are not lost.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        detail="Only for weights that are trained in less than 32 bits. FineTUI trains 32-bit "
        "copies of the weights, to which it makes no difference.",
    )
