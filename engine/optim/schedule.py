"""Setting the learning rates: every group follows the schedule from its own base rate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from engine.errors import ConfigError
from schema.formulas.learning_rate import Schedule

Reported = Callable[[], dict[str, float | Tensor]]


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
        # So do the optimizers that report a rate for every group.
        self._reported: Reported | None = getattr(optimizer, "reported_rates", None)
        self._own = [group["lr"] is None or bool(self._reported) for group in self._groups]

    def set(self, done: int) -> dict[str, float | Tensor]:
        """Set the rates of the update after `done` earlier ones; the rates by group name.

        Where an optimizer estimates a factor d of its own, the rate is d * lr.
        """
        if self._reported is not None:
            return self._reported()
        rates: dict[str, float | Tensor] = {}
        for group, base, own in zip(self._groups, self._base, self._own, strict=True):
            if not own:
                group["lr"] = rate = self.schedule.rate(base, done)
                rates[group["name"]] = rate * group["d"] if "d" in group else rate
        return rates
