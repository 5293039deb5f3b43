"""`train:` - learning rates, the optimizer and the learning-rate schedule."""

from typing import Literal

from schema.option import Section, opt
from schema.sections.train.optimizers import (
    OPTIMIZER_SYNONYMS,
    OPTIMIZER_WORDS,
    OptimizerName,
    OptimizerParams,
)
from schema.sections.train.schedules import SchedulerParams

_GROUP = "Learning & Optimization Strategy"


class Learning(Section):
    """The options of `train:` on how the weights move."""

    lr: float = opt(
        1e-6,
        "Learning rate",
        "How big each learning step is. 1e-4 is typical for LoRA, 1e-5 or less for full "
        "fine-tuning.",
        group=_GROUP,
        on_resume="new-trajectory",
        editable_live=True,
        log=True,
        ge=0,
    )
    unet_lr: float | None = opt(
        None,
        "Denoiser learning rate",
        "Separate learning rate for the image model (U-Net or transformer). Empty = same as "
        "learning rate.",
        group=_GROUP,
        tier="advanced",
        on_resume="new-trajectory",
        editable_live=True,
        inherits="train.lr",
        log=True,
        ge=0,
    )
    text_encoder_lr: float | None = opt(
        None,
        "Text encoder learning rate",
        "Separate learning rate for the text encoder. Usually half or less of the main rate.",
        group=_GROUP,
        tier="advanced",
        on_resume="new-trajectory",
        editable_live=True,
        inherits="train.lr",
        requires=("train.train_text_encoder",),
        log=True,
        ge=0,
    )
    refiner_lr: float | None = opt(
        None,
        "Refiner learning rate",
        "Learning rate for the SDXL refiner model. Empty = same as learning rate.",
        group=_GROUP,
        tier="advanced",
        applies_to=("refiner",),
        on_resume="new-trajectory",
        editable_live=True,
        requires=("train.train_refiner",),
        inherits="train.lr",
        log=True,
        detail="Only full fine-tuning trains the refiner; a network never does.",
        ge=0,
    )
    embedding_lr: float | None = opt(
        None,
        "Embedding learning rate",
        "Learning rate for a trained text embedding (textual inversion).",
        group=_GROUP,
        tier="advanced",
        on_resume="new-trajectory",
        editable_live=True,
        requires=("embedding",),
        inherits="train.lr",
        log=True,
        detail="Of the token vectors of the embedding: section. All other rows of the token "
        "table stay as they are.",
        ge=0,
    )
    adapter_lr: float | None = opt(
        None,
        "Adapter learning rate",
        "Learning rate for a trained adapter (IP-Adapter, T2I, ControlNet, ...).",
        group=_GROUP,
        tier="advanced",
        on_resume="new-trajectory",
        editable_live=True,
        requires=("adapter.train",),
        inherits="train.lr",
        log=True,
        detail="Of the parameters of the adapter: section while adapter.train is on.",
        ge=0,
    )
    optimizer: OptimizerName = opt(
        "adamw",
        "Optimizer",
        "The algorithm that updates the weights. adamw8bit saves memory, prodigy finds its own "
        "learning rate.",
        group=_GROUP,
        on_resume="new-trajectory",
        choices=OPTIMIZER_WORDS,
        synonyms=OPTIMIZER_SYNONYMS,
    )
    optimizer_params: OptimizerParams = opt(
        {},
        "Optimizer settings",
        "Extra settings of the chosen optimizer.",
        group=_GROUP,
        tier="advanced",
        on_resume="new-trajectory",
        params_of="optimizer",
    )
    lr_scheduler: Literal[
        "constant", "linear", "cosine", "cosine_with_restarts", "step", "constant_with_warmup",
        "polynomial", "piecewise_constant",
    ] = opt(
        "constant",
        "LR schedule",
        "How the learning rate changes during training.",
        group=_GROUP,
        on_resume="new-trajectory",
        choices={
            "constant": "stays the same",
            "linear": "a straight line from start factor to end factor",
            "cosine": "falls along a half cosine wave",
            "cosine_with_restarts": "cosine, begun again after every cycle",
            "step": "drops by a factor every so many steps",
            "constant_with_warmup": "rises from zero, then stays",
            "polynomial": "warm-up, then falls along a power curve",
            "piecewise_constant": "a stair of multipliers",
        },
    )  # fmt: skip
    lr_scheduler_params: SchedulerParams = opt(
        {},
        "LR schedule settings",
        "Extra settings of the learning rate schedule.",
        group=_GROUP,
        tier="advanced",
        on_resume="new-trajectory",
        params_of="lr_scheduler",
    )
