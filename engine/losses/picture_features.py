"""Perceptual losses on pictures: a vision model compares the decoded clean estimate with the image.

`v4` and `v5` are SigLIP2 (NaFlex), `v6` is DINOv3, each through transformers and frozen; the
gradient goes through the model and the VAE. They need the pixels of the batch. Sizes and weights
after ai-toolkit's `diffusion_feature_extraction`, but for the patches of SigLIP2, whose values are
put in the order that the model was trained with.
"""

from __future__ import annotations

import math
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.errors import ConfigError
from engine.example import Example
from engine.losses.features import OPTION
from engine.losses.pixels import picture

REPOSITORIES = {
    "v4": "google/siglip2-so400m-patch16-naflex",
    "v5": "google/siglip2-so400m-patch16-naflex",
    "v6": "facebook/dinov3-vith16plus-pretrain-lvd1689m",
}
"""What each name downloads; the cache of the hub and its token are used as everywhere."""

PATCHES = 1024
PIXELS = 512 * 512
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
TINY = 1e-6


class Vision(Protocol):
    """Pictures (B, 3, H, W) in 0..1 to features (B, ...)."""

    def __call__(self, pictures: Tensor) -> Tensor:
        """Differentiable in the pictures."""
        ...


class SigLip2:
    """The hidden states before the last layer, of at most 1024 patches."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def __call__(self, pictures: Tensor) -> Tensor:
        """(B, patches, width)."""
        side = self._model.config.patch_size
        pictures = fitted((pictures - 0.5) / 0.5, side, PATCHES * side * side)
        high, wide = pictures.shape[-2] // side, pictures.shape[-1] // side
        rows = len(pictures)
        answer = self._model(
            pixel_values=patches(pictures, side).to(self._model.dtype),
            pixel_attention_mask=torch.ones(rows, high * wide, device=pictures.device).long(),
            # Read as numbers by the model: on a GPU it would wait for them.
            spatial_shapes=torch.tensor([[high, wide]] * rows),
            output_hidden_states=True,
        )
        found: Tensor = answer.hidden_states[-2]
        return found.float()


class DinoV3:
    """The pooled features, standardised over all their numbers."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def __call__(self, pictures: Tensor) -> Tensor:
        """(B, width)."""
        mean, spread = (pictures.new_tensor(part).view(1, 3, 1, 1) for part in IMAGENET)
        pictures = fitted((pictures - mean) / spread, self._model.config.patch_size, PIXELS)
        found: Tensor = self._model(pixel_values=pictures.to(self._model.dtype)).pooler_output
        found = found.float()
        return (found - found.mean()) / (found.std() + TINY)


def fitted(pictures: Tensor, multiple: int, most: int) -> Tensor:
    """Shrunk to at most so many pixels, sides cut down to multiples; bilinear, only if need be."""
    height, width = pictures.shape[-2:]
    scale = min(1.0, math.sqrt(most / (height * width)))
    size = [max(multiple, int(side * scale) // multiple * multiple) for side in (height, width)]
    if size == [height, width]:
        return pictures
    return F.interpolate(pictures, size=size, mode="bilinear", align_corners=False)


def patches(pictures: Tensor, side: int) -> Tensor:
    """(B, 3, H, W) to (B, patches, side * side * 3): rows, columns, then colours."""
    rows, colours, height, width = pictures.shape
    cut = pictures.view(rows, colours, height // side, side, width // side, side)
    return cut.permute(0, 2, 4, 3, 5, 1).reshape(rows, -1, side * side * colours)


class PictureFeatures:
    """Mean squared error between the features of the decoded estimate and those of the image."""

    def __init__(self, vision: Vision) -> None:
        self._vision = vision

    def compare(self, example: Example) -> Tensor:
        """One scalar."""
        with torch.no_grad():
            wanted = self._vision(_unit(picture(example)))
        decoded = example.kit.family.decode_latents(example.estimate)
        return F.mse_loss(self._vision(_unit(decoded)), wanted)


def _unit(pixels: Tensor) -> Tensor:
    """From [-1, 1] to [0, 1], what is beyond cut off."""
    return ((pixels + 1) / 2).clamp(0, 1)


def load_vision(name: str, device: torch.device) -> PictureFeatures:
    """The vision model called `v4` to `v6`, frozen.

    Raises ConfigError where it is neither in the cache nor to be had.
    """
    from transformers import DINOv3ViTModel, Siglip2VisionModel

    repository = REPOSITORIES[name]
    kind: Any = DINOv3ViTModel if name == "v6" else Siglip2VisionModel
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    try:
        model = kind.from_pretrained(repository, dtype=dtype)
    except (OSError, ValueError) as error:
        raise ConfigError(
            OPTION,
            f"{name} needs {repository}, which could not be loaded: {error}",
            repair="Download it into the Hugging Face cache, or name a weights file.",
        ) from error
    model = model.to(device).eval().requires_grad_(False)
    return PictureFeatures(DinoV3(model) if name == "v6" else SigLip2(model))
