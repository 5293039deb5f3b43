"""A LoRA that is put into the base model at every save and starts again from nothing.

    W <- W + strength * (alpha / r) B A,   B <- 0

What is saved is the whole model; what is trained afterwards is a new change of a better base (a
low-rank network restarted again and again reaches a high-rank change: Lialin et al. 2023). The
optimizer's memory stays. A checkpoint holds the merged layers too, exactly as they are in memory.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import torch
from torch import Tensor, nn

from engine.families.base import Family
from engine.networks.lora import ADAPTER, LoraNetwork

BASE = ".base.weight"


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
            weight = layer.get_base_layer().weight
            delta = layer.get_delta_weight(ADAPTER).float() * self._strength
            weight.copy_(weight.float() + delta)
            layer.lora_B[ADAPTER].weight.zero_()
        with self._bare():
            return self._family.save_full(path, dtype, self._format, metadata)

    @contextlib.contextmanager
    def _bare(self) -> Iterator[None]:
        """The model as if no layer had ever been added: its own layers under their own names."""
        places = []
        parts: dict[str, nn.Module] = {d.name: d.module for d in self._family.denoisers}
        parts |= self._family.text_encoders
        for name, layer in self._network.layers.items():
            component, _, path = name.partition(".")
            parent, _, leaf = path.rpartition(".")
            places.append((parts[component].get_submodule(parent)._modules, leaf, layer))
        for modules, leaf, layer in places:
            modules[leaf] = layer.get_base_layer()
        try:
            yield
        finally:
            for modules, leaf, layer in places:
                modules[leaf] = layer

    def state_dict(self) -> dict[str, Tensor]:
        """The live matrices, and the weights of the layers that saves have changed."""
        bases = {name + BASE: weight for name, weight in self._bases().items()}
        return {**self._network.state_dict(), **bases}

    @torch.no_grad()
    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Copy both in; raises ValueError when they belong to other layers or ranks."""
        network = {name: t for name, t in state.items() if not name.endswith(BASE)}
        self._network.load_state_dict(network)
        for name, weight in self._bases().items():
            weight.copy_(state[name + BASE])

    def _bases(self) -> dict[str, Tensor]:
        layers = self._network.layers.items()
        return {name: layer.get_base_layer().weight.detach() for name, layer in layers}

    def scaled(self, multiplier: float | Tensor) -> AbstractContextManager[None]:
        """The LoRA at a strength; what was merged stays."""
        return self._network.scaled(multiplier)

    def off(self) -> AbstractContextManager[None]:
        """The base with everything that was merged into it."""
        return self._network.off()
