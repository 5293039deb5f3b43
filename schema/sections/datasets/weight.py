"""`datasets:` - how much the set counts, and what it does to the rest."""

from schema.option import Section, opt

_REPEAT = "Repetition and sampling"
_REGULAR = "Regularization"
_ADVANCED = "Advanced features"
_AUTOMATIC = "Set automatically"


class Weight(Section):
    """The options of a dataset on its weight in training."""

    batch_size: int | None = opt(
        None,
        "Batch size override",
        "Batch size for this dataset only. Leave empty to use the one from the training section.",
        group=_REPEAT,
        tier="advanced",
        unit="pictures",
        on_resume="new-trajectory",
        inherits="train.batch_size",
        requires=("datasets[].buckets",),
        detail="Batches never mix datasets while buckets are on, so each may have a size of its "
        "own; everything that depends on it takes the size of the batch at hand.",
        ge=1,
    )
    num_repeats: int = opt(
        1,
        "Repeats",
        "Show every file this many times per epoch. Use it to balance a small dataset against a "
        "big one.",
        group=_REPEAT,
        unit="times",
        on_resume="new-trajectory",
        detail="Every repeat is a picture of its own: own random crop, own draws, own place in "
        "the batches. Cached latents are shared.",
        ge=1,
    )
    is_reg: bool = opt(
        False,
        "Regularization set",
        "Marks generic class images that keep the model from forgetting. They are trained on "
        "every other step.",
        group=_REGULAR,
        tier="advanced",
        on_resume="new-trajectory",
        detail="Such sets form a stream of batches of their own, from which every step with an "
        "even number draws, unless it saves or makes previews. On these steps the loss is "
        "multiplied by train.reg_weight, the trigger word only fills placeholders, "
        "content_or_style_reg counts, and a dropped caption is blank.",
    )
    prior_reg: bool = opt(
        False,
        "Prior regularization set",
        "Trains these pictures towards what the untouched base model predicts, so that it keeps "
        "what it knows.",
        group=_REGULAR,
        tier="advanced",
        on_resume="new-trajectory",
        requires=("network|adapter",),
        conflicts=("train.train_turbo", "train.do_prior_divergence"),
        detail="A second pass with the network off, on the same noisy latents, timesteps and "
        "captions, gives the target P; the loss is that between the prediction and P, weighted as "
        "usual. At the start of a LoRA it is exactly 0. Two passes a step. May be combined with "
        "is_reg.",
    )
    network_weight: float = opt(
        1.0,
        "Network strength",
        "LoRA strength used while training on this dataset. Negative values teach the opposite "
        "direction.",
        group=_REGULAR,
        tier="advanced",
        unit="times",
        on_resume="new-trajectory",
        requires=("network",),
        detail="y = W x + m (alpha / rank) up(down(x)) for the rows of this set, in both passes, "
        "so that gradients are multiplied too: it is no weight of the loss. At -1 the LoRA learns "
        "that its negative gives these pictures. Sensible from -5 to 5.",
    )
    loss_multiplier: float = opt(
        1.0,
        "Loss weight",
        "Multiplies the training loss of this dataset. 2 makes it count double, 0.5 half.",
        group=_REGULAR,
        tier="advanced",
        unit="times",
        on_resume="new-trajectory",
        detail="Each picture's loss, after mask and noise-level weights, is multiplied by it "
        "before the mean over the batch. On top of train.reg_weight; preservation losses are not "
        "scaled.",
        ge=0,
    )
    extra_values: list[float] = opt(
        [],
        "Extra values",
        "Numbers that go with every picture of this set, such as a rating, for a single-value "
        "adapter.",
        group=_ADVANCED,
        tier="expert",
        on_resume="new-trajectory",
        requires=("adapter.type=single_value",),
        detail="Given to the adapter as conditioning; for the unconditional side zeros. A JSON "
        "caption may hold numbers of its own for its picture. All sets of a run need the same "
        "count.",
    )
    diff_output_preservation: bool = opt(
        False,
        "Output preservation (auto)",
        "Follows train.diff_output_preservation; set it there.",
        group=_AUTOMATIC,
        tier="expert",
        on_resume="new-trajectory",
        inherits="train.diff_output_preservation",
        detail="Written by other trainers into every dataset. Each caption gets a second version, "
        "in which the class stands for the trigger word.",
    )
    diff_output_preservation_class: str = opt(
        "",
        "Preservation class (auto)",
        "Follows train.diff_output_preservation_class; set it there.",
        group=_AUTOMATIC,
        tier="expert",
        on_resume="new-trajectory",
        inherits="train.diff_output_preservation_class",
        requires=("train.diff_output_preservation",),
        detail="Written by other trainers into every dataset: the word in the place of the "
        "trigger word.",
    )
