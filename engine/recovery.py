"""What happens when a step runs out of memory.

Nothing of the step has changed the weights by then, and every draw is a function of its place, so
the step is tried again: with smaller batches where their size is automatic, otherwise once, because
freeing the allocator's cache may be enough. When that does not help the run ends with the smallest
change of the config that needs less.
"""

from __future__ import annotations

import gc

import torch

from engine.batch_size import BatchSize
from engine.errors import OutOfMemoryError
from schema.sections.job import TrainerProcess

TRIES = 5
"""Failures before it is given up; a good step takes one back."""


class Recovery:
    """Decides whether a step may be tried again."""

    def __init__(self, sizes: BatchSize | None, advice: str, *, repeatable: bool = True) -> None:
        """`repeatable`: a failed step has left no trace that a second try would double."""
        self._sizes, self._advice, self._repeatable = sizes, advice, repeatable
        self._failures = 0

    def failed(self, number: int, words: str) -> None:
        """Make room for another try of the step, or raise OutOfMemoryError."""
        self._failures += 1
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if self._repeatable:
            if self._sizes is not None:
                if self._failures < TRIES and self._sizes.shrink():
                    return
            elif self._failures < 2:
                return
        raise OutOfMemoryError(
            f"Out of memory in step {number}: {' '.join(words.split())[:200]}",
            repair=self._advice,
        )

    def succeeded(self, number: int) -> None:
        """A step went well."""
        self._failures = max(0, self._failures - 1)
        if self._sizes is not None:
            self._sizes.succeeded(number)


def advice(process: TrainerProcess) -> str:
    """The smallest change that needs less memory: what costs the least in quality comes first."""
    train = process.train
    if not train.gradient_checkpointing:
        return "Set train.gradient_checkpointing: true."
    if not all(d.cache_latents or d.cache_latents_to_disk for d in process.datasets):
        return "Set datasets[].cache_latents_to_disk: true, so that the VAE can leave the GPU."
    if train.batch_size > 1:
        half = train.batch_size // 2
        again = train.gradient_accumulation * 2
        return f"Set train.batch_size: {half} and train.gradient_accumulation: {again}."
    if not (train.cache_text_embeddings or train.unload_text_encoder or train.train_text_encoder):
        return "Set train.cache_text_embeddings: true, so that the text encoders leave the GPU."
    if train.optimizer in ("adam", "adamw"):
        return f"Set train.optimizer: {train.optimizer}8bit."
    largest = max((max(d.resolutions) for d in process.datasets), default=512)
    return f"Lower datasets[].resolution from {largest}, or network.linear."
