"""Roots of second moments as int8 codes, a scale per row, after a rotation that spreads outliers.

A normalised Hadamard transform mixes up to 256 neighbours, so that one large value does not make
the scale of its row too coarse for the others (as in rotation-based weight quantization).
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

WIDEST = 256


def pack_rotated(root: Tensor) -> dict[str, Tensor]:
    """Values >= 0: codes and scales for two or more axes, float32 for fewer."""
    if root.ndim < 2:
        return {"plain": root}
    rows = _rotate(root.flatten(1))
    scale = rows.abs().amax(1, keepdim=True).div_(127)
    codes = (rows / scale.clamp(min=torch.finfo(torch.float32).tiny)).round_()
    return {"codes": codes.to(torch.int8), "scale": scale}


def unpack_rotated(packed: dict[str, Tensor], like: Tensor) -> Tensor:
    """The values again, float32, shaped like `like`; what rounding made negative is zero."""
    if "plain" in packed:
        return packed["plain"].clone()
    rows = _rotate(packed["codes"].float() * packed["scale"])
    return rows.view(like.shape).clamp_(min=0)


def _rotate(rows: Tensor) -> Tensor:
    """The transform is its own inverse."""
    length = rows.shape[1]
    width = min(length & -length, WIDEST)  # the largest power of two that divides a row
    if width == 1:
        return rows
    matrix = _hadamard(width).to(rows.device)
    return (rows.reshape(-1, width) @ matrix).view(rows.shape)


@cache
def _hadamard(width: int) -> Tensor:
    matrix = torch.ones(1, 1)
    while matrix.shape[0] < width:
        matrix = torch.cat([torch.cat([matrix, matrix], 1), torch.cat([matrix, -matrix], 1)], 0)
    return matrix / width**0.5
