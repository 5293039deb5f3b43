"""`train:` - how long the run is and how many images go into a step."""

from schema.option import Section, opt

_RUN = "Run length and batch"
_ADVANCED = "Advanced Optimizer Settings"
_SAVING = "Saving and resume"


class RunLength(Section):
    """The options of `train:` on length and batch."""

    steps: int = opt(
        1000,
        "Training steps",
        "How many training steps the run makes in total, counted from step 0 even when you resume.",
        group=_RUN,
        unit="steps",
        editable_live=True,
        ge=1,
    )
    batch_size: int = opt(
        1,
        "Batch size",
        "How many images go through the model together in one forward pass. Bigger is smoother "
        "but needs more memory.",
        group=_RUN,
        unit="images",
        on_resume="new-trajectory",
        ge=1,
    )
    auto_scale_batch_size: bool = opt(
        False,
        "Auto batch size",
        "Ramp the batch up at the start and shrink it automatically when memory runs out.",
        group=_RUN,
        tier="expert",
        on_resume="new-trajectory",
        conflicts=("train.single_item_batching",),
        detail="A controller chooses the batch size b of every step. For the first W = "
        "batch_size_warmup_steps steps it grows in a straight line from min_batch_size to "
        "batch_size. When memory runs out the step is skipped and the limit becomes three "
        "quarters of b; after 100 good steps below 90 percent of the memory it grows by a "
        "quarter, up to max_batch_size.",
    )
    min_batch_size: int = opt(
        1,
        "Smallest batch",
        "Lower bound used by automatic batch sizing.",
        group=_RUN,
        tier="expert",
        unit="images",
        on_resume="new-trajectory",
        requires=("train.auto_scale_batch_size",),
        detail="First batch size of the ramp, and the floor when memory runs out.",
        ge=1,
    )
    max_batch_size: int | None = opt(
        None,
        "Largest batch",
        "Upper bound used by automatic batch sizing.",
        group=_RUN,
        tier="expert",
        unit="images",
        on_resume="new-trajectory",
        requires=("train.auto_scale_batch_size",),
        inherits="train.batch_size",
        detail="Ceiling of automatic growth. Empty never grows beyond batch_size.",
        ge=1,
    )
    batch_size_warmup_steps: int = opt(
        100,
        "Batch warmup steps",
        "Over how many steps the batch grows from the smallest size to the full batch size.",
        group=_ADVANCED,
        tier="expert",
        unit="steps",
        on_resume="new-trajectory",
        requires=("train.auto_scale_batch_size",),
        detail="b(s) = floor(b0 + (b1 - b0) s / W + 1/2) at step s < W, with b0 = "
        "min_batch_size and b1 = batch_size. 0 starts at full size. Counted from step 0 of the "
        "whole run, so a resumed run does not ramp again.",
        ge=0,
    )
    start_step: int | None = opt(
        None,
        "Start at step",
        "Let a new run count its steps from here instead of 0.",
        group=_SAVING,
        tier="advanced",
        unit="steps",
        on_resume="new-trajectory",
        detail="Loop, schedule, file numbers and the first preview all count from here, as if "
        "that many steps were done. A run that has a checkpoint goes on from its step: moving the "
        "counter of a half-trained run would make its schedule and its files disagree.",
        ge=0,
    )
    merge_network_on_save: bool = opt(
        False,
        "Merge LoRA on save",
        "On every save, bake the LoRA into the base model, save the full model, and restart the "
        "LoRA from zero.",
        group=_SAVING,
        tier="expert",
        on_resume="refused",
        requires=("network",),
        conflicts=("train.ema_config.use_ema",),
        detail="At every save W becomes W + strength * up @ down * alpha / rank, the up "
        "matrices go back to zero, and the whole model is written. Training goes on from the "
        "merged model: a LoRA that is restarted again and again. Moments of the optimizer stay.",
    )
    merge_network_on_save_strength: float = opt(
        1.0,
        "Merge strength",
        "How strongly the LoRA is added to the base model when merging on save.",
        group=_SAVING,
        tier="expert",
        on_resume="new-trajectory",
        requires=("train.merge_network_on_save",),
        detail="Below 1 a part of what was learned is thrown away at every save, because the "
        "network starts again from zero.",
        gt=0,
        le=2,
    )
