"""Configs of a single-file checkpoint, read from the shapes of its tensors.

What shows in a shape (channels, levels, layers, which blocks attend, widths, vocabulary) is taken
from there, so that pruned and widened models open too; what does not (heads, norm groups,
activations, scaling factor) is the original release's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Shapes = Mapping[str, tuple[int, ...]]


def without_prefix(shapes: Shapes, prefix: str) -> dict[str, tuple[int, ...]]:
    """The shapes below a prefix, by their names without it."""
    return {k.removeprefix(prefix): v for k, v in shapes.items() if k.startswith(prefix)}


def _count(shapes: Shapes, pattern: str) -> int:
    """One more than the highest number that ``pattern``'s group takes at the start of a name."""
    numbers = (re.match(pattern, name) for name in shapes)
    return 1 + max((int(found.group(1)) for found in numbers if found), default=-1)


def infer_unet(shapes: Shapes, base: Mapping[str, Any]) -> dict[str, Any]:
    """The UNet's config. Input blocks are one convolution, then per level its layers and, except
    after the last, one downsampling block.
    """
    blocks = _count(shapes, r"input_blocks\.(\d+)\.")
    downs = [i for i in range(1, blocks) if f"input_blocks.{i}.0.op.weight" in shapes]
    ends = [*downs, blocks]
    starts = [1, *(i + 1 for i in downs)]
    firsts = [f"input_blocks.{i}" for i in starts]
    attends = [f"{first}.1.proj_in.weight" in shapes for first in firsts]
    config = dict(base)
    config["in_channels"] = shapes["input_blocks.0.0.weight"][1]
    config["out_channels"] = shapes["out.2.weight"][0]
    config["layers_per_block"] = ends[0] - starts[0]
    config["block_out_channels"] = [shapes[f"{first}.0.out_layers.3.weight"][0] for first in firsts]
    config["down_block_types"] = [
        "CrossAttnDownBlock2D" if attend else "DownBlock2D" for attend in attends
    ]
    config["up_block_types"] = [
        "CrossAttnUpBlock2D" if attend else "UpBlock2D" for attend in reversed(attends)
    ]
    middle = "middle_block.1"
    config["cross_attention_dim"] = shapes[f"{middle}.transformer_blocks.0.attn2.to_k.weight"][1]
    depths = [_depth(shapes, f"{first}.1") for first in firsts]
    depth = _depth(shapes, middle)
    same = {depth} == {found for found in depths if found}
    # the last entry is the middle block's too
    each = [*(found or 1 for found in depths[:-1]), depths[-1] or depth]
    config["transformer_layers_per_block"] = depth if same else each
    config["use_linear_projection"] = len(shapes[f"{middle}.proj_in.weight"]) == 2
    if isinstance(base["attention_head_dim"], list):  # the number of heads; all are 64 wide
        config["attention_head_dim"] = [max(1, w // 64) for w in config["block_out_channels"]]
    if "label_emb.0.0.weight" in shapes:
        width = shapes["label_emb.0.0.weight"][1]
        config["projection_class_embeddings_input_dim"] = width
    return config


def _depth(shapes: Shapes, place: str) -> int:
    """How many transformer blocks an attention module has; 0 where there is none."""
    return _count(shapes, rf"{re.escape(place)}\.transformer_blocks\.(\d+)\.")


def infer_vae(shapes: Shapes, base: Mapping[str, Any]) -> dict[str, Any]:
    """The VAE's config."""
    levels = _count(shapes, r"encoder\.down\.(\d+)\.")
    config = dict(base)
    config["block_out_channels"] = [
        shapes[f"encoder.down.{i}.block.0.conv2.weight"][0] for i in range(levels)
    ]
    config["layers_per_block"] = _count(shapes, r"encoder\.down\.0\.block\.(\d+)\.")
    config["latent_channels"] = shapes["decoder.conv_in.weight"][1]
    config["in_channels"] = shapes["encoder.conv_in.weight"][1]
    config["out_channels"] = shapes["decoder.conv_out.weight"][0]
    config["down_block_types"] = ["DownEncoderBlock2D"] * levels
    config["up_block_types"] = ["UpDecoderBlock2D"] * levels
    return config


def infer_open_clip(
    shapes: Shapes, base: Mapping[str, Any], spare_layers: int = 0
) -> dict[str, Any]:
    """The config of a text encoder in OpenCLIP's names, without the layers that are never asked."""
    vocabulary, width = shapes["token_embedding.weight"]
    config = dict(base)
    config["vocab_size"], config["hidden_size"] = vocabulary, width
    config["intermediate_size"] = shapes["transformer.resblocks.0.mlp.c_fc.weight"][0]
    layers = _count(shapes, r"transformer\.resblocks\.(\d+)\.")
    config["num_hidden_layers"] = layers - spare_layers
    config["max_position_embeddings"] = shapes["positional_embedding"][0]
    config["num_attention_heads"] = max(1, width // 64)
    if "text_projection" in shapes:
        config["projection_dim"] = shapes["text_projection"][1]
    config["bos_token_id"], config["eos_token_id"] = vocabulary - 2, vocabulary - 1
    return config


def infer_text_encoder(shapes: Shapes, base: Mapping[str, Any]) -> dict[str, Any]:
    """The CLIP text model's config; heads are 64 wide, as in every CLIP."""
    top = "text_model."
    vocabulary, width = shapes[f"{top}embeddings.token_embedding.weight"]
    config = dict(base)
    config["vocab_size"], config["hidden_size"] = vocabulary, width
    config["intermediate_size"] = shapes[f"{top}encoder.layers.0.mlp.fc1.weight"][0]
    config["num_hidden_layers"] = _count(shapes, r"text_model\.encoder\.layers\.(\d+)\.")
    config["max_position_embeddings"] = shapes[f"{top}embeddings.position_embedding.weight"][0]
    config["num_attention_heads"] = max(1, width // 64)
    config["bos_token_id"], config["eos_token_id"] = vocabulary - 2, vocabulary - 1
    return config
