"""Held-out pictures as validation keeps them: encoded once, on the CPU, whatever training does.

They are read while the VAE and the text encoders are there. Everything random about them (the VAE's
draw, the noise) is fixed for all runs, so that curves of different runs can be compared.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from engine.data.images import to_tensor
from engine.data.sources import open_picture
from engine.families.base import Conditioning, Family
from engine.randomness import global_rng_kept
from schema.formulas.buckets import bucket_size
from schema.formulas.captions import fill_placeholders
from schema.sections.train import ValidationConfig

SEED = 42
"""Of the VAE's draw, and of the first picture's noise; the next picture's is one more."""
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class HeldOut:
    """One picture: float32 on the CPU, without a batch axis but for the conditioning's one row."""

    latents: Tensor  # (C, H, W), scaled
    noise: Tensor  # like the latents
    prompt: str
    conditioning: Conditioning
    sizes_6: Tensor
    """How it was framed; see `Family.with_sizes`."""


def encode(
    config: ValidationConfig, family: Family, trigger: str | None, report: Progress
) -> list[HeldOut]:
    """Every picture of the config, in order. Loads what encodes them and leaves it loaded.

    Raises DataError for a picture that is not there or does not decode.
    """
    family.load_vae()
    family.load_text_encoders()
    found: list[HeldOut] = []
    with torch.no_grad(), global_rng_kept():
        for index, item in enumerate(config.validation_items):
            path = Path(item.image_path).expanduser()
            prompt = fill_placeholders(item.prompt, trigger)
            found.append(_encode_one(path, prompt, index, config.resolution, family))
            report("encoding validation pictures", index + 1, len(config.validation_items))
    return found


def _encode_one(path: Path, prompt: str, index: int, resolution: int, family: Family) -> HeldOut:
    """The whole picture, resized to the bucket of its shape."""
    picture = open_picture(path)
    width, height = picture.size
    size = bucket_size(width, height, resolution, family.size_multiple)
    pixels_CHW = to_tensor(picture.resize(size, Image.Resampling.BICUBIC))
    draw = torch.Generator().manual_seed(SEED)
    latents = family.encode_images(pixels_CHW[None], [draw])[0].float().cpu()
    noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(SEED + index))
    sizes_6 = torch.tensor((height, width, 0, 0, size[1], size[0]))
    conditioning = family.encode_prompts([prompt]).detach().to("cpu", torch.float32)
    return HeldOut(latents, noise, prompt, conditioning, sizes_6)
