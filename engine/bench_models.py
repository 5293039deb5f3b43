"""Models of a family's true shape with random weights, for measuring; nothing is read from a disk.

`tiny` is a model for any machine, `real` has the size of the original release. A new family adds
a row to `MODELS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import torch
from torch import nn

from engine.families import family_for
from engine.families.base import Conditioning, Family
from engine.families.sd_data import configs
from engine.families.sd_parts import Source
from engine.families.unet_family import UNetFamily
from schema.sections.model import Model

SIZES: Final = ("tiny", "real")
RESOLUTIONS: Final = {"tiny": 64, "real": 512}
"""Pixels along each side of the training pictures, unless told otherwise."""

_TINY_UNET: Final[Mapping[str, Mapping[str, Any]]] = {
    "sd1": {
        "block_out_channels": [32, 64],
        "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
        "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"],
        "layers_per_block": 1,
        "norm_num_groups": 8,
        "attention_head_dim": 4,
        "cross_attention_dim": 32,
        "sample_size": 8,
    },
    "sdxl": {
        "block_out_channels": [32, 64],
        "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"],
        "up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D"],
        "layers_per_block": 1,
        "norm_num_groups": 8,
        "attention_head_dim": [2, 4],
        "cross_attention_dim": 64,
        "transformer_layers_per_block": [1, 2],
        "addition_time_embed_dim": 8,
        "projection_class_embeddings_input_dim": 6 * 8 + 32,
        "sample_size": 8,
    },
}
_TINY: Final[Mapping[str, Mapping[str, Any]]] = {
    "vae": {
        "block_out_channels": [8, 16, 16, 16],
        "layers_per_block": 1,
        "norm_num_groups": 8,
    },
    "text_encoder": {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_attention_heads": 2,
        "num_hidden_layers": 2,
    },
}


class RandomSource(Source):
    """Components made from their configs alone, on the device that will train them."""

    def __init__(self, arch: str, size: str, device: torch.device) -> None:
        self.path = Path(f"random-{arch}-{size}")
        changes = {**_TINY, "unet": _TINY_UNET[arch]} if size == "tiny" else {}
        known = configs(arch)
        self.configs = {name: {**row, **changes.get(name, {})} for name, row in known.items()}
        self._device = device

    def load(self, component: str, dtype: torch.dtype) -> nn.Module:
        """The component with its library's own initial weights."""
        from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

        if component != "unet":
            raise NotImplementedError(f"a measurement trains on latents; no {component} is needed")
        with self._device:
            module: nn.Module = UNet2DConditionModel.from_config(self.configs[component])
        # Past diffusers' own `to`, which warns of casting; there is no trained value to lose.
        return nn.Module.to(module, dtype)

    def tokenizer(self, text_encoder: str) -> Any:
        """There are no prompts to read."""
        raise NotImplementedError("a measurement has no prompts")


def _unet_family(arch: str, size: str, device: torch.device, dtype: torch.dtype) -> Family:
    kind = family_for(arch)
    assert issubclass(kind, UNetFamily)
    model = Model.model_validate({"name_or_path": "random", "arch": arch})
    return kind(model, RandomSource(arch, size, device), device, dtype)


MODELS: Final[dict[str, Callable[[str, torch.device, torch.dtype], Family]]] = {
    arch: partial(_unet_family, arch) for arch in _TINY_UNET
}


def random_conditioning(family: Family, batch: int) -> Conditioning:
    """What text encoders would give, as noise: "text" (B, 77, width), and the pooled vector of
    models that are told sizes.
    """
    assert isinstance(family, UNetFamily)
    unet = family.configs["unet"]
    parts = {"text": torch.randn(batch, 77, int(unet["cross_attention_dim"]))}
    if family.told_sizes:
        told = int(unet["projection_class_embeddings_input_dim"])
        pooled = told - 6 * int(unet["addition_time_embed_dim"])
        parts["pooled"] = torch.randn(batch, pooled)
    return Conditioning(parts)
