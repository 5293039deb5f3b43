"""`network:` - the small network trained beside the frozen base; null is full fine-tuning."""

from typing import Literal

from schema.option import Section, opt


class NetworkKwargs(Section):
    """Everything under `network.network_kwargs:`."""

    peft_format: bool = opt(
        False,
        "Force peft key layout",
        "Write dotted lora_A/lora_B keys (diffusers, peft) instead of kohya names.",
        group="Custom Network Config",
        tier="expert",
        on_resume="new-trajectory",
        detail="Kohya names (lora_unet_..., with alpha) are read by most tools and by diffusers. "
        "The diffusers layout has no alpha, so alpha is forced to the rank and the scale is 1.",
    )


class Network(Section):
    """Everything under `network:`."""

    type: Literal["lora"] = opt(
        "lora",
        "Network type",
        "What small network is trained next to the frozen base model. LoRA is the usual choice.",
        group="Network",
        choices={"lora": "two thin matrices beside every targeted layer"},
        on_resume="refused",
    )
    linear: int = opt(
        4,
        "Rank (linear)",
        "Size of the low-rank bottleneck in linear layers: higher learns more detail but makes "
        "bigger files.",
        group="Network",
        aliases=("rank",),
        on_resume="refused",
        ge=1,
        le=4096,
    )
    alpha: float = opt(
        1.0,
        "Alpha",
        "LoRA strength scaling: the learned change is multiplied by alpha / rank; 0 means alpha = "
        "rank.",
        group="Rank & Scaling",
        applies_to=("kohya_keys",),
        on_resume="new-trajectory",
        conflicts=("network.network_kwargs.peft_format",),
        ge=0,
    )
    linear_alpha: float | None = opt(
        None,
        "Linear alpha",
        "Alpha for linear layers only; empty uses the general alpha.",
        group="Rank & Scaling",
        applies_to=("kohya_keys",),
        on_resume="new-trajectory",
        conflicts=("network.network_kwargs.peft_format",),
        inherits="network.alpha",
        ge=0,
    )
    conv: int | None = opt(
        None,
        "Convolution rank",
        "Rank for convolution layers. Leave empty to train only linear layers (usual).",
        group="Rank & Scaling",
        tier="advanced",
        applies_to=("convolutions",),
        on_resume="refused",
        ge=0,
        le=1024,
    )
    conv_alpha: float | None = opt(
        None,
        "Convolution alpha",
        "Alpha for convolution layers; empty uses the convolution rank (scale 1).",
        group="Rank & Scaling",
        tier="advanced",
        applies_to=("kohya_keys", "convolutions"),
        on_resume="new-trajectory",
        requires=("network.conv",),
        conflicts=("network.network_kwargs.peft_format",),
        inherits="network.conv",
        ge=0,
    )
    dropout: float | None = opt(
        None,
        "Dropout",
        "Randomly drops part of the LoRA activations while training, against overfitting. Try "
        "0.05 to 0.3.",
        group="Rank & Scaling",
        tier="advanced",
        on_resume="new-trajectory",
        ge=0,
        lt=1,
    )
    network_kwargs: NetworkKwargs = opt(
        NetworkKwargs(),
        "Extra network options",
        "Rarely needed settings of the network.",
        group="Custom Network Config",
        tier="expert",
    )

    @property
    def linear_scale(self) -> float:
        """The factor on the change of a linear layer: alpha / rank, 1 in the diffusers layout."""
        alpha = self.alpha if self.linear_alpha is None else self.linear_alpha
        return _scale(alpha, self.linear, forced=self.network_kwargs.peft_format)

    @property
    def conv_scale(self) -> float:
        """The factor on the change of a convolution: conv_alpha / conv, 1 when nothing is set."""
        alpha = self.conv_alpha or 0.0
        return _scale(alpha, self.conv or 1, forced=self.network_kwargs.peft_format)


def _scale(alpha: float, rank: int, *, forced: bool) -> float:
    return 1.0 if forced or alpha == 0 else alpha / rank
