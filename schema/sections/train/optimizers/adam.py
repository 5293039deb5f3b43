"""Parameters of Adam and its relatives with smaller states."""

from typing import ClassVar

from schema.option import ParamSection, opt
from schema.sections.train.optimizers.parts import LIBRARY, OPTIMIZER_GROUP, Betas, ThreeBetas
from schema.sections.train.optimizers.signatures import LibraryParams


class AdamParams(LibraryParams):
    """Parameters of `adam`, and what `adamw` shares."""

    kind: ClassVar[str] = "adam"

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
        detail="decay * w is added to the gradient.",
        ge=0,
    )
    amsgrad: bool = opt(
        False,
        "AMSGrad",
        "Use the running maximum of the second moment.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        detail="Divides by the running maximum of the second moment, so that rates never rise "
        "again.",
    )
    fused: bool | None = opt(
        None,
        "Fused kernel",
        "Use the one fused kernel that updates all tensors. Empty uses it wherever it can.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
    )
    foreach: bool | None = opt(
        None,
        "Update many at once",
        "Use the kernels that update many tensors at once. Empty leaves the choice to the engine.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
    )
    maximize: bool = opt(
        False,
        "Maximize",
        "Climb the loss instead of falling; turns learning into unlearning.",
        group=OPTIMIZER_GROUP,
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
        group=OPTIMIZER_GROUP,
        tier="advanced",
        default_note=LIBRARY,
        on_resume="new-trajectory",
        detail="w <- w - lr * decay * w, apart from the gradient.",
        ge=0,
    )


class Adam8bitParams(ParamSection):
    """Parameters of `adam8bit`: as `adam`, without AMSGrad."""

    kind: ClassVar[str] = "adam8bit"

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
        detail="decay * w is added to the gradient.",
        ge=0,
    )
    min_8bit_size: int = opt(
        4096,
        "Smallest 8-bit tensor",
        "Tensors with fewer values than this keep 32-bit states.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        unit="values",
        ge=0,
    )
    is_paged: bool = opt(
        False,
        "Paged states",
        "Let the states move to main memory when the GPU is full.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
    )


class AdamW8bitParams(Adam8bitParams):
    """Parameters of `adamw8bit`."""

    kind: ClassVar[str] = "adamw8bit"

    weight_decay: float = opt(
        0.01,
        "Weight decay",
        "Gently pulls weights toward zero to prevent overfitting. 1e-4 to 1e-2 is common.",
        group=OPTIMIZER_GROUP,
        tier="advanced",
        default_note=LIBRARY,
        on_resume="new-trajectory",
        detail="w <- w - lr * decay * w, apart from the gradient.",
        ge=0,
    )


class AdEMAMix8bitParams(ParamSection):
    """Parameters of `ademamix8bit`: Adam with a fast and a slow momentum."""

    kind: ClassVar[str] = "ademamix8bit"

    betas: ThreeBetas = opt(
        [0.9, 0.999, 0.9999],
        "Betas",
        "Smoothing factors for the running averages of the gradient and its square.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        detail="Of the fast momentum, the second moment and the slow momentum.",
    )
    alpha: float = opt(
        5.0,
        "AdEMAMix alpha",
        "Weight of the slow momentum.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        detail="Update (m_fast + alpha * m_slow) / (sqrt(v) + eps).",
        ge=0,
    )
    t_alpha: int | None = opt(
        None,
        "AdEMAMix alpha warmup",
        "Steps over which the weight of the slow momentum rises. Empty starts at full weight.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        unit="steps",
        ge=1,
    )
    t_beta3: int | None = opt(
        None,
        "AdEMAMix beta warmup",
        "Steps over which the slow momentum becomes slow. Empty starts slow.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        unit="steps",
        ge=1,
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
        0.01,
        "Weight decay",
        "Gently pulls weights toward zero to prevent overfitting. 1e-4 to 1e-2 is common.",
        group=OPTIMIZER_GROUP,
        tier="advanced",
        default_note=LIBRARY,
        on_resume="new-trajectory",
        detail="w <- w - lr * decay * w, apart from the gradient.",
        ge=0,
    )
    min_8bit_size: int = opt(
        4096,
        "Smallest 8-bit tensor",
        "Tensors with fewer values than this keep 32-bit states.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        unit="values",
        ge=0,
    )
    is_paged: bool = opt(
        False,
        "Paged states",
        "Let the states move to main memory when the GPU is full.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
    )


class Adam8Params(ParamSection):
    """Parameters of `adam8`: moments as int8 with one scale a tensor."""

    kind: ClassVar[str] = "adam8"

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
        default_note="So that it differs from adamw8, which is this optimizer with true.",
        on_resume="new-trajectory",
        detail="True: w <- w - lr * decay * w. False: decay * w is added to the gradient.",
    )


class AdamW8Params(Adam8Params):
    """Parameters of `adamw8`."""

    kind: ClassVar[str] = "adamw8"

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
        detail="True: w <- w - lr * decay * w. False: decay * w is added to the gradient.",
    )
