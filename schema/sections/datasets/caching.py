"""`datasets:` - what is encoded once, before training."""

from schema.option import Section, opt

_REPEAT = "Repetition and sampling"
_SPEED = "Workers and performance"
_CACHED = ("datasets[].cache_latents|datasets[].cache_latents_to_disk",)


class Caching(Section):
    """The options of a dataset on caches."""

    cache_latents: bool = opt(
        False,
        "Cache latents in memory",
        "Encodes every image once before training and keeps the result in RAM. Much faster steps.",
        group=_REPEAT,
        requires=("datasets[].buckets",),
        detail="Pictures are not opened any more while training; masks and control images still "
        "are. A latent is one sample of what the VAE sees, frozen by caching. Latents on disk "
        "that fit are taken from there.",
    )
    cache_latents_to_disk: bool = opt(
        False,
        "Cache latents on disk",
        "Encodes every image once and stores the result next to your images. Fast steps and fast "
        "restarts.",
        group=_REPEAT,
        requires=("datasets[].buckets",),
        detail="Files are found again by size, crop, mirroring, the picture's own size and time, "
        "the VAE and everything else that changes a latent; a changed picture is encoded anew. "
        "Together with cache_latents they are held in memory too.",
    )
    cache_tensors_to_disk: bool = opt(
        False,
        "Cache pixels too",
        "Also keeps the pixels (8 bits) and sound with the latents, for models that need the clip "
        "itself.",
        group=_REPEAT,
        tier="expert",
        requires=_CACHED,
        conflicts=("datasets[].standardize_images",),
        detail="u = round((clamp(x, -1, 1) + 1) * 127.5), back as u / 127.5 - 1: at most 1/255 "
        "off. Sound is kept as 16-bit numbers. Values beyond [-1, 1] are cut.",
    )
    load_image_when_caching_latents: bool = opt(
        False,
        "Load image despite cache",
        "Also opens the picture at each step beside its cached latent, for options that need real "
        "pixels.",
        group=_REPEAT,
        tier="expert",
        requires=_CACHED,
        detail="The VAE is still not needed; reading and resizing are paid for again at each step.",
    )
    cache_latents_num_workers: int | None = opt(
        None,
        "Latent caching threads",
        "Threads that decode and resize ahead of the VAE while latents are cached. Empty takes "
        "what suits the machine.",
        group=_SPEED,
        tier="expert",
        unit="threads",
        requires=_CACHED,
        default_note="The reference writes the number itself; empty means min(6, CPU cores), "
        "whatever machine the config goes to.",
        detail="min(6, CPU cores) while empty. At most two more pictures than threads are in "
        "memory at once; what is cached does not depend on it.",
        ge=1,
    )
    cache_text_embeddings: bool = opt(
        False,
        "Cache text embeddings",
        "Encodes all captions once, stores them on disk and removes the text encoder from memory.",
        group=_REPEAT,
        tier="advanced",
        conflicts=(
            "train.train_text_encoder",
            "datasets[].shuffle_tokens",
            "datasets[].token_dropout_rate",
            "datasets[].random_triggers",
        ),
        detail="Every text that can occur is encoded before the first step: captions, dropped "
        "captions, previews. The text encoder then leaves memory for good. All datasets or none.",
    )
    cache_clip_vision_to_disk: bool = opt(
        False,
        "Cache CLIP vision on disk",
        "Encodes every reference image once and stores what the vision encoder saw. For "
        "IP-Adapter style training.",
        group=_REPEAT,
        tier="expert",
        applies_to=("pictures",),
        requires=("datasets[].clip_image_path",),
        conflicts=(
            "datasets[].clip_image_augmentations",
            "datasets[].clip_image_from_same_folder",
            "adapter.train_image_encoder",
        ),
        detail="Kept are the pooled vector, the last and the second-to-last layer; of blank "
        "pictures one, or twenty of noise where the adapter takes noise for them, of which each "
        "step draws one.",
    )
