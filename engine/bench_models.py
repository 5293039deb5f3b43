"""Models of a family's true shape with random weights, for measuring; nothing is read from a disk.

`tiny` is a model for any machine, `real` has the size of the original release. A new family adds
a row to `MODELS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import torch
from torch import nn

from engine.families.base import Conditioning, Family
from engine.families.sd1 import StableDiffusion1
from engine.families.sd_data import configs
from engine.families.sd_parts import Source
from schema.sections.model import Model

SIZES: Final = ("tiny", "real")
RESOLUTIONS: Final = {"tiny": 64, "real": 512}
"""Pixels along each side of the training pictures, unless told otherwise."""

_TINY_SD1: Final[Mapping[str, Mapping[str, Any]]] = {
    "unet": {
        "block_out_channels": [32, 64],
        "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
        "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"],
        "layers_per_block": 1,
        "norm_num_groups": 8,
        "attention_head_dim": 4,
        "cross_attention_dim": 32,
        "sample_size": 8,
    },
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

    def __init__(self, size: str, device: torch.device) -> None:
        self.path = Path(f"random-sd1-{size}")
        changes = _TINY_SD1 if size == "tiny" else {}
        self.configs = {name: {**row, **changes.get(name, {})} for name, row in configs().items()}
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


def _sd1(size: str, device: torch.device, dtype: torch.dtype) -> Family:
    model = Model(name_or_path="random", arch="sd1")
    return StableDiffusion1(model, RandomSource(size, device), device, dtype)


MODELS: Final[dict[str, Callable[[str, torch.device, torch.dtype], Family]]] = {"sd1": _sd1}


def random_conditioning(family: Family, batch: int) -> Conditioning:
    """What a text encoder would give, as noise: sd1 has one part, "text" (B, 77, width)."""
    assert isinstance(family, StableDiffusion1)
    width = int(family.configs["unet"]["cross_attention_dim"])
    return Conditioning({"text": torch.randn(batch, 77, width)})
