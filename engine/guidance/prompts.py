"""Prompts that options ask for beside the captions, and their embeddings.

Those that never change (the empty prompt, the unconditional one) are encoded once, with the
captions and before anything is trained: the text encoders may be gone afterwards. Others change
from step to step (negative prompts that are drawn, captions with the class in the place of the
trigger word) and go through the text encoders in the step, or come from the table of captions where
that is all there is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from engine.data.cache import TextTable
from engine.errors import ConfigError
from engine.families.base import Conditioning
from engine.randomness import integer

if TYPE_CHECKING:
    from engine.accelerator import Accelerator
    from engine.families.base import Family
    from schema.sections.train import Train

BLANK = ""


def fixed_prompts(train: Train, *, cached: bool) -> list[str]:
    """The prompts beside the captions that are the same at every step.

    `cached`: no text encoder is there while training, so that guidance has only the empty prompt.
    """
    found: dict[str, None] = {}
    if train.blank_prompt_preservation or (cached and (train.do_cfg or train.do_random_cfg)):
        found[BLANK] = None
    if train.do_guidance_loss:
        found[train.unconditional_prompt] = None
    return list(found)


class Wording:
    """Embeddings of prompts, on the device and in the training dtype."""

    def __init__(
        self,
        family: Family,
        accelerator: Accelerator,
        table: TextTable | None,
        *,
        trains_text: bool = False,
        finish: Callable[[Conditioning], Conditioning] | None = None,
    ) -> None:
        """`table` has what was encoded before training; `finish` adds what a run puts behind
        prompts other than captions.
        """
        self._family, self._accelerator, self._table = family, accelerator, table
        self._trains_text, self._finish = trains_text, finish

    def fixed(self, prompts: Sequence[str]) -> Conditioning:
        """As they were before training where they were encoded then, else as they are now.

        Without gradient.
        """
        if self._table is not None and all(prompt in self._table for prompt in prompts):
            return self._kept(self._table, prompts)
        return self.now(prompts).detach()

    def now(self, prompts: Sequence[str]) -> Conditioning:
        """Through the text encoders as they are; differentiable where one is trained.

        Where the encoders are gone, from the table.
        """
        if not self._family.text_encoders:
            assert self._table is not None, "without text encoders everything was encoded before"
            return self._kept(self._table, prompts)
        with torch.set_grad_enabled(self._trains_text), self._accelerator.forward():
            return self._finished(self._family.encode_prompts(prompts))

    def _kept(self, table: TextTable, prompts: Sequence[str]) -> Conditioning:
        found = table.rows(list(prompts))
        return self._finished(found.to(self._accelerator.device, self._accelerator.dtype))

    def _finished(self, conditioning: Conditioning) -> Conditioning:
        return conditioning if self._finish is None else self._finish(conditioning)


class NegativePrompts:
    """Each item's negative prompt: 1 to `most` prompts of a pool, drawn with replacement."""

    def __init__(self, pool: Sequence[str], most: int, seed: int) -> None:
        self._pool, self._most, self._seed = list(pool), most, seed

    def __call__(self, number: int, slots: Sequence[int]) -> list[str]:
        """A prompt for each slot of a step."""
        return [self._joined(number, slot) for slot in slots]

    def _joined(self, number: int, slot: int) -> str:
        count = integer(self._seed, number, slot, "negative prompts", 1, self._most)
        last = len(self._pool) - 1
        return ", ".join(
            self._pool[integer(self._seed, number, slot, f"negative prompt {place}", 0, last)]
            for place in range(count)
        )


def negative_pool(text: str | None) -> list[str]:
    """The lines of the file of that name, or the text itself; the empty prompt for None.

    Raises ConfigError for a file that holds no prompt or cannot be read.
    """
    if text is None:
        return [BLANK]
    path = Path(text).expanduser()
    if not _is_file(path):
        return [text]
    try:
        lines = [line.strip() for line in path.read_text("utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as fault:
        raise ConfigError("train.negative_prompt", f"{path} cannot be read: {fault}.") from fault
    pool = [line for line in lines if line]
    if not pool:
        raise ConfigError("train.negative_prompt", f"{path} holds no prompt.")
    return pool


def _is_file(path: Path) -> bool:
    """A long prompt is no path, and asking the system about it is an error."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
