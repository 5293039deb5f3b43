"""`train:` - what is trained, and when previews are made."""

from schema.option import Section, opt

_ADVANCED = "Advanced Training Modes"


class Modes(Section):
    """The options of `train:` that switch whole parts on and off."""

    train_unet: bool = opt(
        True,
        "Train denoiser",
        "Train the image model itself (U-Net or transformer).",
        group=_ADVANCED,
        on_resume="refused",
    )
    train_text_encoder: bool = opt(
        False,
        "Train text encoder",
        "Also train the text encoder. Only for Stable Diffusion type models.",
        group=_ADVANCED,
        tier="advanced",
        applies_to=("trainable_text_encoder",),
        on_resume="refused",
        conflicts=(
            "train.unload_text_encoder",
            "train.cache_text_embeddings",
            "datasets[].cache_text_embeddings",
        ),
    )
    train_refiner: bool = opt(
        True,
        "Train refiner",
        "Train the SDXL refiner if one is loaded.",
        group=_ADVANCED,
        tier="advanced",
        applies_to=("refiner",),
        on_resume="refused",
        detail="Only in full fine-tuning, saved beside the model with _refiner in its name. A "
        "network is never trained on it.",
    )
    disable_sampling: bool = opt(
        False,
        "Disable sampling",
        "Never make preview images.",
        group=_ADVANCED,
        editable_live=True,
        conflicts=("train.force_first_sample",),
    )
    skip_first_sample: bool = opt(
        False,
        "Skip first sample",
        "Do not make the preview before training starts.",
        group=_ADVANCED,
        conflicts=("train.force_first_sample",),
    )
    force_first_sample: bool = opt(
        False,
        "Force first sample",
        "Always make a preview at start, even when resuming.",
        group=_ADVANCED,
        conflicts=("train.skip_first_sample", "train.disable_sampling"),
    )
    train_turbo: bool = opt(
        False,
        "Turbo training",
        "Trains one-big-step denoising with a pixel loss, for few-step models.",
        group=_ADVANCED,
        tier="expert",
        applies_to=("unet",),
        on_resume="new-trajectory",
        conflicts=("train.inverted_mask_prior", "train.match_adapter_chance"),
        detail="From level s the prediction makes one Euler step to a random cleaner level e; "
        "what noise is left is subtracted, the result decoded with gradient, and its pixels "
        "compared with the image by the loss function. Needs images, not cached latents, and a "
        "variance-exploding noise scheduler such as euler.",
    )
    show_turbo_outputs: bool = opt(
        False,
        "Show turbo outputs",
        "Save or show the decoded turbo predictions while training.",
        group=_ADVANCED,
        tier="expert",
        applies_to=("unet",),
        requires=("train.train_turbo",),
        detail="Writes the decoded pictures to samples/turbo_<step>.png, now and then.",
    )
    free_u: bool = opt(
        False,
        "FreeU",
        "Rebalance the U-Net skip connections (FreeU) during training.",
        group=_ADVANCED,
        tier="expert",
        applies_to=("unet",),
        on_resume="new-trajectory",
        detail="In the two deepest up blocks half of the backbone channels are multiplied by b "
        "= 1.1 and 1.2, and the lowest frequencies of the skip connections by s = 0.9 and 0.2. "
        "In training passes only, not in previews.",
    )
