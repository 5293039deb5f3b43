"""Key names of single-file checkpoints (the original latent-diffusion layout) and of diffusers.

One table per model, built from its diffusers config, says which module of the one layout is which
module of the other; it is read in both directions, so what is saved is what would be loaded. The
names follow CompVis/latent-diffusion; diffusers' own converter is the judge in the tests.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from torch import Tensor

UNET = "model.diffusion_model."
VAE = "first_stage_model."
RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
VAE_ATTENTION = {
    "group_norm": "norm",
    "to_q": "q",
    "to_k": "k",
    "to_v": "v",
    "to_out.0": "proj_out",
}
Table = dict[str, str]


def unet_table(config: Mapping[str, Any]) -> Table:
    """Diffusers module -> latent-diffusion module of a UNet2DConditionModel."""
    layers = int(config["layers_per_block"])
    table = {
        "time_embedding.linear_1": "time_embed.0",
        "time_embedding.linear_2": "time_embed.2",
        "conv_in": "input_blocks.0.0",
        "conv_norm_out": "out.0",
        "conv_out": "out.2",
        "mid_block.attentions.0": "middle_block.1",
        "add_embedding.linear_1": "label_emb.0.0",
        "add_embedding.linear_2": "label_emb.0.2",
    }
    table |= _resnet("mid_block.resnets.0", "middle_block.0")
    table |= _resnet("mid_block.resnets.1", "middle_block.2")
    for i, kind in enumerate(config["down_block_types"]):
        table |= _down_block(i, layers, "Attn" in kind)
    for i, kind in enumerate(config["up_block_types"]):
        table |= _up_block(i, layers, "Attn" in kind)
    return table


def _down_block(i: int, layers: int, attention: bool) -> Table:
    table: Table = {}
    for j in range(layers):
        here = 1 + i * (layers + 1) + j
        table |= _resnet(f"down_blocks.{i}.resnets.{j}", f"input_blocks.{here}.0")
        if attention:
            table[f"down_blocks.{i}.attentions.{j}"] = f"input_blocks.{here}.1"
    after = (i + 1) * (layers + 1)
    table[f"down_blocks.{i}.downsamplers.0.conv"] = f"input_blocks.{after}.0.op"
    return table


def _up_block(i: int, layers: int, attention: bool) -> Table:
    table: Table = {}
    for j in range(layers + 1):
        here = i * (layers + 1) + j
        table |= _resnet(f"up_blocks.{i}.resnets.{j}", f"output_blocks.{here}.0")
        if attention:
            table[f"up_blocks.{i}.attentions.{j}"] = f"output_blocks.{here}.1"
    last = i * (layers + 1) + layers
    place = 2 if attention else 1
    table[f"up_blocks.{i}.upsamplers.0.conv"] = f"output_blocks.{last}.{place}.conv"
    return table


def _resnet(ours: str, theirs: str) -> Table:
    return {f"{ours}.{a}": f"{theirs}.{b}" for a, b in RESNET.items()}


def vae_table(config: Mapping[str, Any]) -> Table:
    """Diffusers module -> latent-diffusion module of an AutoencoderKL."""
    layers, levels = int(config["layers_per_block"]), len(config["block_out_channels"])
    table = {"quant_conv": "quant_conv", "post_quant_conv": "post_quant_conv"}
    for half in ("encoder", "decoder"):
        table |= {
            f"{half}.conv_in": f"{half}.conv_in",
            f"{half}.conv_norm_out": f"{half}.norm_out",
            f"{half}.conv_out": f"{half}.conv_out",
        }
        for j in (0, 1):
            table |= _vae_resnet(f"{half}.mid_block.resnets.{j}", f"{half}.mid.block_{j + 1}")
        for a, b in VAE_ATTENTION.items():
            table[f"{half}.mid_block.attentions.0.{a}"] = f"{half}.mid.attn_1.{b}"
    for i in range(levels):
        down, up = f"encoder.down_blocks.{i}", f"decoder.up_blocks.{i}"
        their_down, their_up = f"encoder.down.{i}", f"decoder.up.{levels - 1 - i}"
        for j in range(layers):
            table |= _vae_resnet(f"{down}.resnets.{j}", f"{their_down}.block.{j}")
        for j in range(layers + 1):
            table |= _vae_resnet(f"{up}.resnets.{j}", f"{their_up}.block.{j}")
        table[f"{down}.downsamplers.0.conv"] = f"{their_down}.downsample.conv"
        table[f"{up}.upsamplers.0.conv"] = f"{their_up}.upsample.conv"
    return table


def _vae_resnet(ours: str, theirs: str) -> Table:
    same = {f"{ours}.{name}": f"{theirs}.{name}" for name in ("norm1", "conv1", "norm2", "conv2")}
    return same | {f"{ours}.conv_shortcut": f"{theirs}.nin_shortcut"}


def rename(key: str, table: Mapping[str, str]) -> str | None:
    """The key with its module renamed (the longest module name in the table wins), or None."""
    end = len(key)
    while (end := key.rfind(".", 0, end)) > 0:
        found = table.get(key[:end])
        if found is not None:
            return found + key[end:]
    return None


def to_ldm(table: Table, state: Iterable[tuple[str, Tensor]]) -> Iterator[tuple[str, Tensor]]:
    """Diffusers tensors under their original names; the VAE's attention becomes 1x1 convolutions.

    Raises AssertionError for a key that the layout has no place for: it would be lost silently.
    """
    for key, tensor in state:
        name = rename(key, table)
        assert name is not None, f"{key} has no place in a single-file checkpoint"
        if ".mid.attn_1." in name and tensor.ndim == 2:
            tensor = tensor[:, :, None, None]
        yield name, tensor


def from_ldm(table: Table, state: Iterable[tuple[str, Tensor]]) -> Iterator[tuple[str, Tensor]]:
    """The inverse of :func:`to_ldm`; keys that diffusers has no place for are left out."""
    inverse = {theirs: ours for ours, theirs in table.items()}
    for key, tensor in state:
        name = rename(key, inverse)
        if name is None:
            continue
        if ".mid_block.attentions.0.to_" in name and tensor.ndim == 4 and key.startswith(HALVES):
            tensor = tensor[:, :, 0, 0]
        yield name, tensor


HALVES = ("encoder.", "decoder.")  # only the VAE's attention changes shape, never the UNet's
