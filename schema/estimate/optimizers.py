"""How many bytes each optimizer keeps between two updates, from the shapes of what it trains.

The states are those that the optimizers' papers and libraries document; tests compare every one
that the engine can build with the real object after a step. Shapes come as (shape, how many).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

Shape = tuple[int, ...]
Shapes = Iterable[tuple[Shape, int]]
Params = Mapping[str, Any]

FLOAT: Final = 4
BLOCK: Final = 256
"""Values that share one scale in bitsandbytes' 8-bit states."""
CODEBOOK: Final = 256 * FLOAT
"""bitsandbytes' table of what its 256 codes mean; one for signed and one for unsigned states."""
SMALL: Final = 4096
"""Tensors below this many values keep 32-bit states in bitsandbytes."""


def state_bytes(name: str, params: Params, shapes: Shapes) -> int:
    """The state of optimizer `name` for all shapes; raises KeyError for a name it has no row for.

    `params` are the set values of `train.optimizer_params`.
    """
    per_tensor, shared = STATES[name]
    rows = list(shapes)
    total = sum(count * per_tensor(shape, params) for shape, count in rows)
    return total + (shared if rows else 0)


def updates_in_backward(name: str, params: Params) -> bool:
    """Whether each gradient is used and dropped as soon as it is there."""
    return name == "automagic2" or (name in _MAYBE_FUSED and bool(params.get("fused", True)))


_MAYBE_FUSED: Final = ("automagic3", "automagicexperiment")


def factored(shape: Shape) -> int:
    """Adafactor's second moment: a row and a column mean for matrices, all of it for vectors.

    For (..., n, m) these are (..., n) and (..., m). Shazeer and Stern 2018.
    """
    if len(shape) < 2:
        return FLOAT * math.prod(shape)
    rows, columns = math.prod(shape[:-1]), math.prod(shape[:-2]) * shape[-1]
    return FLOAT * (rows + columns)


def _full(copies: int) -> Callable[[Shape, Params], int]:
    """So many float32 copies of the weight."""
    return lambda shape, params: copies * FLOAT * math.prod(shape)


def _adam(shape: Shape, params: Params) -> int:
    """Two moments (three with amsgrad) and torch's own float32 step counter."""
    moments = 3 if params.get("amsgrad") else 2
    return moments * FLOAT * math.prod(shape) + FLOAT


def _adagrad(shape: Shape, params: Params) -> int:
    """The sum of squares and torch's step counter."""
    return FLOAT * math.prod(shape) + FLOAT


def _blocks(moments: int) -> Callable[[Shape, Params], int]:
    """bitsandbytes: a byte a value and a float32 scale a block; small tensors in 32 bits."""

    def per_tensor(shape: Shape, params: Params) -> int:
        count = math.prod(shape)
        if count < int(params.get("min_8bit_size", SMALL)):
            return moments * FLOAT * count
        return moments * (count + FLOAT * math.ceil(count / BLOCK))

    return per_tensor


def _padded_blocks(moments: int) -> Callable[[Shape, Params], int]:
    """Our own 8-bit states: whole blocks of a byte a value, each with a float32 scale."""
    return lambda shape, params: moments * math.ceil(math.prod(shape) / BLOCK) * (BLOCK + FLOAT)


def _adafactor(shape: Shape, params: Params) -> int:
    momentum = FLOAT * math.prod(shape) if params.get("beta1") is not None else 0
    return factored(shape) + momentum


def _prodigy(shape: Shape, params: Params) -> int:
    """Both moments, and the start weights and their sum at every `slice_p`-th value.

    A tensor that starts at zero keeps no start weights, so this is the most that there can be.
    """
    count = math.prod(shape)
    sliced = math.ceil(count / int(params.get("slice_p", 1)))
    moments = 1 if (params.get("betas") or [0.9])[0] == 0 else 2
    return FLOAT * (moments * count + 2 * sliced)


def _automagic(shape: Shape, params: Params) -> int:
    """Factored second moment, two bytes of rate and a sign (a byte) for every value."""
    return factored(shape) + 3 * math.prod(shape)


def _automagic2(shape: Shape, params: Params) -> int:
    """Factored second moment, a sign (a byte) for every value, one rate."""
    return factored(shape) + math.prod(shape) + FLOAT


def _signs(shape: Shape, params: Params) -> int:
    """`polarity_history` planes of one bit a value."""
    return int(params.get("polarity_history", 8)) * math.ceil(math.prod(shape) / 8)


def _automagic3(shape: Shape, params: Params) -> int:
    return factored(shape) + _signs(shape, params)


def _automagic_experiment(shape: Shape, params: Params) -> int:
    """The second moment as a byte a value with a scale a row; that of vectors in float32."""
    if len(shape) < 2:
        return FLOAT * math.prod(shape) + _signs(shape, params)
    return math.prod(shape) + FLOAT * shape[0] + _signs(shape, params)


STATES: Final[dict[str, tuple[Callable[[Shape, Params], int], int]]] = {
    "adam": (_adam, 0),
    "adamw": (_adam, 0),
    "adam8bit": (_blocks(2), 2 * CODEBOOK),
    "adamw8bit": (_blocks(2), 2 * CODEBOOK),
    "ademamix8bit": (_blocks(3), 2 * CODEBOOK),
    "adam8": (_padded_blocks(2), 0),
    "adamw8": (_padded_blocks(2), 0),
    "adafactor": (_adafactor, 0),
    "prodigy": (_prodigy, 0),
    "prodigy8bit": (_padded_blocks(4), 0),
    "lion": (_full(1), 0),
    "lion8bit": (_blocks(1), CODEBOOK),
    "adagrad": (_adagrad, 0),
    "automagic": (_automagic, 0),
    "automagic2": (_automagic2, 0),
    "automagic3": (_automagic3, 0),
    "automagicexperiment": (_automagic_experiment, 0),
    "dadaptation": (_full(3), 0),
    "dadaptationlion": (_full(2), 0),
}
"""Optimizer -> bytes of one tensor, and bytes that all tensors share."""
