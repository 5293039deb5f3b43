"""A Stable Diffusion model whose UNet comes from another place than everything else.

``model.unet_path`` names a folder with a UNet's config and weights (or a model folder around it),
or a safetensors file: a whole checkpoint or the UNet alone, in the original layout, with or without
its prefix, or in diffusers' names.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from engine.errors import DataError
from engine.families import ldm
from engine.families.files import read_json, safetensors_header, weight_files
from engine.families.sd_parts import Source, class_of, filled, load_component

UNET = "unet"


class OtherUNet(Source):
    """The files of ``whole``, but for the UNet."""

    def __init__(self, whole: Source, place: Path) -> None:
        """Raises DataError when there is no UNet at ``place``, or one of another make."""
        self.path, self._whole = whole.path, whole
        self.configs = dict(whole.configs)
        self._place = place
        if place.is_dir():
            self._place = place if (place / "config.json").exists() else place / UNET
            weight_files(self._place)
            self.configs[UNET] = read_json(self._place / "config.json")
        else:
            safetensors_header(place)
        for key in ("in_channels", "cross_attention_dim"):
            wanted, found = (configs[UNET].get(key) for configs in (whole.configs, self.configs))
            if wanted != found:
                raise DataError(
                    f"{self._place} is a UNet of another make: {key} is {found}, not {wanted}."
                )

    def load(self, component: str, dtype: torch.dtype) -> nn.Module:
        """The UNet from its place, everything else from the model."""
        if component != UNET:
            return self._whole.load(component, dtype)
        if self._place.is_dir():
            return load_component(self._place, class_of(UNET), dtype)
        from safetensors.torch import load_file

        config = self.configs[UNET]
        tensors = {k.removeprefix(ldm.UNET): v for k, v in load_file(self._place).items()}
        if "conv_in.weight" not in tensors:
            tensors = dict(ldm.from_ldm(ldm.unet_table(config), tensors.items()))
        return filled(self._place, UNET, config, tensors.items(), dtype)

    def tokenizer(self, text_encoder: str) -> Any:
        """The model's own."""
        return self._whole.tokenizer(text_encoder)
