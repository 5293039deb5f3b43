"""`model:` - parts that come from elsewhere: VAE, text encoder, denoiser, LoRAs, refiner."""

from schema.option import Section, opt

_PATHS = "Model Variants & Paths"
_DEVICE = "Device & Dtype Control"


class Places(Section):
    """The options of `model:` on where its parts come from."""

    vae_path: str | None = opt(
        None,
        "Custom VAE",
        "Use a different VAE than the one in the base model.",
        group=_PATHS,
        tier="advanced",
        editor="path",
        applies_to=("separate_vae",),
        on_resume="refused",
        detail="A repository, folder or file; its subfolder vae is tried too. It must make "
        "latents of the channels that the denoiser expects. Cached latents are made anew.",
        min_length=1,
    )
    refiner_name_or_path: str | None = opt(
        None,
        "SDXL refiner",
        "Optional refiner model for the last steps of previews, trainable together with the base.",
        group=_PATHS,
        tier="expert",
        editor="model",
        applies_to=("refiner",),
        on_resume="refused",
        conflicts=("train.single_item_batching", "train.do_cfg"),
        detail="Previews switch to it at sample.refiner_start_at. Full fine-tuning with "
        "train.train_refiner trains it too, on the steps after refiner_start_at; both are saved. "
        "Beside a network it only takes part in previews.",
        min_length=1,
    )
    refiner_start_at: float = opt(
        0.5,
        "Refiner start (training)",
        "Where the noise range is split between base and refiner when both are trained.",
        group=_PATHS,
        tier="expert",
        unit="fraction",
        applies_to=("refiner",),
        on_resume="new-trajectory",
        requires=("model.refiner_name_or_path",),
        detail="Counted from the start of denoising: the base trains noise indexes below "
        "max_denoising_steps times this, the refiner the others. Previews have an option of "
        "their own.",
        gt=0,
        lt=1,
    )
    lora_path: str | None = opt(
        None,
        "Base LoRA",
        "A LoRA merged into the base model before training starts.",
        group=_PATHS,
        tier="advanced",
        editor="path",
        on_resume="refused",
        conflicts=("model.assistant_lora_path",),
        detail="W becomes W + s B A before quantizing, and training sees a changed base. The "
        "trained network does not contain it, so whoever uses the result loads both. To go on "
        "training a LoRA, use network.pretrained_lora_path.",
        min_length=1,
    )
    assistant_lora_path: str | None = opt(
        None,
        "Assistant LoRA",
        "A helper LoRA active only while training, for distilled models such as turbo variants.",
        group=_PATHS,
        tier="advanced",
        editor="path",
        on_resume="refused",
        conflicts=(
            "model.lora_path",
            "model.inference_lora_path",
            "model.accuracy_recovery_adapter",
        ),
        detail="It undoes the distillation, so that a fast model can be trained: on in every "
        "training pass, prior and guidance passes included, off in previews, never saved. A "
        "local file, or user/repo/file.safetensors.",
        min_length=1,
    )
    inference_lora_path: str | None = opt(
        None,
        "Preview LoRA",
        "A LoRA used only for previews, for example one that needs few steps.",
        group=_PATHS,
        tier="advanced",
        editor="path",
        conflicts=("model.assistant_lora_path",),
        detail="Off while training, on in previews on top of the trained network. With a LoRA "
        "for few steps, lower sample.sample_steps.",
        min_length=1,
    )
    unconditional_lora_path: str | None = opt(
        None,
        "Unconditional LoRA",
        "A LoRA active only in the negative pass of guided previews.",
        group=_PATHS,
        tier="expert",
        editor="path",
        applies_to=("unconditional_lora",),
        detail="Off in the conditional pass and in training; without guidance it is never on.",
        min_length=1,
    )
    te_name_or_path: str | None = opt(
        None,
        "Text encoder path",
        "Load the text encoder from another place than the base model.",
        group=_PATHS,
        tier="advanced",
        editor="model",
        applies_to=("one_language_model",),
        on_resume="refused",
        detail="A repository or folder with its tokenizer. Its hidden size must be the one that "
        "the denoiser was made for.",
        min_length=1,
    )
    extras_name_or_path: str | None = opt(
        None,
        "Extras path",
        "Where VAE, text encoder and configs come from when the model path only holds the "
        "denoiser.",
        group=_PATHS,
        tier="advanced",
        editor="model",
        applies_to=("transformer",),
        on_resume="refused",
        inherits="model.name_or_path",
        detail="Lets several variants share one download. Everything but the denoiser is taken "
        "from here.",
        min_length=1,
    )
    unet_path: str | None = opt(
        None,
        "Custom denoiser path",
        "Load the denoiser from another place than the base model.",
        group=_DEVICE,
        tier="advanced",
        editor="path",
        applies_to=("separate_denoiser",),
        on_resume="refused",
        detail="A unet or transformer folder, or one safetensors file. When a full fine-tuning "
        "goes on, its newest save wins.",
        min_length=1,
    )
    unet_sample_size: int | None = opt(
        None,
        "Denoiser sample size",
        "Overrides the native latent size in the model's configuration (PixArt).",
        group=_DEVICE,
        tier="expert",
        unit="latent pixels",
        applies_to=("size_override",),
        on_resume="refused",
        detail="Pixels / 8: 128 is the 1024 pixel model. It changes how positions are "
        "interpolated and whether the resolution is told to the model.",
        ge=8,
    )
    latent_space_version: str | None = opt(
        None,
        "Latent space version",
        "A label that keeps cached latents of different VAEs apart.",
        group=_DEVICE,
        tier="expert",
        detail="Part of the name of each cached latent. The VAE is part of it anyway; a label of "
        "your own makes or shares a cache. The numbers do not change.",
        min_length=1,
    )
