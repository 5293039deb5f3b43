"""Parameters of Lion, in 32 and 8 bits, and of Adagrad."""

from typing import ClassVar

from schema.option import ParamSection, opt
from schema.sections.train.optimizers.parts import LIBRARY, OPTIMIZER_GROUP, Betas
from schema.sections.train.optimizers.signatures import LibraryParams


class LionParams(ParamSection):
    """Parameters of `lion`."""

    kind: ClassVar[str] = "lion"

    betas: Betas = opt(
        [0.9, 0.99],
        "Betas",
        "Smoothing factors for the running averages of the gradient and its square.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        detail="Update lr * sign(b1 m + (1 - b1) g), then m <- b2 m + (1 - b2) g.",
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
    use_triton: bool = opt(
        False,
        "Lion Triton kernel",
        "Use the Triton kernel of lion-pytorch.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        detail="Needs a CUDA GPU and the triton package.",
    )
    decoupled_weight_decay: bool = opt(
        False,
        "Decay follows the schedule",
        "Scale the decay by the learning rate relative to its start.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
    )


class Lion8bitParams(ParamSection):
    """Parameters of `lion8bit`."""

    kind: ClassVar[str] = "lion8bit"

    betas: Betas = opt(
        [0.9, 0.99],
        "Betas",
        "Smoothing factors for the running averages of the gradient and its square.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        detail="Update lr * sign(b1 m + (1 - b1) g), then m <- b2 m + (1 - b2) g.",
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


class AdagradParams(LibraryParams):
    """Parameters of `adagrad`."""

    kind: ClassVar[str] = "adagrad"

    eps: float = opt(
        1e-10,
        "Epsilon",
        "Tiny number that prevents division by zero.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        default_note=LIBRARY,
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
    lr_decay: float = opt(
        0.0,
        "Adagrad lr decay",
        "Decay of the learning rate over time.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        detail="Rate lr / (1 + (k - 1) * decay) at update k.",
        ge=0,
    )
    initial_accumulator_value: float = opt(
        0.0,
        "Initial accumulator",
        "Start of the sum of squared gradients; more makes the first steps smaller.",
        group=OPTIMIZER_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        ge=0,
    )
