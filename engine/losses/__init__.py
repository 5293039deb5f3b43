"""How far a prediction is from its target: the table of losses by name."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.errors import ConfigError
from engine.example import Example

ElementLoss = Callable[[Tensor, Tensor], Tensor]
"""From prediction and target to a loss per element."""

ExampleLoss = Callable[[Example], Tensor]
"""From an example with prediction and target to a loss per element, (B, ...)."""

HUBER_C = 0.01


def mse(prediction: Tensor, target: Tensor) -> Tensor:
    """(p - y)^2 per element."""
    return F.mse_loss(prediction, target, reduction="none")


def mae(prediction: Tensor, target: Tensor) -> Tensor:
    """|p - y| per element."""
    return F.l1_loss(prediction, target, reduction="none")


def pseudo_huber(prediction: Tensor, target: Tensor) -> Tensor:
    """sqrt((p - y)^2 + c^2) - c per element, c = 0.01: square near 0, straight far from it."""
    return torch.sqrt((prediction - target) ** 2 + HUBER_C**2) - HUBER_C


LOSSES: dict[str, ElementLoss] = {
    "mse": mse,
    "mae": mae,
    "pseudo_huber": pseudo_huber,
}


def element_loss(name: str) -> ElementLoss:
    """The loss called `name`; raises ConfigError for one that does not exist."""
    if name not in LOSSES:
        raise ConfigError(
            "train.loss_type", f"{name!r} is not known; known are {', '.join(LOSSES)}."
        )
    return LOSSES[name]


def compared(loss: ElementLoss) -> ExampleLoss:
    """The loss of an example's prediction beside its target."""
    return lambda example: loss(example.prediction, example.target)


def per_item(elements: Tensor) -> Tensor:
    """The mean over everything but the batch axis, (B,)."""
    return elements.flatten(1).mean(1)
