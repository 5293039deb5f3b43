"""`adapter:` - strength values and pooling of types that add attention layers."""

from schema.option import Section, opt
from schema.sections.adapter.names import IMAGE_PROMPT
from schema.sections.adapter.names import TYPE as _TYPE

_MEMORY = "Memory & Optimization"
_DIRECT = "Vision-direct"


class Attention(Section):
    """The attention layers of image prompt and vision-direct types."""

    train_scaler: bool = opt(
        False,
        "Train scaler only",
        "Train nothing but one strength value per attention layer of an existing adapter.",
        group=_MEMORY,
        tier="expert",
        on_resume="refused",
        requires=("adapter.name_or_path",),
        conflicts=("adapter.merge_scaler", "adapter.train_image_encoder"),
        only_with=(_TYPE, (*IMAGE_PROMPT, "vision_direct")),
        detail="Image prompt types: every layer gets one number s (first 0.999) before its keys "
        "and values, K = W_k (s h), V = W_v (s h). vision_direct: an offset b (first 0) scales a "
        "block's output by 1 + b. Only these numbers are trained and saved.",
    )
    scaler_lr: float | None = opt(
        None,
        "Scaler learning rate",
        "Own learning rate for the per-layer strength values. Empty: same as the adapter.",
        group="IP-Adapter",
        tier="expert",
        on_resume="new-trajectory",
        inherits="train.adapter_lr",
        only_with=(_TYPE, IMAGE_PROMPT),
        detail="A second optimizer group that holds the strength values. Needs train_scaler or "
        "merge_scaler.",
        log=True,
        gt=0,
    )
    merge_scaler: bool = opt(
        False,
        "Merge scaler on save",
        "Train a strength value per layer along with the adapter and bake it into the saved "
        "weights.",
        group=_MEMORY,
        tier="expert",
        on_resume="refused",
        conflicts=("adapter.train_scaler",),
        only_with=(_TYPE, IMAGE_PROMPT),
        detail="The same strength values as train_scaler, trained with everything else. Saving "
        "sets W_k <- s W_k and W_v <- s W_v and drops s, so the file opens in every loader of its "
        "kind.",
    )
    flux_only_double: bool = opt(
        False,
        "Only dual-stream blocks",
        "Attach the image attention to the dual-stream blocks only instead of to all blocks.",
        group=_DIRECT,
        tier="expert",
        on_resume="refused",
        applies_to=("transformer",),
        only_with=(_TYPE, ("vision_direct",)),
    )
    conv_pooling: bool = opt(
        False,
        "Pool tokens with conv",
        "Blend all image tokens into very few vectors with a learned 1x1 convolution.",
        group=_MEMORY,
        tier="expert",
        on_resume="refused",
        conflicts=("adapter.num_tokens",),
        only_with=(_TYPE, ("vision_direct",)),
        detail="A convolution over the tokens (to conv_pooling_stacks vectors), each sample then "
        "brought to mean 0 and deviation 1. Replaces the pooling of num_tokens. Needs an encoder "
        "without a class token: siglip or siglip2.",
    )
    conv_pooling_stacks: int = opt(
        1,
        "Pooling stacks",
        "How many pooled vectors are stacked next to each other when pooling tokens.",
        group=_DIRECT,
        tier="expert",
        on_resume="refused",
        requires=("adapter.conv_pooling",),
        only_with=(_TYPE, ("vision_direct",)),
        detail="The vectors stand side by side in one token, so the key and value layers get that "
        "many times wider.",
        ge=1,
    )
    sparse_autoencoder_dim: int | None = opt(
        None,
        "Bottleneck size",
        "Squeeze the image features through a small bottleneck of this width. Empty: no "
        "bottleneck.",
        group=_MEMORY,
        tier="expert",
        on_resume="refused",
        only_with=(_TYPE, ("vision_direct",)),
        detail="Linear - GELU - linear down to this width d and back up, over m = min(2h, d) with "
        "the encoder's width h, each side normalised per sample. There is no sparsity term "
        "despite the name. Not with conv_pooling_stacks above 1.",
        gt=0,
    )
