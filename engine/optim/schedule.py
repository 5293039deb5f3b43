"""Setting the learning rates: every group follows the schedule from its own base rate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from engine.errors import ConfigError
from schema.formulas.learning_rate import Schedule


class LearningRates:
    """Writes lr into the optimizer's groups before an update; it has no state of its own."""

    def __init__(
        self, optimizer: torch.optim.Optimizer, name: str, params: Mapping[str, Any], steps: int
    ) -> None:
        try:
            self.schedule = Schedule(name, dict(params), steps)
        except ValueError as error:
            raise ConfigError("train.lr_scheduler_params", f"{error}.") from error
        self._groups = optimizer.param_groups
        self._base = [float(group["lr"] or 0.0) for group in self._groups]
        # Adafactor with relative_step has no rate to set: it makes its own.
        self._own = [group["lr"] is None for group in self._groups]

    def set(self, done: int) -> dict[str, float]:
        """Set the rates of the update after `done` earlier ones; the rates by group name."""
        rates = {}
        for group, base, own in zip(self._groups, self._base, self._own, strict=True):
            if not own:
                group["lr"] = rates[group["name"]] = self.schedule.rate(base, done)
        return rates
