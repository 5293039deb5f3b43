"""Learned tokens behind every prompt, in the place of words that somebody would have to find.

A float32 matrix (n, C) is put behind the T5 states (B, N, C) of each prompt that says what is to be
seen; prompts that say what is not (the unconditional and negative ones) get as many zeros. The text
encoders stay as they are, so that their states may be cached.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import torch
from torch import Tensor, nn

from engine.example import Example
from engine.families.base import Conditioning
from engine.networks import load_exactly
from engine.networks.files import write_lora
from engine.randomness import draw

GROUP, TEXT = "decorator", "text"


class Decorator:
    """The matrix and its places."""

    def __init__(self, count: int, width: int, seed: int, device: torch.device) -> None:
        """Starts standard normal, drawn from `seed`."""
        self.weight = nn.Parameter(draw(seed, 0, 0, "decorator", (count, width)).to(device))
        self.groups = {GROUP: {"weight": self.weight}}
        self.uses_dropout = False

    def behind(self, conditioning: Conditioning, *, wanted: bool = True) -> Conditioning:
        """The conditioning with the tokens behind its text; zeros where it is not `wanted`."""
        text = conditioning.parts[TEXT]
        tokens = self.weight.to(text.device, text.dtype)
        tokens = tokens if wanted else torch.zeros_like(tokens)
        longer = torch.cat([text, tokens.expand(len(text), -1, -1)], dim=1)
        return Conditioning({**conditioning.parts, TEXT: longer})

    def unwanted(self, conditioning: Conditioning) -> Conditioning:
        """The conditioning of an unconditional or negative prompt."""
        return self.behind(conditioning, wanted=False)

    def __call__(self, example: Example) -> None:
        """Put them behind the captions of a micro-batch."""
        example.conditioning = self.behind(example.conditioning)

    def state_dict(self) -> dict[str, Tensor]:
        """The matrix as `weight`."""
        return {"weight": self.weight.detach()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Copy it in; raises ValueError when it has another shape."""
        load_exactly(self.groups[GROUP], state)

    def save(self, path: Path, dtype: torch.dtype, metadata: Mapping[str, str]) -> list[Path]:
        """A safetensors file of one tensor, `weight`."""
        write_lora(path, self.state_dict(), dtype, metadata)
        return [path]

    @contextlib.contextmanager
    def scaled(self, multiplier: float | Tensor) -> Iterator[None]:
        """Nothing to scale: tokens are there or not."""
        del multiplier
        yield

    def off(self) -> AbstractContextManager[None]:
        """Whoever asks for the untrained model needs a network, which this goes without."""
        raise NotImplementedError("options that ask the untrained model need a network")
