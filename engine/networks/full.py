"""Full fine-tuning: the model's own weights, kept in float32 while they are trained.

`model.only_if_contains` and `model.ignore_if_contains` leave weights of the denoisers frozen; text
encoders are trained whole or not at all.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import torch
from torch import Tensor, nn

from engine.errors import ConfigError
from engine.families.base import REFINER, Family
from engine.networks import TEXT_ENCODER, UNET, Teller, load_exactly
from schema.sections.model import Model
from schema.sections.train import Train


class FullModel:
    """The weights of the denoisers and, where asked for, of the text encoders."""

    def __init__(
        self, family: Family, train: Train, save_format: str, report: Teller | None = None
    ) -> None:
        """Raises ConfigError when the filters leave no weight of the denoisers."""
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
                if group != TEXT_ENCODER:
                    self.groups[group] = _filtered(self.groups[group], family.model, report)
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


def _filtered(
    weights: dict[str, nn.Parameter], model: Model, report: Teller | None
) -> dict[str, nn.Parameter]:
    """The weights that pass both filters; the others are frozen. A text that is in no name is told:
    it is often a misspelling.
    """
    only, ignored = model.only_if_contains, model.ignore_if_contains
    if only is None and not ignored:
        return weights
    passed = {}
    for name, weight in weights.items():
        wanted = only is None or any(text in name for text in only)
        weight.requires_grad_(wanted and not any(text in name for text in ignored or ()))
        if weight.requires_grad:
            passed[name] = weight
    option = "model.ignore_if_contains" if only is None else "model.only_if_contains"
    if not passed:
        names = list(weights)[:: max(1, len(weights) // 5)][:5]
        raise ConfigError(
            option, f"no weight is left to train; weights are called {', '.join(names)}, ..."
        )
    for path, texts in (("only", only), ("ignore", ignored)):
        for text in texts or ():
            if report is not None and not any(text in name for name in weights):
                report.warning(f"model.{path}_if_contains: '{text}' is in no weight's name.")
    return passed
