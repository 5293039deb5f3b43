"""`train:` - what becomes of the captions on their way through the text encoder."""

from schema.option import Section, opt

_PROMPT = "Prompt & Embedding Handling"


class Prompts(Section):
    """The options of `train:` on prompts and their embeddings."""

    cache_text_embeddings: bool = opt(
        False,
        "Cache text embeddings",
        "Encode all captions once before training and then remove the text encoder from memory.",
        group=_PROMPT,
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
        group=_PROMPT,
        on_resume="new-trajectory",
        conflicts=("train.train_text_encoder", "train.cache_text_embeddings"),
    )
    prompt_dropout_prob: float = opt(
        0.0,
        "Prompt dropout",
        "Chance to train an image with an empty prompt, decided right before encoding.",
        group=_PROMPT,
        tier="advanced",
        unit="probability",
        on_resume="new-trajectory",
        conflicts=("train.unload_text_encoder",),
        detail="Every prompt is replaced by the empty one with this chance, for each of "
        "SDXL's text encoders on its own. datasets[].caption_dropout_rate instead drops when the "
        "caption is read and keeps the trigger word.",
        ge=0,
        le=1,
    )
    prompt_saturation_chance: float = opt(
        0.0,
        "Prompt saturation chance",
        "Chance to repeat the caption until it fills the text encoder.",
        group=_PROMPT,
        tier="expert",
        unit="probability",
        on_resume="new-trajectory",
        conflicts=("train.unload_text_encoder",),
        detail="A caption of n < 77 words is repeated 77 // n + 1 times, joined by commas. Not "
        "on regularization images.",
        ge=0,
        le=1,
    )
    short_and_long_captions: bool = opt(
        False,
        "Short and long captions",
        "Train every image twice per step: once with its long and once with its short caption.",
        group=_PROMPT,
        tier="advanced",
        on_resume="new-trajectory",
        conflicts=(
            "train.single_item_batching",
            "train.unload_text_encoder",
            "train.short_and_long_captions_encoder_split",
        ),
        detail="The batch is doubled: the same images, noise and timesteps with the long and "
        "with the short captions. Short ones come from caption_short in JSON captions, else "
        "from the dataset's default caption.",
    )
    short_and_long_captions_encoder_split: bool = opt(
        False,
        "Split captions by encoder",
        "SDXL: short caption to the first text encoder, long caption to the second.",
        group=_PROMPT,
        tier="advanced",
        applies_to=("second_text_encoder",),
        on_resume="new-trajectory",
        conflicts=(
            "train.short_and_long_captions",
            "train.cache_text_embeddings",
            "train.unload_text_encoder",
        ),
        detail="Short ones come from caption_short in JSON captions.",
    )
    negative_prompt: str | None = opt(
        None,
        "Negative prompt",
        "Negative prompt for CFG training, or a text file with one per line.",
        group=_PROMPT,
        tier="advanced",
        on_resume="new-trajectory",
        requires=("train.do_cfg|train.do_random_cfg",),
        editor="prompt",
        detail="A text, or the path of a text file with one prompt per line. Only CFG training "
        "uses it, and only while the text encoder is there.",
    )
    max_negative_prompts: int = opt(
        1,
        "Max negative prompts",
        "How many negative prompts may be combined at once.",
        group=_PROMPT,
        tier="advanced",
        on_resume="new-trajectory",
        requires=("train.negative_prompt",),
        detail="Each item takes 1 to this many of them at random, joined by commas.",
        ge=1,
    )
