"""Perceptual losses on latents: a small frozen network compares what the prediction stands for.

Two kinds of weights file, after ai-toolkit's `diffusion_feature_extraction` versions 1 and 2, told
apart by their keys. Sizes are read from the weights. For flow matching; the gradient goes through
the network, whose weights stay as they are. Frames of videos are looked at one by one.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.errors import ConfigError
from engine.example import Example

OPTION = "train.diffusion_feature_extractor_path"
SCALE = 100
"""What the errors of the second kind are multiplied by."""


class Mixer(nn.Module):
    """Two 3x3 convolutions, GELU, a 1x1 convolution, and the input beside them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.proj = nn.Conv2d(channels, channels, 1)

    def forward(self, values: Tensor) -> Tensor:
        """(B, C, H, W) to the same."""
        mixed: Tensor = self.proj(F.gelu(self.conv2(self.conv1(values))))
        return values + mixed


class Stack(nn.Module):
    """The first kind: clean latents to features of the same height and width."""

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        super().__init__()
        width, channels = state["conv_in.weight"].shape[:2]
        blocks = 1 + max(int(key.split(".")[1]) for key in state if key.startswith("blocks."))
        self.channels = channels
        self.conv_in = nn.Conv2d(channels, width, 1)
        self.blocks = nn.ModuleList(Mixer(width) for _ in range(blocks))
        self.conv_out = nn.Conv2d(width, state["conv_out.weight"].shape[0], 1)

    def forward(self, values: Tensor) -> Tensor:
        """(B, C, H, W) to (B, features, H, W)."""
        values = self.conv_in(values)
        for block in self.blocks:
            values = block(values)
        found: Tensor = self.conv_out(values)
        return found

    def compare(self, example: Example) -> Tensor:
        """mean (F(x_0') - F(x_0))^2 (1 - sigma)."""
        clean = _folded(example.latents.float())
        with torch.no_grad():
            wanted = self(clean)
        loss_N = (self(_folded(example.estimate)) - wanted).pow(2).flatten(1).mean(1)
        sigma_B = example.kit.table.sigma(example.t_B)
        frames = len(loss_N) // len(sigma_B)
        return (loss_N * (1 - sigma_B).repeat_interleave(frames)).mean()


class Residual(nn.Module):
    """Two normalised 3x3 convolutions and the input beside them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm1 = nn.GroupNorm(8, channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm2 = nn.GroupNorm(8, channels)

    def forward(self, values: Tensor) -> Tensor:
        """(B, C, H, W) to the same."""
        inner = F.silu(self.norm1(self.conv1(values)))
        return F.silu(values + self.norm2(self.conv2(inner)))


def _twice() -> nn.Module:
    return nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)


_PATHS = {
    "up_path": "conv double block double block double block conv",
    "path2": "conv double block double block conv",
    "path3": "conv double block conv",
    "path4": "conv block block conv",
    "path5": "conv block half block conv",
}
"""The five scales of the second kind, from eight times the size to half of it, layer by layer."""


class Pyramid(nn.Module):
    """The second kind: velocity and noise, side by side, at five scales."""

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.channels = state["path4.0.weight"].shape[1] // 2
        for name, layers in _PATHS.items():
            width = state[f"{name}.0.weight"].shape[0]
            path = [_layer(kind, width) for kind in layers.split()]
            path[0] = nn.Conv2d(2 * self.channels, width, 3, padding=1)
            setattr(self, name, nn.ModuleList(path))

    def forward(self, velocity: Tensor, noise: Tensor) -> list[Tensor]:
        """Features (B, C, H', W') of each scale."""
        found = []
        for name in _PATHS:
            values = torch.cat([velocity, noise], dim=1)
            for layer in getattr(self, name):
                values = layer(values)
            found.append(values)
        return found

    def compare(self, example: Example) -> Tensor:
        """100 times the sum over scales of the mean squared error of velocity features."""
        noise = _folded(example.noise.float())
        with torch.no_grad():
            wanted = self(noise - _folded(example.latents.float()), noise)
        found = self(_folded(example.prediction), noise)
        return (
            SCALE
            * torch.stack(
                [F.mse_loss(one, other) for one, other in zip(found, wanted, strict=True)]
            ).sum()
        )


def _layer(kind: str, width: int) -> nn.Module:
    match kind:
        case "double":
            return _twice()
        case "half":
            return nn.AvgPool2d(2)
        case "block":
            return Residual(width)
        case _:
            return nn.Conv2d(width, width, 3, padding=1)


def _folded(values: Tensor) -> Tensor:
    """(B, C, F, H, W) to (B F, C, H, W); pictures as they are."""
    return values if values.ndim == 4 else values.transpose(1, 2).flatten(0, 1)


class Extractor(Protocol):
    """Whatever compares an example's prediction with what it should have been."""

    def compare(self, example: Example) -> Tensor:
        """One scalar, 0 for a perfect prediction."""
        ...


class FeatureLoss:
    """The extractor's comparison times a weight, added to the loss."""

    def __init__(self, extractor: Extractor, weight: float) -> None:
        self._extractor, self._weight = extractor, weight

    def __call__(self, example: Example) -> dict[str, Tensor]:
        """One scalar."""
        return {"features": self._weight * self._extractor.compare(example)}


def load_extractor(path: Path, channels: int, device: torch.device) -> Stack | Pyramid:
    """The network of a weights file for latents of so many channels, frozen, in float32.

    Raises ConfigError for a file that is not one.
    """
    state = _read(path)
    try:
        extractor = Stack(state) if "conv_in.weight" in state else Pyramid(state)
        extractor.load_state_dict(state)
    except (KeyError, RuntimeError, ValueError) as error:
        raise ConfigError(OPTION, f"{path} is not a feature extractor: {error}.") from error
    if extractor.channels != channels:
        message = f"{path} is for latents of {extractor.channels} channels, not {channels}."
        raise ConfigError(OPTION, message)
    return extractor.float().to(device).eval().requires_grad_(False)


def _read(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            state: dict[str, Tensor] = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ConfigError(OPTION, f"{path} cannot be read: {error}.") from error
    wrapped = state.get("model_state_dict")
    return wrapped if isinstance(wrapped, dict) else state
