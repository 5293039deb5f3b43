"""`model:` - what lies on the GPU when: parking, streaming layers, several GPUs."""

from schema.option import Section, opt

_MEMORY = "Memory & Performance Optimization"


class Memory(Section):
    """The options of `model:` that save GPU memory without changing the numbers."""

    low_vram: bool = opt(
        False,
        "Low VRAM mode",
        "Use less GPU memory by loading and parking parts of the model on the CPU; slower.",
        group=_MEMORY,
        detail="The denoiser is read and quantized on the CPU, a block at a time on the GPU. "
        "Text encoder and VAE are on the GPU only while they work, and the denoiser is parked "
        "meanwhile; previews decode in tiles where the VAE is large; of two experts only the one "
        "at work is on the GPU. The numbers do not change.",
    )
    layer_offloading: bool = opt(
        False,
        "Layer offloading",
        "Keep layer weights in CPU memory and stream each to the GPU when it is used. Big memory "
        "saver.",
        group=_MEMORY,
        tier="advanced",
        aliases=("auto_memory",),
        conflicts=("train.merge_network_on_save", "model.split_model_over_gpus"),
        detail="Linear and convolution layers of denoiser and text encoder lie in pinned memory; "
        "each is copied ahead of its use, forward and backward, and dropped after. Quantized "
        "weights travel packed. Norms, embeddings and the trained network stay on the GPU. "
        "qfloat8 is taken as float8. The numbers do not change; without a GPU it does nothing.",
    )
    layer_offloading_transformer_percent: float = opt(
        1.0,
        "Offload: denoiser share",
        "Share of the denoiser's layers to stream (1 is all, 0 is none).",
        group=_MEMORY,
        tier="advanced",
        unit="fraction",
        requires=("model.layer_offloading",),
        detail="Spread evenly and the same in every run: layer i is streamed when floor((i + 1) "
        "* p) > floor(i * p).",
        ge=0,
        le=1,
    )
    layer_offloading_text_encoder_percent: float = opt(
        1.0,
        "Offload: text encoder share",
        "Share of the text encoder's layers to stream (1 is all, 0 is none).",
        group=_MEMORY,
        tier="advanced",
        unit="fraction",
        applies_to=("separate_text_encoder",),
        requires=("model.layer_offloading",),
        detail="Chosen by the same rule as the denoiser's layers.",
        ge=0,
        le=1,
    )
    attn_masking: bool = opt(
        False,
        "Mask padded text",
        "Ignore the empty padding of the prompt (FLUX.1).",
        group=_MEMORY,
        tier="advanced",
        applies_to=("text_mask",),
        on_resume="new-trajectory",
        detail="The prompt is padded to 512 tokens; with this the padding's states are set to "
        "zero, in training and in previews. Cached prompts are made anew.",
    )
    split_model_over_gpus: bool = opt(
        False,
        "Split over GPUs",
        "Spread the blocks of the model over all graphics cards (FLUX.1, at least two cards).",
        group=_MEMORY,
        tier="expert",
        applies_to=("split_blocks",),
        conflicts=("model.layer_offloading",),
        detail="Blocks go to the cards in order until each has its share (P + E) / G of the "
        "parameters: P of all blocks, E an allowance for everything else on the first card, G "
        "cards. One after another, not at once; for training a network with a single process.",
    )
    split_model_other_module_param_count_scale: float = opt(
        0.3,
        "Split: first GPU allowance",
        "How much of the first card is kept free for other parts. Higher gives it fewer blocks.",
        group=_MEMORY,
        tier="expert",
        applies_to=("split_blocks",),
        requires=("model.split_model_over_gpus",),
        detail="The allowance is E = 5e9 times this value, in parameters: 0.3 keeps room for 1.5 "
        "billion.",
        ge=0,
    )
