"""`embedding:` - new words for the text encoder, learned from pictures (textual inversion)."""

from typing import Literal

from schema.option import Section, opt

_GROUP = "Embedding"


class Embedding(Section):
    """Everything under `embedding:`; its presence trains the embedding."""

    trigger: str = opt(
        "custom_embedding",
        "Embedding name",
        "New word you use in prompts for the learned embedding. Also the file name.",
        group=_GROUP,
        on_resume="refused",
        conflicts=("train.unload_text_encoder", "train.cache_text_embeddings"),
        detail="Added to every tokenizer, with numbered companions for further vectors. Only "
        "these rows of the token table are trained, with the learning rate train.embedding_lr. "
        "[trigger] and [name] in captions and preview prompts become the words; a caption without "
        "them gets them in front.",
        min_length=1,
    )
    tokens: int = opt(
        4,
        "Vectors",
        "How many token vectors the embedding has. 1 to 8 is usual.",
        group=_GROUP,
        unit="vectors",
        on_resume="refused",
        ge=1,
        le=75,
    )
    init_words: str = opt(
        "*",
        "Starting words",
        'Short description to start from, such as "man with brown hair".',
        group=_GROUP,
        on_resume="new-trajectory",
        detail="Cut to the number of vectors, or filled with the vector of *.",
        min_length=1,
    )
    save_format: Literal["safetensors", "pt"] = opt(
        "safetensors",
        "Embedding format",
        "File format of the embedding.",
        group=_GROUP,
        tier="advanced",
        choices={
            "safetensors": "read by every current tool",
            "pt": "the older AUTOMATIC1111 format, for one text encoder",
        },
    )
    trigger_class_name: str | None = opt(
        None,
        "Class word",
        "Plain word for the subject, used when the base model makes its comparison prediction.",
        group=_GROUP,
        tier="advanced",
        on_resume="new-trajectory",
        detail="Predictions of the untouched model see this word in place of the trigger; empty "
        "text while there is none.",
        min_length=1,
    )
