"""`network:` - type, ranks, alphas and dropout."""

from typing import Final, Literal

from schema.option import Section, opt

_NETWORK = "Network"
_RANK = "Rank & Scaling"

TYPES: Final[dict[str, str]] = {
    "lora": "two thin matrices beside every targeted layer",
    "lokr": "a Kronecker product of two small matrices: few numbers, wide changes",
    "dora": "a LoRA that also learns the length of each row",
    "locon": "a LoRA for linear layers and convolutions alike (U-Nets)",
    "lorm": "big layers replaced by thin ones: a smaller model (U-Nets)",
    "fullrank": "one full-size change for every layer: big files",
}


class Basics(Section):
    """What every network has."""

    type: Literal["lora", "lokr", "dora", "locon", "lorm", "fullrank"] = opt(
        "lora",
        "Network type",
        "What small network is trained next to the frozen base model. LoRA is the usual choice.",
        group=_NETWORK,
        choices=TYPES,
        synonyms={"lierla": "lora", "lycoris": "locon"},
        on_resume="refused",
        detail="The network is kept in float32 and starts without any effect. lora: y = W x + b "
        "+ m * (alpha / r) * B A x. dora adds (g / |W + D| - 1) (W + D) x with D = (alpha / r) * "
        "B A and the learned lengths g. lokr: the change is kron(W1, W2). locon multiplies the "
        "LoRA by a learned scalar that starts at 0. fullrank: a full matrix of changes that "
        "starts at 0. Without a network: section the whole model is fine-tuned.",
    )
    linear: int = opt(
        4,
        "Rank (linear)",
        "Size of the low-rank bottleneck in linear layers: higher learns more detail but makes "
        "bigger files.",
        group=_NETWORK,
        aliases=("rank",),
        on_resume="refused",
        detail="A layer gets rank * (in + out) numbers. A LoRA file of another rank can be the "
        "start: it is filled up with zeros, or cut.",
        ge=1,
        le=4096,
    )
    alpha: float = opt(
        1.0,
        "Alpha",
        "LoRA strength scaling: the learned change is multiplied by alpha / rank; 0 means alpha "
        "= rank.",
        group=_RANK,
        applies_to=("kohya_keys",),
        on_resume="new-trajectory",
        conflicts=("network.network_kwargs.peft_format",),
        detail="Only the kohya layout of LoRA files holds an alpha. All other layouts are read "
        "with a scale of 1, so there alpha is the rank.",
        ge=0,
    )
    linear_alpha: float | None = opt(
        None,
        "Linear alpha",
        "Alpha for linear layers only; empty uses the general alpha.",
        group=_RANK,
        applies_to=("kohya_keys",),
        on_resume="new-trajectory",
        conflicts=("network.network_kwargs.peft_format",),
        inherits="network.alpha",
        detail="Usually the same as linear, which makes the scale 1.",
        ge=0,
    )
    conv: int | None = opt(
        None,
        "Convolution rank",
        "Rank for convolution layers. Leave empty to train only linear layers (usual).",
        group=_RANK,
        tier="advanced",
        applies_to=("convolutions",),
        on_resume="refused",
        detail="Also lets in the residual, down- and upsampling blocks of a U-Net with their "
        "linear layers. Kernels of 1x1 count as linear. A LoCon takes the linear rank where this "
        "is empty; 0 leaves convolutions out there too.",
        ge=0,
        le=1024,
    )
    conv_alpha: float | None = opt(
        None,
        "Convolution alpha",
        "Alpha for convolution layers; empty uses the convolution rank (scale 1).",
        group=_RANK,
        tier="advanced",
        applies_to=("kohya_keys", "convolutions"),
        on_resume="new-trajectory",
        requires=("network.conv|network.type=locon|network.network_kwargs.conv_block_dims",),
        conflicts=("network.network_kwargs.peft_format",),
        inherits="network.conv",
        detail="A LoCon takes the alpha of linear layers instead.",
        ge=0,
    )
    dropout: float | None = opt(
        None,
        "Dropout",
        "Randomly drops part of the LoRA activations while training, against overfitting. Try "
        "0.05 to 0.3.",
        group=_RANK,
        tier="advanced",
        on_resume="new-trajectory",
        only_with=("network.type", ("lora", "dora", "locon", "lokr")),
        detail="Each of the rank activations A x is dropped with this probability, the others "
        "are divided by 1 - p. A LoKr drops inputs of its layers instead.",
        ge=0,
        lt=1,
    )
    pretrained_lora_path: str | None = opt(
        None,
        "Start from LoRA",
        "A LoRA file used as the starting point of a new run.",
        group=_NETWORK,
        tier="advanced",
        editor="path",
        on_resume="new-trajectory",
        only_with=("network.type", ("lora", "lokr", "dora", "locon")),
        detail="Only when there is no save of this run to go on from. Steps count from 0 and the "
        "optimizer starts fresh; another rank is filled up with zeros or cut, another alpha is "
        "made up for, so that the run starts from what the file does. Layers that only one of the "
        "two has are named in the log. To train on a changed base instead, see model.lora_path.",
        min_length=1,
    )
