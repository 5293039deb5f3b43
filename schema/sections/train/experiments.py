"""`train:` - experiments with noise and targets."""

from schema.option import Section, opt

_EXPERIMENTAL = "Experimental noise"


class Experiments(Section):
    """The options of `train:` that mix pictures into noise and targets."""

    do_signal_correction_noise: bool = opt(
        False,
        "Signal correction noise",
        "Mix a random amount of the image itself into the noise.",
        group=_EXPERIMENTAL,
        tier="expert",
        on_resume="new-trajectory",
        detail="e <- e + x0 n * scale, n normal per image and channel. The model learns to take "
        "out a wrong amount of the picture.",
    )
    signal_correction_noise_scale: float = opt(
        1.0,
        "Signal correction scale",
        "Strength of the signal correction noise.",
        group=_EXPERIMENTAL,
        tier="expert",
        on_resume="new-trajectory",
        requires=("train.do_signal_correction_noise",),
        ge=0,
    )
    do_batch_noise_correction: bool = opt(
        False,
        "Batch noise correction",
        "Mix other images of the batch into the noise.",
        group=_EXPERIMENTAL,
        tier="expert",
        on_resume="new-trajectory",
        detail="e <- e + x0' n * scale, x0' the latents of another image of the batch, n normal "
        "per image and channel. Needs at least two images in a batch.",
    )
    batch_noise_correction_scale: float = opt(
        0.1,
        "Batch correction scale",
        "Strength of the batch noise correction.",
        group=_EXPERIMENTAL,
        tier="expert",
        on_resume="new-trajectory",
        requires=("train.do_batch_noise_correction",),
        ge=0,
    )
    do_signal_amplification: bool = opt(
        False,
        "Signal amplification",
        "Train toward a slightly stronger image signal at low noise.",
        group=_EXPERIMENTAL,
        tier="expert",
        applies_to=("flow",),
        on_resume="new-trajectory",
        detail="Target e - x0 (1 + strength (1 - s)), s the noise level: the same at pure "
        "noise, beyond the picture near the clean end.",
    )
    signal_amplification_strength: float = opt(
        0.5,
        "Amplification strength",
        "How much stronger the signal gets.",
        group=_EXPERIMENTAL,
        tier="expert",
        applies_to=("flow",),
        on_resume="new-trajectory",
        requires=("train.do_signal_amplification",),
        ge=0,
        le=2,
    )
    do_blank_stabilization: bool = opt(
        False,
        "Blank stabilization",
        "For empty prompts train toward an empty image.",
        group=_EXPERIMENTAL,
        tier="expert",
        on_resume="new-trajectory",
        detail="Items whose prompt is empty, or was dropped, get x0 = 0: the model's answer to "
        "no prompt becomes neutral.",
    )
