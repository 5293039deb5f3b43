"""`train:` - what is trained, what of the text encoder stays, and when previews are made."""

from schema.option import Section, opt

_MODES = "Advanced Training Modes"
_PROMPTS = "Prompt & Embedding Handling"


class Modes(Section):
    """The options of `train:` that switch whole parts on and off."""

    train_unet: bool = opt(
        True,
        "Train denoiser",
        "Train the image model itself (U-Net or transformer).",
        group=_MODES,
        on_resume="refused",
    )
    train_text_encoder: bool = opt(
        False,
        "Train text encoder",
        "Also train the text encoder. Only for Stable Diffusion type models.",
        group=_MODES,
        tier="advanced",
        applies_to=("trainable_text_encoder",),
        on_resume="refused",
        conflicts=(
            "train.unload_text_encoder",
            "train.cache_text_embeddings",
            "datasets[].cache_text_embeddings",
        ),
    )
    disable_sampling: bool = opt(
        False,
        "Disable sampling",
        "Never make preview images.",
        group=_MODES,
        editable_live=True,
        conflicts=("train.force_first_sample",),
    )
    skip_first_sample: bool = opt(
        False,
        "Skip first sample",
        "Do not make the preview before training starts.",
        group=_MODES,
        conflicts=("train.force_first_sample",),
    )
    force_first_sample: bool = opt(
        False,
        "Force first sample",
        "Always make a preview at start, even when resuming.",
        group=_MODES,
        conflicts=("train.skip_first_sample", "train.disable_sampling"),
    )
    cache_text_embeddings: bool = opt(
        False,
        "Cache text embeddings",
        "Encode all captions once before training and then remove the text encoder from memory.",
        group=_PROMPTS,
        conflicts=(
            "train.train_text_encoder",
            "train.unload_text_encoder",
            "datasets[].shuffle_tokens",
        ),
    )
    unload_text_encoder: bool = opt(
        False,
        "Unload text encoder",
        "Train with only the trigger word or an empty prompt and keep the text encoder out of GPU "
        "memory.",
        group=_PROMPTS,
        on_resume="new-trajectory",
        conflicts=("train.train_text_encoder", "train.cache_text_embeddings"),
    )
