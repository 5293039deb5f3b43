"""Bits that one weight takes in each quantization type, scales included.

From the types' own definitions: a scale (and zero point) in 16 bits for a group of weights, or one
for a row, which is too little to count. Layers that a type cannot hold keep full precision, so the
truth may be a little more.
"""

from __future__ import annotations

from typing import Final

SPREAD: Final = 0.04

_UINT: Final = {f"uint{bits}": bits + 32 / 64 for bits in range(2, 9)}
_ROTATED: Final = {f"convrotint{bits}": float(bits) for bits in range(2, 9)}

BITS: Final[dict[str, float]] = {
    "qint8": 8.0, "qfloat8": 8.0, "qfloat8_e4m3fn": 8.0, "qfloat8_e5m2": 8.0,
    "int8": 8.0, "float8": 8.0,
    "qint4": 4 + 32 / 128, "qint2": 2 + 32 / 128,
    **_UINT, **_ROTATED,
    "convrot8": 8.0, "convrot4": 4 + 8 / 16, "convrotbitnet": 1.6,
    "convrotcomfyw4a4": 4 + 8 / 16, "nvfp4": 4 + 8 / 16,
    "orbit2": 2.0, "orbit3": 3.0, "orbit4": 4.0,
    "orbitvq2": 2.0, "orbitvq3": 3.0, "orbitvq4": 4.0,
}  # fmt: skip


def weight_bytes(linear: int, others: int, qtype: str, plain_bytes: int) -> float:
    """Bytes of a component whose linear layers are stored as `qtype`, the others as they are."""
    return linear * BITS[qtype] / 8 + others * plain_bytes
