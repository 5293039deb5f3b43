"""Every random tensor as a function of (seed, step, item, purpose).

No generator is carried from step to step and torch's global generator is never drawn from, so
resuming, previewing, validating or changing the number of loader workers cannot change what a step
sees. Each item of a batch is drawn by itself from its global index within the step: micro-batches
and ranks never repeat each other's noise, and a batch cut differently sees the same numbers. Draws
are made in float32 on the CPU and moved afterwards, so that every device sees the same ones.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from schema.formulas.draws import integer, key, shuffled, uniform

__all__ = ["batch_normal", "draw", "generator", "global_rng_kept", "integer", "key", "seed_dropout"]
__all__ += ["shuffled", "uniform"]


def draw(seed: int, step: int, item: int, purpose: str, shape: Sequence[int]) -> Tensor:
    """A standard normal float32 tensor on the CPU (Philox counter generator keyed by 128 bits)."""
    return batch_normal(seed, step, [item], purpose, shape)[0]


def batch_normal(
    seed: int, step: int, items: Sequence[int], purpose: str, shape: Sequence[int]
) -> Tensor:
    """Standard normal (B, *shape), float32 on the CPU; row i depends on items[i] alone."""
    values = np.empty((len(items), *shape), dtype=np.float32)
    for row, item in zip(values, items, strict=True):
        philox = np.random.Generator(np.random.Philox(key=key(seed, step, item, purpose)))
        philox.standard_normal(dtype=np.float32, out=row)
    return torch.from_numpy(values)


def generator(seed: int, step: int, item: int, purpose: str) -> torch.Generator:
    """A fresh CPU generator for code that asks for one (VAE sampling, pipelines)."""
    return torch.Generator().manual_seed(key(seed, step, item, purpose) & (2**63 - 1))


def seed_dropout(seed: int, step: int, micro: int) -> None:
    """Set torch's global generators for the dropout inside modules, once per micro-batch.

    Modules take no generator, so this is the one place where global state is set; it is set, never
    continued.
    """
    torch.manual_seed(key(seed, step, micro, "dropout") & (2**63 - 1))


@contextlib.contextmanager
def global_rng_kept() -> Iterator[None]:
    """Puts torch's CPU and CUDA generators back afterwards, for code that draws from them
    (previews).
    """
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        yield
