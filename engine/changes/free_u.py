"""FreeU while training: more backbone, less low frequency in the skip connections of a U-Net.

In the first and the second block on the way up (the deepest two) the first half of the backbone's
channels is multiplied by b, and the lowest frequencies of the skip connection by s. Si et al. 2023,
"FreeU: Free Lunch in Diffusion U-Net" (arXiv:2309.11497).

diffusers' own switch works in place; here the inputs of the blocks' layers are replaced, so that
autograd and gradient checkpointing see what was really computed. It is on from the forward to the
end of the backward pass, and off in previews and validation.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from engine.example import Example
from engine.families.base import Denoiser

BACKBONE, SKIP = (1.1, 1.2), (0.9, 0.2)


class FreeU:
    """A change of how the U-Net works, for one micro-batch at a time."""

    def __init__(self, denoisers: Sequence[Denoiser]) -> None:
        """Put hooks on their blocks, which do nothing until an example comes."""
        self._on = False
        for denoiser in denoisers:
            unet: Any = denoiser.module
            channels = unet.config.block_out_channels[::-1]
            for place, (b, s) in enumerate(zip(BACKBONE, SKIP, strict=True)):
                for layer, resnet in enumerate(unet.up_blocks[place].resnets):
                    # What comes from below is as wide as the block before; within a block, as it.
                    below = channels[max(0, place - 1)] if layer == 0 else channels[place]
                    resnet.register_forward_pre_hook(self._hook(below, b, s))

    def __call__(self, example: Example) -> None:
        """On until this example's backward pass is over."""
        example.hold(self._active())

    @contextlib.contextmanager
    def _active(self) -> Iterator[None]:
        self._on = True
        try:
            yield
        finally:
            self._on = False

    def _hook(self, backbone: int, b: float, s: float) -> Any:
        def change(_: Any, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...] | None:
            if not self._on:
                return None
            return (rebalanced(inputs[0], backbone, b, s), *inputs[1:])

        return change


def rebalanced(joined_BCHW: Tensor, backbone: int, b: float, s: float) -> Tensor:
    """Backbone channels (the first `backbone`) and skip channels, joined, after FreeU."""
    from diffusers.utils.torch_utils import fourier_filter

    half = backbone // 2
    skip = fourier_filter(joined_BCHW[:, backbone:], threshold=1, scale=s)
    return torch.cat([joined_BCHW[:, :half] * b, joined_BCHW[:, half:backbone], skip], dim=1)
