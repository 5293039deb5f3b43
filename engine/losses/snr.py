"""Weights by signal-to-noise ratio, for models with an alpha-bar table."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from engine.example import Example
from engine.noise import NoiseTable
from schema.formulas.snr import min_snr_weight

LEARNING_RATE = 0.01
REMEMBERED = 20


class MinSnr:
    """min(gamma / SNR(t), 1), looked up from one table that is computed once (Hang et al. 2023)."""

    def __init__(self, table: NoiseTable, gamma: float) -> None:
        snr = table.snr_table
        self._weights_T = torch.tensor(
            [min_snr_weight(value, gamma) for value in snr.tolist()], device=snr.device
        )

    def __call__(self, example: Example, loss_B: Tensor) -> Tensor:
        """The losses, weighed."""
        return loss_B * self._weights_T[example.t_B]


class SnrGamma:
    """gamma / SNR(t) without a cap: noisy timesteps count a lot.

    Where nothing is left of the signal, SNR is taken as that of the noisiest level that has any.
    """

    def __init__(self, table: NoiseTable, gamma: float) -> None:
        snr = table.snr_table
        self._weights_T = gamma / snr.clamp(min=float(snr[snr > 0].min()))

    def __call__(self, example: Example, loss_B: Tensor) -> Tensor:
        """The losses, weighed."""
        return loss_B * self._weights_T[example.t_B]


class LearnableSnr:
    """|g / ((SNR(t) + a) s + b)|, four numbers fitted so that all noise levels cost the same.

    Per micro-batch one update of AdamW on mean((l w - m)^2), l the losses of the items and m the
    mean of the last 20 of them; then the losses are weighed with the new numbers. ai-toolkit's
    `LearnableSNRGamma`, whose starting values these are; its file's names are kept too.
    """

    name = "learnable_snr"

    def __init__(self, table: NoiseTable) -> None:
        device = table.snr_table.device
        start = {"offset_1": 0.0, "offset_2": 0.777, "scale": 4.14, "gamma": 2.03}
        self._values = {
            name: nn.Parameter(torch.tensor(value, device=device)) for name, value in start.items()
        }
        self._optimizer = torch.optim.AdamW(list(self._values.values()), lr=LEARNING_RATE)
        self._recent = torch.zeros(0, device=device)  # the last losses of items, oldest first

    def _weight(self, snr_B: Tensor) -> Tensor:
        values = self._values
        level = (snr_B + values["offset_1"]) * values["scale"] + values["offset_2"]
        return (values["gamma"] / level).abs()

    def __call__(self, example: Example, loss_B: Tensor) -> Tensor:
        """Fit, then weigh."""
        seen_B = loss_B.detach()
        snr_B = example.kit.table.snr(example.t_B)
        self._recent = torch.cat([self._recent, seen_B])[-REMEMBERED:]
        with torch.enable_grad():
            distance = (seen_B * self._weight(snr_B) - self._recent.mean()).pow(2).mean()
        distance.backward()
        self._optimizer.step()
        self._optimizer.zero_grad()
        return loss_B * self._weight(snr_B).detach()

    def numbers(self) -> dict[str, float]:
        """The four numbers, as `learnable_snr.json` has them."""
        return {name: float(value.detach()) for name, value in self._values.items()}

    def start_from(self, numbers: dict[str, float]) -> None:
        """Take numbers over; an older file has a single one, `offset`, which is the second."""
        if set(numbers) == {"offset"}:
            numbers = {"offset_2": numbers["offset"]}
        found = {name: float(value) for name, value in numbers.items()}
        with torch.no_grad():
            for name, value in found.items():
                self._values[name].fill_(value)

    def state_dict(self) -> dict[str, Any]:
        """The numbers, their optimizer's memory and the last losses."""
        return {
            "values": {name: value.detach() for name, value in self._values.items()},
            "recent": self._recent,
            "optimizer": self._optimizer.state_dict()["state"],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take all of it back."""
        with torch.no_grad():
            for name, value in state["values"].items():
                self._values[name].copy_(value)
        self._recent = state["recent"].to(self._recent.device)
        groups = self._optimizer.state_dict()["param_groups"]
        self._optimizer.load_state_dict({"state": state["optimizer"], "param_groups": groups})
