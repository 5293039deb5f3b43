"""`model.model_kwargs:` - options of single picture families."""

from typing import Any, Final

from schema.option import Section, opt

GROUP: Final = "Model options per architecture"


class PictureKwargs(Section):
    """What single families that draw pictures understand."""

    llama_model_path: str = opt(
        "unsloth/Meta-Llama-3.1-8B-Instruct",
        "Llama path",
        "Where to load the Llama text encoder from (HiDream).",
        group=GROUP,
        tier="expert",
        applies_to=("llama",),
        on_resume="refused",
        editor="model",
        detail="The 8B instruct model of Llama 3.1; the states of all its layers are used.",
        min_length=1,
    )
    noise_scale: float = opt(
        8.0,
        "Noise scale",
        "Standard deviation of the training noise (HiDream-O1).",
        group=GROUP,
        tier="expert",
        applies_to=("scaled_noise",),
        on_resume="refused",
        detail="x_t = (1 - t) * x + t * s * noise, and the target is s * noise - x.",
        gt=0,
    )
    noise_scale_inference: float | None = opt(
        None,
        "Noise scale of previews",
        "Standard deviation of the first noise of previews. Empty takes the training value.",
        group=GROUP,
        tier="expert",
        applies_to=("scaled_noise",),
        inherits="model.model_kwargs.noise_scale",
        gt=0,
    )
    is_comfy_weight: bool = opt(
        False,
        "ComfyUI weights",
        "The checkpoint file uses ComfyUI's names (HiDream-O1).",
        group=GROUP,
        tier="expert",
        applies_to=("comfy_file",),
        on_resume="refused",
        detail="The tensors are renamed on loading; configuration and processor come from "
        "extras_name_or_path.",
    )
    use_image_refiner: bool = opt(
        False,
        "Train image refiner",
        "Also train the refiner blocks of reference images (OmniGen2).",
        group=GROUP,
        tier="expert",
        applies_to=("reference_refiner",),
        on_resume="refused",
        detail="Adds those blocks to the ones that transformer_only lets through.",
    )
    match_target_res: bool = opt(
        False,
        "Match target resolution",
        "Resize reference images to the area of the training picture.",
        group=GROUP,
        tier="advanced",
        applies_to=("reference_budget",),
        on_resume="new-trajectory",
        detail="Off: a reference is only shrunk, to about a megapixel or "
        "control_image_max_pixels. On: it is resized, up or down, to the area of the training "
        "picture, keeping its shape. More area is more tokens and slower steps.",
    )
    max_text_length: int | None = opt(
        None,
        "Max text length",
        "How many tokens of a prompt count. Empty takes what suits the model.",
        group=GROUP,
        tier="expert",
        unit="tokens",
        applies_to=("prompt_limit",),
        on_resume="new-trajectory",
        family_defaults={
            "krea2": 512,
            "ideogram4": 3072,
            "boogu_image": 1024,
            "boogu_image_edit": 1024,
            "mageflow": 2048,
            "mageflow_edit": 2048,
            "minimax_h3": 512,
            "minimax_h3_ref2va": 512,
        },
        detail="512 for Krea 2 and MiniMax-H3, 1024 for Boogu, 2048 for Mage-Flow, 3072 for "
        "Ideogram 4. 0 is no limit (MiniMax-H3 alone).",
        ge=0,
    )
    edit: bool = opt(
        False,
        "Edit training",
        "Train with reference images (Krea 2).",
        group=GROUP,
        tier="advanced",
        applies_to=("switchable_editing",),
        on_resume="refused",
        detail="Control images join as further tokens and are shown to the text encoder; "
        "datasets need control paths.",
    )
    kv_cache: bool = opt(
        False,
        "Reference cache",
        "Let reference images look only at themselves, so that they are computed once.",
        group=GROUP,
        tier="expert",
        applies_to=("switchable_editing",),
        on_resume="refused",
        requires=("model.model_kwargs.edit",),
        detail="Their states then depend on neither text, noise nor noise level, and other tools "
        "may keep them over all steps. A LoRA trained without this must not be used with kept "
        "references.",
    )
    mmdit_config: dict[str, Any] = opt(
        {},
        "Transformer sizes",
        "Overrides sizes of the transformer, for tests or variants (Krea 2).",
        group=GROUP,
        tier="expert",
        applies_to=("mmdit_overrides",),
        on_resume="refused",
        detail="Laid over the built-in configuration before the model is made.",
    )
    checkpoint_filename: str | None = opt(
        None,
        "Checkpoint file name",
        "Which file of the repository to load. Empty takes the usual one.",
        group=GROUP,
        tier="expert",
        applies_to=("checkpoint_choice",),
        on_resume="refused",
        min_length=1,
    )
    text_encoder_path: str | None = opt(
        None,
        "Text encoder path",
        "Where to load the text encoder from. Empty takes the model's own.",
        group=GROUP,
        tier="expert",
        applies_to=("encoder_elsewhere",),
        on_resume="refused",
        editor="model",
        min_length=1,
    )
    text_encoder_subfolder: str = opt(
        "mllm",
        "Text encoder subfolder",
        "The subfolder that holds the text encoder (Boogu).",
        group=GROUP,
        tier="expert",
        applies_to=("encoder_subfolder",),
        on_resume="refused",
        min_length=1,
    )
    vae_path: str | None = opt(
        None,
        "VAE path",
        "Where to load the VAE from. Empty takes the usual one.",
        group=GROUP,
        tier="expert",
        applies_to=("vae_elsewhere",),
        on_resume="refused",
        editor="path",
        min_length=1,
    )
    control_image_max_pixels: int = opt(
        1048576,
        "Reference max pixels",
        "Larger reference images are shrunk to this many pixels.",
        group=GROUP,
        tier="expert",
        unit="pixels",
        applies_to=("reference_pixels",),
        on_resume="new-trajectory",
        detail="Before the VAE sees them; the shape is kept.",
        ge=65536,
    )
    vlm_max_pixels: int = opt(
        147456,
        "Vision encoder max pixels",
        "Largest reference that is shown to the text encoder.",
        group=GROUP,
        tier="expert",
        unit="pixels",
        applies_to=("reference_pixels",),
        on_resume="new-trajectory",
        detail="The default is 384 x 384.",
        ge=4096,
    )
    vlm_max_side_length: int = opt(
        768,
        "Vision encoder max side",
        "Longest side of a reference that is shown to the text encoder.",
        group=GROUP,
        tier="expert",
        unit="pixels",
        applies_to=("reference_side",),
        on_resume="new-trajectory",
        detail="Beside vlm_max_pixels.",
        ge=64,
    )
    attention_backend: str = opt(
        "native",
        "Attention backend",
        "How attention is computed (Boogu).",
        group=GROUP,
        tier="expert",
        applies_to=("attention_choice",),
        detail="native always works; flash needs its own package, and what is missing falls back "
        "to native.",
        min_length=1,
    )
    transformer_config: dict[str, Any] = opt(
        {},
        "Transformer settings",
        "Overrides parts of the transformer (Mage-Flow).",
        group=GROUP,
        tier="expert",
        applies_to=("transformer_overrides",),
        on_resume="refused",
        detail="Laid over the built-in configuration before the model is made.",
    )
    vae_sample_posterior: bool = opt(
        True,
        "Sample VAE posterior",
        "Draw latents at random around what the VAE sees, or take the mean.",
        group=GROUP,
        tier="expert",
        applies_to=("posterior_choice",),
        on_resume="new-trajectory",
        detail="With cached latents one draw is kept.",
    )
    vl_cond_long_edge: int = opt(
        384,
        "Vision condition long edge",
        "Longer side of references as the text encoder sees them (Mage-Flow Edit).",
        group=GROUP,
        tier="expert",
        unit="pixels",
        applies_to=("reference_edge",),
        on_resume="new-trajectory",
        ge=64,
    )
    train_text_conditioner: bool = opt(
        False,
        "Train text conditioner",
        "Also train the small adapter behind the text encoder (Anima).",
        group=GROUP,
        tier="advanced",
        applies_to=("text_conditioner",),
        on_resume="refused",
    )
    max_sequence_length: int = opt(
        512,
        "Max sequence length",
        "How many tokens of a prompt count (Anima).",
        group=GROUP,
        tier="expert",
        unit="tokens",
        applies_to=("text_conditioner",),
        on_resume="new-trajectory",
        ge=1,
    )
