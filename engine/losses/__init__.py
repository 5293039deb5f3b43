"""How far a prediction is from its target: the table of losses by name."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from engine.errors import ConfigError
from engine.example import Example
from engine.losses import clean, pixels
from engine.losses.elements import ElementLoss, mae, mse, pseudo_huber

__all__ = ["ELEMENT_LOSSES", "EXAMPLE_LOSSES", "ElementLoss", "ExampleLoss"]
__all__ += ["compared", "element_loss", "example_loss", "per_item"]

ExampleLoss = Callable[[Example], Tensor]
"""From an example with prediction and target to a loss per element, (B, ...)."""

ELEMENT_LOSSES: dict[str, ElementLoss] = {
    "mse": mse,
    "mae": mae,
    "pseudo_huber": pseudo_huber,
}
"""Losses between prediction and target."""

EXAMPLE_LOSSES: dict[str, ExampleLoss] = {
    "wavelet": clean.wavelet,
    "stepped": clean.stepped,
    "pixelspace": pixels.pixelspace,
}
"""Losses on something else that the prediction stands for."""


def element_loss(name: str) -> ElementLoss:
    """The loss between two tensors called `name`; squared differences for one of another kind."""
    return mse if name in EXAMPLE_LOSSES else _of(ELEMENT_LOSSES, name)


def example_loss(name: str) -> ExampleLoss:
    """The loss of an example called `name`; raises ConfigError for one that does not exist."""
    if name in EXAMPLE_LOSSES:
        return EXAMPLE_LOSSES[name]
    return compared(_of(ELEMENT_LOSSES, name))


def _of(table: dict[str, ElementLoss], name: str) -> ElementLoss:
    if name not in table:
        known = ", ".join([*ELEMENT_LOSSES, *EXAMPLE_LOSSES])
        raise ConfigError("train.loss_type", f"{name!r} is not known; known are {known}.")
    return table[name]


def compared(loss: ElementLoss) -> ExampleLoss:
    """The loss of an example's prediction beside its target."""
    return lambda example: loss(example.prediction, example.target)


def per_item(elements: Tensor) -> Tensor:
    """The mean over everything but the batch axis, (B,)."""
    return elements.flatten(1).mean(1)
