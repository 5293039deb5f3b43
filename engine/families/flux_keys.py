"""Key names of FLUX.1's transformer: the original release's (BFL) and those of diffusers.

The original fuses what diffusers keeps apart: the three attention inputs of a double block, and
those with the first layer of the MLP in a single block, are one matrix each, stacked by rows. One
table, built from the number of blocks, says which original layer holds which of ours; weights and
LoRA files are renamed by it in both directions. Only the last modulation differs in more than its
name: the original gives shift before scale, diffusers scale before shift.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

SWAPPED = "final_layer.adaLN_modulation.1"
PREFIX = "model.diffusion_model."  # in front of the transformer's names in ComfyUI's files
Table = dict[str, tuple[str, ...]]  # original layer -> ours, in the order of the rows

OUTSIDE: Table = {
    "img_in": ("x_embedder",),
    "txt_in": ("context_embedder",),
    "time_in.in_layer": ("time_text_embed.timestep_embedder.linear_1",),
    "time_in.out_layer": ("time_text_embed.timestep_embedder.linear_2",),
    "vector_in.in_layer": ("time_text_embed.text_embedder.linear_1",),
    "vector_in.out_layer": ("time_text_embed.text_embedder.linear_2",),
    "guidance_in.in_layer": ("time_text_embed.guidance_embedder.linear_1",),
    "guidance_in.out_layer": ("time_text_embed.guidance_embedder.linear_2",),
    SWAPPED: ("norm_out.linear",),
    "final_layer.linear": ("proj_out",),
}
DOUBLE: Table = {
    "img_mod.lin": ("norm1.linear",),
    "txt_mod.lin": ("norm1_context.linear",),
    "img_attn.qkv": ("attn.to_q", "attn.to_k", "attn.to_v"),
    "txt_attn.qkv": ("attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj"),
    "img_attn.norm.query_norm": ("attn.norm_q",),
    "img_attn.norm.key_norm": ("attn.norm_k",),
    "txt_attn.norm.query_norm": ("attn.norm_added_q",),
    "txt_attn.norm.key_norm": ("attn.norm_added_k",),
    "img_attn.proj": ("attn.to_out.0",),
    "txt_attn.proj": ("attn.to_add_out",),
    "img_mlp.0": ("ff.net.0.proj",),
    "img_mlp.2": ("ff.net.2",),
    "txt_mlp.0": ("ff_context.net.0.proj",),
    "txt_mlp.2": ("ff_context.net.2",),
}
SINGLE: Table = {
    "modulation.lin": ("norm.linear",),
    "linear1": ("attn.to_q", "attn.to_k", "attn.to_v", "proj_mlp"),
    "linear2": ("proj_out",),
    "norm.query_norm": ("attn.norm_q",),
    "norm.key_norm": ("attn.norm_k",),
}


def table(config: Mapping[str, Any]) -> Table:
    """Every layer with weights of a transformer with this config."""
    guided = bool(config["guidance_embeds"])
    found = {k: v for k, v in OUTSIDE.items() if guided or not k.startswith("guidance_in")}
    for kind, ours, count, layers in (
        ("double_blocks", "transformer_blocks", config["num_layers"], DOUBLE),
        ("single_blocks", "single_transformer_blocks", config["num_single_layers"], SINGLE),
    ):
        for i in range(int(count)):
            for name, parts in layers.items():
                found[f"{kind}.{i}.{name}"] = tuple(f"{ours}.{i}.{part}" for part in parts)
    return found


def rows_of(name: str, total: int, config: Mapping[str, Any]) -> list[int]:
    """How many of the ``total`` rows of a fused original layer belong to each of ours."""
    width = int(config["attention_head_dim"]) * int(config["num_attention_heads"])
    if name.endswith(".qkv"):
        return [width] * 3
    if name.endswith(".linear1"):
        return [width, width, width, total - 3 * width]
    return [total]


def swap_halves(tensor: Tensor) -> Tensor:
    """Shift and scale, or scale and shift, exchanged; its own inverse."""
    first, second = tensor.chunk(2, dim=0)
    return torch.cat([second, first], dim=0)


def to_bfl(
    config: Mapping[str, Any], state: Iterable[tuple[str, Tensor]]
) -> Iterator[tuple[str, Tensor]]:
    """Diffusers tensors under their original names, stacked where the original stacks.

    Raises AssertionError for a tensor that the layout has no place for: it would be lost silently.
    """
    given = dict(state)
    for theirs, ours in table(config).items():
        for part in ("weight", "bias"):
            names = [f"{name}.{part}" for name in ours]
            if names[0] not in given:
                continue  # norms have no bias
            parts = [given.pop(name) for name in names]
            tensor = parts[0] if len(parts) == 1 else torch.cat(parts)
            suffix = "scale" if theirs.endswith("_norm") else part
            yield f"{theirs}.{suffix}", swap_halves(tensor) if theirs == SWAPPED else tensor
    assert not given, f"{next(iter(given))} has no place in a single file"


def from_bfl(
    config: Mapping[str, Any], state: Iterable[tuple[str, Tensor]]
) -> Iterator[tuple[str, Tensor]]:
    """The inverse of :func:`to_bfl`, tensor by tensor; unknown keys are left out."""
    known = table(config)
    for key, tensor in state:
        theirs, _, suffix = key.rpartition(".")
        ours = known.get(theirs)
        if ours is None:
            continue
        if theirs == SWAPPED:
            tensor = swap_halves(tensor)
        part = "weight" if suffix == "scale" else suffix
        if len(ours) == 1:
            yield f"{ours[0]}.{part}", tensor
            continue
        pieces = tensor.split(rows_of(theirs, tensor.shape[0], config))
        for name, piece in zip(ours, pieces, strict=True):
            yield f"{name}.{part}", piece.clone()  # a view would keep the whole matrix


def infer_config(shapes: Mapping[str, tuple[int, ...]], base: Mapping[str, Any]) -> dict[str, Any]:
    """The transformer's config, as far as it shows in the shapes of its original tensors.

    Raises KeyError naming a tensor that every such file has.
    """
    width, depth = shapes["img_in.weight"]
    head = shapes["single_blocks.0.norm.query_norm.scale"][0]
    return dict(base) | {
        "in_channels": depth,
        "joint_attention_dim": shapes["txt_in.weight"][1],
        "pooled_projection_dim": shapes["vector_in.in_layer.weight"][1],
        "attention_head_dim": head,
        "num_attention_heads": width // head,
        "num_layers": _count(shapes, "double_blocks."),
        "num_single_layers": _count(shapes, "single_blocks."),
        "guidance_embeds": "guidance_in.in_layer.weight" in shapes,
    }


def _count(shapes: Mapping[str, tuple[int, ...]], start: str) -> int:
    numbers = (int(k.removeprefix(start).split(".")[0]) for k in shapes if k.startswith(start))
    return 1 + max(numbers, default=-1)
