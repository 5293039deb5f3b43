"""`train:` - what of the base model is to stay as it is."""

from schema.option import Section, opt

_ADVANCED = "Advanced Preservation Strategies"
_REGULARIZATION = "Regularization"


class Preservation(Section):
    """The options of `train:` on preserving what the model knows."""

    diff_output_preservation: bool = opt(
        False,
        "Diff. output preservation",
        "Keeps the model's knowledge of the general class while it learns your trigger word.",
        group=_ADVANCED,
        tier="advanced",
        on_resume="new-trajectory",
        requires=("network", "train.diff_output_preservation_class"),
        conflicts=(
            "train.blank_prompt_preservation",
            "train.train_text_encoder",
            "train.do_prior_divergence",
        ),
        detail="The caption with the trigger word replaced by the class is predicted twice on "
        "the same x_t: without the network (p0) and with it (p1). loss += strength * mean((p1 - "
        "p0)^2). Three passes through the model a step instead of one.",
    )
    diff_output_preservation_multiplier: float = opt(
        1.0,
        "DOP strength",
        "Strength of differential output preservation.",
        group=_ADVANCED,
        tier="advanced",
        on_resume="new-trajectory",
        requires=("train.diff_output_preservation",),
        ge=0,
    )
    diff_output_preservation_class: str = opt(
        "",
        "DOP class",
        "The general word your trigger belongs to, for example woman or dog.",
        group=_ADVANCED,
        tier="advanced",
        on_resume="new-trajectory",
        requires=("train.diff_output_preservation",),
        detail="Takes the place of the trigger word in the captions of the preservation passes.",
    )
    blank_prompt_preservation: bool = opt(
        False,
        "Blank prompt preservation",
        "Keeps what the model does with an empty prompt, so style does not leak everywhere.",
        group=_ADVANCED,
        tier="advanced",
        on_resume="new-trajectory",
        requires=("network",),
        conflicts=("train.diff_output_preservation", "train.do_prior_divergence"),
        detail="As differential output preservation, with the empty prompt for both passes.",
    )
    blank_prompt_preservation_multiplier: float = opt(
        1.0,
        "Blank preservation strength",
        "Strength of blank prompt preservation.",
        group=_ADVANCED,
        tier="advanced",
        on_resume="new-trajectory",
        requires=("train.blank_prompt_preservation",),
        ge=0,
    )
    inverted_mask_prior: bool = opt(
        False,
        "Inverted mask prior",
        "Outside the mask, hold the picture to what the untouched model would predict.",
        group=_ADVANCED,
        tier="advanced",
        on_resume="new-trajectory",
        conflicts=("train.train_turbo",),
        detail="loss += strength * mean((p - p0)^2 * v), p0 the prediction without the network, "
        "v = (1 - mask) / mean(1 - mask). Absolute differences with loss_type: mae.",
    )
    inverted_mask_prior_multiplier: float = opt(
        0.5,
        "Inverted mask strength",
        "Strength of the inverted mask prior.",
        group=_ADVANCED,
        tier="advanced",
        on_resume="new-trajectory",
        requires=("train.inverted_mask_prior",),
        ge=0,
    )
    do_prior_divergence: bool = opt(
        False,
        "Prior divergence",
        "Pushes the network away from what the base model would have predicted.",
        group=_ADVANCED,
        tier="expert",
        on_resume="new-trajectory",
        conflicts=("train.diff_output_preservation", "train.blank_prompt_preservation"),
        detail="Subtracts (p - p0)^2 from the loss, p0 the prediction without the network. "
        "Nothing bounds it from below: use a small learning rate and gradient clipping.",
    )
    reg_weight: float = opt(
        1.0,
        "Regularization weight",
        "How strongly regularization images count in the loss.",
        group=_REGULARIZATION,
        tier="advanced",
        on_resume="new-trajectory",
        detail="The loss of a batch is multiplied by the mean weight of its items: this for "
        "regularization images, 1 for others. They are taken at every second step.",
        ge=0,
    )
