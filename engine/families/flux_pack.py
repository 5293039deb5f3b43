"""FLUX.1's tokens: squares of 2x2 latent pixels, and where each of them lies.

The transformer sees a sequence, the trainer keeps pictures: latents are packed on the way in and
unpacked on the way out. Order and position ids are those of the original release, which is how
diffusers' pipeline does it too; the tests compare them.

Shapes: latents (B, C, H, W) with even H and W; tokens (B, N, 4 C) with N = H W / 4.
"""

from __future__ import annotations

import torch
from torch import Tensor

SIDE = 2  # latent pixels along a token


def pack(latents: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, H W / 4, 4 C), row by row; within a token channels count slowest."""
    batch, channels, height, width = latents.shape
    squares = latents.reshape(batch, channels, height // SIDE, SIDE, width // SIDE, SIDE)
    tokens = (height // SIDE) * (width // SIDE)
    return squares.permute(0, 2, 4, 1, 3, 5).reshape(batch, tokens, channels * SIDE * SIDE)


def unpack(tokens: Tensor, height: int, width: int) -> Tensor:
    """The inverse of :func:`pack` for latents of ``height`` x ``width``."""
    batch, _, depth = tokens.shape
    channels = depth // (SIDE * SIDE)
    squares = tokens.reshape(batch, height // SIDE, width // SIDE, channels, SIDE, SIDE)
    return squares.permute(0, 3, 1, 4, 2, 5).reshape(batch, channels, height, width)


def position_ids(height: int, width: int, device: torch.device) -> Tensor:
    """(N, 3) float32: zero, row and column of each token of latents of ``height`` x ``width``.

    Text tokens all lie at the origin.
    """
    rows, columns = height // SIDE, width // SIDE
    ids = torch.zeros(rows, columns, 3, device=device)
    ids[..., 1] = torch.arange(rows, device=device)[:, None]
    ids[..., 2] = torch.arange(columns, device=device)[None, :]
    return ids.reshape(rows * columns, 3)
