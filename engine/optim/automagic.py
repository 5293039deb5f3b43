"""`automagic` and `automagic2`: learning rates that rise while updates keep their sign.

Both divide the gradient by a factored second moment and clip the update's RMS; there is no
momentum. `automagic` has a rate for every weight: it rises by `lr_bump` when the update's sign is
that of the last update and falls by it otherwise. `automagic2` has one for every tensor, which
rises when enough signs agree, and updates inside the backward pass, so that a gradient is freed as
soon as it was used. Neither follows a schedule; lr is where the rates start.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from engine.optim.exact import ExactState
from engine.optim.factored import clipped, normalised


class Automagic(ExactState):
    """A rate for every weight, stored as the exact number of bumps away from the start.

    Two bytes a weight, four where the span of rates holds more bumps than that.

    Eight bits with a scale would be coarser than a bump: a rate near the largest one would never
    move again.
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-6,
        *,
        min_lr: float = 1e-7,
        max_lr: float = 1e-3,
        lr_bump: float = 1e-6,
        eps: tuple[float, float] = (1e-30, 1e-3),
        clip_threshold: float = 1.0,
        beta2: float = 0.999,
        weight_decay: float = 0.0,
    ) -> None:
        span = (max_lr - min_lr) / lr_bump
        self._counts = torch.int16 if span < torch.iinfo(torch.int16).max else torch.int32
        start = min(max(lr, min_lr), max_lr)
        defaults = {
            "lr": start, "start": start, "min_lr": min_lr, "max_lr": max_lr, "lr_bump": lr_bump,
            "eps": eps, "clip_threshold": clip_threshold, "beta2": beta2,
            "weight_decay": weight_decay,
        }  # fmt: skip
        super().__init__(params, defaults)
        for group in self.param_groups:
            group["start"] = min(max(group["lr"], min_lr), max_lr)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """One update of every parameter that has a gradient."""
        del closure
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._update(weight, weight.grad.float(), group)

    def _update(self, weight: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        state = self.state[weight]
        update = normalised(state, grad, group["beta2"], group["eps"][0])
        update = clipped(update, group["clip_threshold"])
        positive = update > 0
        if "bumps" not in state:
            state["bumps"] = torch.zeros_like(weight, dtype=self._counts)
            state["positive"] = torch.zeros_like(positive)
        bump, start = group["lr_bump"], group["start"]
        kept = positive == state["positive"]
        bumps = state["bumps"] + torch.where(kept, 1, -1).to(self._counts)
        lowest = -_bumps_between(group["min_lr"], start, bump)
        highest = _bumps_between(start, group["max_lr"], bump)
        state["bumps"], state["positive"] = bumps.clamp_(lowest, highest), positive
        rate = self._rate(state, group)
        weight.sub_(rate * (update + group["weight_decay"] * weight))

    @staticmethod
    def _rate(state: dict[str, Any], group: dict[str, Any]) -> Tensor:
        rates: Tensor = group["start"] + state["bumps"].float() * group["lr_bump"]
        return rates.clamp_(group["min_lr"], group["max_lr"])

    def reported_rates(self) -> dict[str, Tensor | float]:
        """The mean over the tensors of a group of their mean rate."""
        found: dict[str, Tensor | float] = {}
        for group in self.param_groups:
            states = [self.state[w] for w in group["params"] if "bumps" in self.state[w]]
            rates = [self._rate(state, group).mean() for state in states]
            found[group["name"]] = torch.stack(rates).mean() if rates else group["start"]
        return found


def _bumps_between(low: float, high: float, bump: float) -> int:
    """How many bumps reach from one rate to the other; the last may be a partial one."""
    return math.ceil(round((high - low) / bump, 6))


class Automagic2(ExactState):
    """A rate for every tensor; the update is part of the backward pass."""

    in_backward = True

    def __init__(
        self,
        params: Any,
        lr: float = 1e-6,
        *,
        min_lr: float = 1e-7,
        max_lr: float = 1e-3,
        lr_bump: float = 1e-6,
        agreement_threshold: float = 0.5,
        eps: float = 1e-30,
        clip_threshold: float = 1.0,
        beta2: float = 0.999,
        weight_decay: float = 0.0,
    ) -> None:
        start = min(max(lr, min_lr), max_lr)
        defaults = {
            "lr": start, "start": start, "min_lr": min_lr, "max_lr": max_lr, "lr_bump": lr_bump,
            "agreement_threshold": agreement_threshold, "eps": eps,
            "clip_threshold": clip_threshold, "beta2": beta2, "weight_decay": weight_decay,
        }  # fmt: skip
        super().__init__(params, defaults)
        for group in self.param_groups:
            group["start"] = min(max(group["lr"], min_lr), max_lr)
            for weight in group["params"]:
                weight.register_post_accumulate_grad_hook(lambda w, g=group: self._update(w, g))

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Nothing is left to do: the updates were made where the gradients were."""

    @torch.no_grad()
    def _update(self, weight: Tensor, group: dict[str, Any]) -> None:
        assert weight.grad is not None
        grad, weight.grad = weight.grad.float(), None
        state = self.state[weight]
        update = clipped(
            normalised(state, grad, group["beta2"], group["eps"]), group["clip_threshold"]
        )
        positive = update > 0
        if "rate" not in state:
            state["rate"] = torch.full((), group["start"], device=weight.device)
        else:
            agreed = (positive == state["positive"]).float().mean()
            up = agreed >= group["agreement_threshold"]
            state["rate"] += torch.where(up, group["lr_bump"], -group["lr_bump"])
            state["rate"].clamp_(group["min_lr"], group["max_lr"])
        state["positive"] = positive
        weight.sub_(state["rate"] * (update + group["weight_decay"] * weight))

    def reported_rates(self) -> dict[str, Tensor | float]:
        """The mean rate over the tensors of a group."""
        found: dict[str, Tensor | float] = {}
        for group in self.param_groups:
            rates = [self.state[w]["rate"] for w in group["params"] if "rate" in self.state[w]]
            found[group["name"]] = torch.stack(rates).mean() if rates else group["start"]
        return found
