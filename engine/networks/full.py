"""Full fine-tuning: the model's own weights, kept in float32 while they are trained."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import torch
from torch import Tensor, nn

from engine.families.base import REFINER, Family
from engine.networks import TEXT_ENCODER, UNET, load_exactly
from schema.sections.train import Train


class FullModel:
    """Every weight of the denoisers and, where asked for, of the text encoders."""

    def __init__(self, family: Family, train: Train, save_format: str) -> None:
        self._family, self._format = family, save_format
        self.groups: dict[str, dict[str, nn.Parameter]] = {}
        refiner = {d.name: d.module for d in family.denoisers if d.name == REFINER}
        parts = {REFINER: refiner}
        if train.train_unet:
            others = {d.name: d.module for d in family.denoisers if d.name != REFINER}
            parts = {UNET: others} | parts
        if train.train_text_encoder:
            parts[TEXT_ENCODER] = family.trainable_text_encoders
        for group, modules in parts.items():
            for module in modules.values():
                module.requires_grad_(True)
            if modules:
                self.groups[group] = _named(modules)
        self.uses_dropout = False  # what the model has of its own is not the network's

    def _all(self) -> dict[str, nn.Parameter]:
        return {name: p for group in self.groups.values() for name, p in group.items()}

    def state_dict(self) -> dict[str, Tensor]:
        """The live weights by `<component>.<parameter>`."""
        return {name: parameter.detach() for name, parameter in self._all().items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Copy weights in; raises ValueError when they are another model's."""
        load_exactly(self._all(), state)

    def save(self, path: Path, dtype: torch.dtype, metadata: Mapping[str, str]) -> list[Path]:
        """The whole model as the family writes it, with text encoders and VAE."""
        return self._family.save_full(path, dtype, self._format, metadata)

    @contextlib.contextmanager
    def scaled(self, multiplier: float | Tensor) -> Iterator[None]:
        """Nothing to scale: the whole model is what was trained."""
        del multiplier
        yield

    def off(self) -> AbstractContextManager[None]:
        """There is no untrained model to go back to without a copy of it."""
        raise NotImplementedError("a full fine-tune keeps no copy of the untrained model")


def _named(modules: Mapping[str, nn.Module]) -> dict[str, nn.Parameter]:
    return {
        f"{component}.{name}": parameter
        for component, module in modules.items()
        for name, parameter in module.named_parameters()
    }
