"""Optimizer states in 8 bits: codes in blocks of 256 values with one float32 scale a block.

Codes are rounded stochastically, so that a slow average goes on moving when its step is smaller
than a code; the dither is a function of (step, tensor), so a resumed run draws the same. A second
moment is kept as its root, and a value above zero never becomes the code zero: a denominator that
rounds to nothing would send its weight far away.
"""

from __future__ import annotations

import torch
from torch import Tensor

BLOCK = 256
TINY = torch.finfo(torch.float32).tiny


def dither(step: int, index: int, like: Tensor) -> torch.Generator:
    """The generator of one tensor's rounding in one update."""
    return torch.Generator(like.device).manual_seed((step * 1_000_003 + index) % 2**63)


def pack(values: Tensor, generator: torch.Generator | None) -> dict[str, Tensor]:
    """Signed values of any shape as int8 codes (blocks, 256) and scales (blocks, 1).

    `generator` None rounds to nearest, for what is stored once.
    """
    blocks = _blocks(values)
    scale = blocks.abs().amax(1, keepdim=True).div_(127)
    codes = _round(blocks / scale.clamp(min=TINY), generator)
    return {"codes": codes.clamp_(-127, 127).to(torch.int8), "scale": scale}


def unpack(packed: dict[str, Tensor], like: Tensor) -> Tensor:
    """The values again, float32, shaped like `like`."""
    return (packed["codes"].float() * packed["scale"]).flatten()[: like.numel()].view(like.shape)


def pack_square(values: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
    """Values >= 0 as uint8 codes of their roots."""
    roots = _blocks(values).sqrt_()
    scale = roots.amax(1, keepdim=True).div_(255)
    codes = _round(roots / scale.clamp(min=TINY), generator)
    codes = torch.where(roots > 0, codes.clamp(1, 255), codes.clamp(0, 255))
    return {"codes": codes.to(torch.uint8), "scale": scale}


def unpack_square(packed: dict[str, Tensor], like: Tensor) -> Tensor:
    """The values again, float32, shaped like `like`."""
    return unpack(packed, like).square_()


def _blocks(values: Tensor) -> Tensor:
    flat = values.float().flatten()
    missing = -flat.numel() % BLOCK
    return torch.nn.functional.pad(flat, (0, missing)).view(-1, BLOCK)


def _round(values: Tensor, generator: torch.Generator | None) -> Tensor:
    if generator is None:
        return values.round()
    noise = torch.rand(values.shape, generator=generator, device=values.device)
    return values.add(noise).floor_()
