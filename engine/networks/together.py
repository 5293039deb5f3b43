"""A network and learned words as one: what is trained side by side is kept side by side."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from engine.networks import Trained

BESIDE = "_LoRA"
"""Stands in the names of a network's files when another file is written beside them."""


class Together:
    """A network first, then what is trained beside it."""

    def __init__(self, network: Trained, beside: Trained, run: str) -> None:
        """`run` is what the names of weights files begin with."""
        self._parts, self._run = (network, beside), run
        self.groups: dict[str, dict[str, nn.Parameter]] = {**network.groups, **beside.groups}
        self.uses_dropout = network.uses_dropout or beside.uses_dropout

    def state_dict(self) -> dict[str, Tensor]:
        """The tensors of both; their names differ."""
        return {name: t for part in self._parts for name, t in part.state_dict().items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Give each its own; raises ValueError when they are another's."""
        network, beside = self._parts
        own = {name: tensor for name, tensor in state.items() if name in beside.state_dict()}
        beside.load_state_dict(own)
        network.load_state_dict({name: t for name, t in state.items() if name not in own})

    def save(self, path: Path, dtype: torch.dtype, metadata: Mapping[str, str]) -> list[Path]:
        """A file of each."""
        network, beside = self._parts
        place = path.with_name(f"{self._run}{BESIDE}{path.name.removeprefix(self._run)}")
        return network.save(place, dtype, metadata) + beside.save(path, dtype, metadata)

    @contextlib.contextmanager
    def scaled(self, multiplier: float | Tensor) -> Iterator[None]:
        """The network at a strength; words have none."""
        with self._parts[0].scaled(multiplier):
            yield

    @contextlib.contextmanager
    def off(self) -> Iterator[None]:
        """Without both."""
        with self._parts[0].off(), self._parts[1].off():
            yield
