"""A LoRA that is put into the base model at every save and starts again from nothing.

    W <- W + strength * (alpha / r) B A,   B <- 0

and so with changes of full size; a retrained first or last layer takes the place of the model's.

What is saved is the whole model; what is trained afterwards is a new change of a better base (a
low-rank network restarted again and again reaches a high-rank change: Lialin et al. 2023). The
optimizer's memory stays. A checkpoint holds the merged layers too, exactly as they are in memory.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from engine.families.base import Family
from engine.networks.lora import LoraNetwork


class MergingNetwork:
    """A LoRA with saves that merge; everything else is the LoRA's."""

    def __init__(
        self, family: Family, network: LoraNetwork, strength: float, save_format: str
    ) -> None:
        self._family, self._network = family, network
        self._strength, self._format = strength, save_format
        self.groups, self.uses_dropout = network.groups, network.uses_dropout

    @torch.no_grad()
    def save(self, path: Path, dtype: torch.dtype, metadata: Mapping[str, str]) -> list[Path]:
        """Merge, then write the whole model as the family writes it."""
        for layer in self._network.layers.values():
            layer.merge(self._strength)
        with self._bare():
            return self._family.save_full(path, dtype, self._format, metadata)

    @contextlib.contextmanager
    def _bare(self) -> Iterator[None]:
        """The model as if no layer had ever been added: its own layers under their own names."""
        places = []
        parts: dict[str, nn.Module] = {d.name: d.module for d in self._family.denoisers}
        parts |= self._family.text_encoders
        for name in self._network.layers:
            component, _, path = name.partition(".")
            parent, _, leaf = path.rpartition(".")
            modules: dict[str, Any] = parts[component].get_submodule(parent)._modules
            places.append((modules, leaf, modules[leaf]))
        for modules, leaf, around in places:
            modules[leaf] = around.get_base_layer()
        try:
            yield
        finally:
            for modules, leaf, around in places:
                modules[leaf] = around

    def state_dict(self) -> dict[str, Tensor]:
        """The live matrices, and the weights of the layers that saves have changed."""
        return {**self._network.state_dict(), **self._bases()}

    @torch.no_grad()
    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Copy both in; raises ValueError when they belong to other layers or ranks."""
        bases = self._bases()
        self._network.load_state_dict({name: t for name, t in state.items() if name not in bases})
        for name, weight in bases.items():
            weight.copy_(state[name])

    def _bases(self) -> dict[str, Tensor]:
        layers = self._network.layers.items()
        return {n + part: weight for n, layer in layers for part, weight in layer.merged().items()}

    def scaled(self, multiplier: float | Tensor) -> AbstractContextManager[None]:
        """The LoRA at a strength; what was merged stays."""
        return self._network.scaled(multiplier)

    def off(self) -> AbstractContextManager[None]:
        """The base with everything that was merged into it."""
        return self._network.off()
