"""`train:` - how long the run is, how much goes into a step, precision and averaging."""

from schema.option import Section, opt
from schema.sections.dtypes import TRAIN_SYNONYMS, TrainDtype

_LENGTH = "Run length and batch"
_GRADIENT = "Gradient & Accumulation"


class EmaConfig(Section):
    """Everything under `train.ema_config:`."""

    use_ema: bool = opt(
        False, "Use EMA", "Turn weight averaging on.", group="EMA", on_resume="new-trajectory",
    )  # fmt: skip
    ema_decay: float = opt(
        0.999,
        "EMA decay",
        "How slowly the average moves. 0.99 follows quickly, 0.9999 very slowly.",
        group="EMA",
        on_resume="new-trajectory",
        requires=("train.ema_config.use_ema",),
        ge=0,
        le=1,
    )


class RunLength(Section):
    """The options of `train:` on length, batch, precision, gradients and averaging."""

    steps: int = opt(
        1000,
        "Training steps",
        "How many training steps the run makes in total, counted from step 0 even when you resume.",
        group=_LENGTH,
        unit="steps",
        editable_live=True,
        ge=1,
    )
    batch_size: int = opt(
        1,
        "Batch size",
        "How many images go through the model together in one forward pass. Bigger is smoother "
        "but needs more memory.",
        group=_LENGTH,
        unit="images",
        on_resume="new-trajectory",
        ge=1,
    )
    dtype: TrainDtype = opt(
        "fp32",
        "Training precision",
        "Number format for the frozen model, latents and activations. bf16 is the usual choice on "
        "modern GPUs.",
        group="Precision and attention",
        choices={
            "fp32": "exact and slow, the choice on a CPU",
            "bf16": "half the memory, wide range: the usual choice",
            "fp16": "half the memory, narrow range, for older GPUs",
        },
        synonyms=TRAIN_SYNONYMS,
        on_resume="new-trajectory",
    )
    gradient_checkpointing: bool = opt(
        True,
        "Gradient checkpointing",
        "Trade some speed for a lot less memory by recomputing activations in the backward pass.",
        group="Precision and attention",
    )
    gradient_accumulation: int = opt(
        1,
        "Gradient accumulation",
        "Process this many batches before each update, to imitate a larger batch.",
        group=_GRADIENT,
        unit="batches",
        on_resume="new-trajectory",
        conflicts=("train.gradient_accumulation_steps",),
        ge=1,
    )
    gradient_accumulation_steps: int = opt(
        1,
        "Accumulation (legacy)",
        "Old setting: each accumulation counts as a step. Prefer gradient accumulation.",
        group=_GRADIENT,
        tier="expert",
        unit="steps",
        on_resume="new-trajectory",
        conflicts=("train.gradient_accumulation",),
        detail="With n > 1 the weights change at every n-th step only, while the step counter, the "
        "schedule, saves and previews advance at every step. -1 updates at the end of each epoch.",
        ge=-1,
    )
    max_grad_norm: float | None = opt(
        1.0,
        "Gradient clipping",
        "Limits how big one update can be. Lower is safer; empty or 0 means no limit.",
        group=_GRADIENT,
        tier="advanced",
        on_resume="new-trajectory",
        editable_live=True,
        ge=0,
    )
    ema_config: EmaConfig = opt(
        EmaConfig(),
        "EMA",
        "Keeps a slowly moving average of the trained weights and uses it for saves and previews.",
        group="EMA",
        on_resume="new-trajectory",
    )
