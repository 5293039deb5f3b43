"""Whether a module draws random numbers in its forward pass, so that only then they are seeded."""

from __future__ import annotations

from torch import nn


def has_dropout(module: nn.Module) -> bool:
    """True when a dropout layer, or a layer with a functional one (transformers), has a rate above
    0.
    """
    return any(_rate(part) > 0 for part in module.modules())


def _rate(part: nn.Module) -> float:
    if isinstance(part, nn.modules.dropout._DropoutNd):
        return part.p
    # Its own attributes only: diffusers warns when a config's are asked for through the model.
    rates = (vars(part).get(name, 0.0) for name in ("dropout", "attention_dropout"))
    return max((rate for rate in rates if isinstance(rate, float)), default=0.0)
