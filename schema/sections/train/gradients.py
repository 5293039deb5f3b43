"""`train:` - from losses to one update: accumulation, clipping, and what of the weights moves."""

from schema.option import Section, opt

_GRADIENT = "Gradient & Accumulation"
_ADVANCED = "Advanced Optimizer Settings"


class Gradients(Section):
    """The options of `train:` on gradients."""

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
    max_loss: float | None = opt(
        None,
        "Maximum loss",
        "Cap the loss so that a single bad image cannot wreck the run.",
        group=_GRADIENT,
        tier="advanced",
        on_resume="new-trajectory",
        detail="loss = min(loss, max_loss), before the preservation loss is added. Above the "
        "cap the gradient is zero, so such a batch contributes nothing.",
        gt=0,
    )
    max_loss_debug: bool = opt(
        False,
        "Report capped losses",
        "Print a message with the timesteps whenever the loss cap is hit.",
        group=_GRADIENT,
        tier="expert",
        requires=("train.max_loss",),
        detail="Writes the loss and the timesteps of the batch to the log.",
    )
    weight_jitter: float = opt(
        0.0,
        "Weight jitter",
        "Randomly varies the network strength each step for robustness.",
        group=_GRADIENT,
        tier="expert",
        on_resume="new-trajectory",
        requires=("network",),
        detail="Each micro-batch draws j from -w to w, adds it to the network's multiplier and "
        "counts its loss 1 - |j| / w. Not on regularization batches.",
        ge=0,
        le=1,
    )
    single_item_batching: bool = opt(
        False,
        "Single item batching",
        "Run the batch one image at a time and add up the gradients, to save memory.",
        group=_ADVANCED,
        tier="expert",
        on_resume="new-trajectory",
        conflicts=("train.short_and_long_captions", "train.auto_scale_batch_size"),
        detail="The prepared batch is split: every item has its own forward and backward pass, "
        "its loss divided by the number of items, and one update follows. The result equals the "
        "whole batch.",
    )
    do_paramiter_swapping: bool = opt(
        False,
        "Parameter swapping",
        "Train only a random part of the weights each step to save memory.",
        group=_ADVANCED,
        tier="expert",
        on_resume="new-trajectory",
        requires=("train.optimizer=adafactor|train.optimizer=automagic",),
        conflicts=("train.gradient_accumulation_steps",),
        detail="At every step the trained tensors are shuffled and switched on until their "
        "share of the weights is reached; only these get gradients. At least one is always on. "
        "The misspelt key is the real one.",
    )
    paramiter_swapping_factor: float = opt(
        0.1,
        "Active parameter share",
        "Share of the weights trained at the same time.",
        group=_ADVANCED,
        tier="expert",
        on_resume="new-trajectory",
        requires=("train.do_paramiter_swapping",),
        detail="A share of all trained weights, counted in elements.",
        gt=0,
        le=1,
    )
