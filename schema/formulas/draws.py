"""Keyed draws in pure Python: a random number as a function of (seed, step, item, purpose).

Both rooms use it: the engine for timesteps, dropouts, crops and order, the app to show what a
caption or a crop will be. Nothing here has a state, so nothing depends on how many draws came
before: that is what makes a resumed run bit-identical, and what keeps one option from disturbing
another. Tensors are drawn by `engine.randomness` from the same keys.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

_INTEGERS = struct.Struct("<qqq")
_UNIT = 2.0**-53


def key(seed: int, step: int, item: int, purpose: str) -> int:
    """128 bits that name one draw: BLAKE2b of the four parts.

    `step` counts completed steps or epochs, `item` is the global index of the sample within the
    step (over micro-batches and ranks) or the index of the item in the data, `purpose` a short word
    such as "noise".
    """
    packed = _INTEGERS.pack(seed, step, item)
    return int.from_bytes(
        hashlib.blake2b(packed + purpose.encode(), digest_size=16).digest(), "little"
    )


def uniform(seed: int, step: int, item: int, purpose: str) -> float:
    """A number in [0, 1), with 53 random bits."""
    return (key(seed, step, item, purpose) >> 75) * _UNIT


def integer(seed: int, step: int, item: int, purpose: str, low: int, high: int) -> int:
    """An integer in [low, high], both included. The modulo bias is below (high - low) / 2**128."""
    assert low <= high
    return low + key(seed, step, item, purpose) % (high - low + 1)


def shuffled(seed: int, step: int, purpose: str, things: Sequence[T]) -> list[T]:
    """The things in a random order: each gets a key by its index and they are sorted by it."""
    order = sorted(range(len(things)), key=lambda index: key(seed, step, index, purpose))
    return [things[index] for index in order]
