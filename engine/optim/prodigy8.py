"""`prodigy8bit`: Prodigy (Mishchenko and Defazio 2023) with its four states in 8 bits.

d estimates the distance to the solution, so that the rate d * lr needs no tuning:

    numerator <- beta3 numerator + (d/d0) d lr <g, w0 - w>
    s         <- beta3 s + (d/d0) d lr g
    d_hat = d_coef numerator / sum |s|,   d <- min(max d_hat so far, d * growth_rate)

The sums run over all groups; nothing is updated while sum |s| is zero. The formulas are those of
the prodigyopt package, against which it is tested. Not w0 is kept but w - w0, the way so far: the
codes of w0 would be wrong by far more than the first thousand updates move a weight.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from engine.optim.exact import ExactState
from engine.optim.int8 import dither, pack, pack_square, unpack, unpack_square


class Prodigy8(ExactState):
    """m, v, s and the way so far as int8 codes; d and the numerator are kept in the groups."""

    def __init__(
        self,
        params: Any,
        lr: float = 1.0,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        beta3: float | None = None,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        decouple: bool = True,
        use_bias_correction: bool = False,
        safeguard_warmup: bool = False,
        d0: float = 1e-6,
        d_coef: float = 1.0,
        growth_rate: float = math.inf,
    ) -> None:
        defaults = {
            "lr": lr, "betas": betas, "beta3": beta3, "eps": eps, "weight_decay": weight_decay,
            "decouple": decouple, "use_bias_correction": use_bias_correction,
            "safeguard_warmup": safeguard_warmup, "d0": d0, "d_coef": d_coef,
            "growth_rate": growth_rate, "d": d0, "d_max": d0, "d_numerator": 0.0, "k": 0,
        }  # fmt: skip
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """One update. Raises ValueError when groups have different rates other than zero."""
        del closure
        shared = self.param_groups[0]
        lr = max(group["lr"] for group in self.param_groups)
        if any(group["lr"] not in (lr, 0.0) for group in self.param_groups):
            raise ValueError("all groups need the same learning rate, or none")
        d, k = shared["d"], shared["k"]
        (beta1, beta2), beta3 = shared["betas"], shared["beta3"]
        beta3 = math.sqrt(beta2) if beta3 is None else beta3
        correction = 1.0
        if shared["use_bias_correction"]:
            correction = (1 - beta2 ** (k + 1)) ** 0.5 / (1 - beta1 ** (k + 1))
        rate = d * lr * correction
        found = [
            self._moments(weight, group, index, rate, beta3)
            for index, (group, weight) in enumerate(self._learning())
        ]
        sums = torch.stack(found).sum(0).tolist() if found else [0.0, 0.0]
        if sums[1] == 0:
            return
        numerator = shared["d_numerator"] * beta3 + sums[0]
        estimate = shared["d_coef"] * numerator / sums[1]
        start = max(d, estimate) if d == shared["d0"] else d
        largest = max(shared["d_max"], estimate)
        d = min(largest, start * shared["growth_rate"])
        for index, (group, weight) in enumerate(self._learning()):
            self._move(weight, group, index, rate, d)
        for group in self.param_groups:
            group["d"], group["d_max"], group["d_numerator"] = d, largest, numerator
            group["k"] = k + 1

    def _learning(self) -> list[tuple[dict[str, Any], Tensor]]:
        return [
            (group, weight)
            for group in self.param_groups
            for weight in group["params"]
            if weight.grad is not None and group["lr"] > 0
        ]

    def _moments(
        self, weight: Tensor, group: dict[str, Any], index: int, rate: float, beta3: float
    ) -> Tensor:
        """Bring the states up to date; <g, w0 - w> and sum |s|, both weighted, as (2,)."""
        state, grad = self.state[weight], weight.grad.float()  # type: ignore[union-attr]
        (beta1, beta2), d, d0 = group["betas"], group["d"], group["d0"]
        if group["weight_decay"] and not group["decouple"]:
            grad = grad + group["weight_decay"] * weight
        numerator = grad.new_zeros(())
        if "moved" in state:
            numerator = -(d / d0) * rate * torch.sum(grad * unpack(state["moved"], grad))
        first, second = grad * (d * (1 - beta1)), grad.square() * (d * d * (1 - beta2))
        total = grad * ((d / d0) * (d if group["safeguard_warmup"] else rate))
        if "m" in state:
            first += beta1 * unpack(state["m"], grad)
            second += beta2 * unpack_square(state["v"], grad)
            total += beta3 * unpack(state["s"], grad)
        random = dither(group["k"], index, weight)
        state["m"], state["v"] = pack(first, random), pack_square(second, random)
        state["s"] = pack(total, random)
        return torch.stack([numerator, total.abs().sum()])

    def _move(
        self, weight: Tensor, group: dict[str, Any], index: int, rate: float, d: float
    ) -> None:
        state, before = self.state[weight], weight.clone()
        if group["weight_decay"] and group["decouple"]:
            weight.add_(weight, alpha=-group["weight_decay"] * rate)
        denominator = unpack_square(state["v"], weight).sqrt_().add_(d * group["eps"])
        weight.addcdiv_(unpack(state["m"], weight), denominator, value=-rate)
        moved = weight - before
        if "moved" in state:
            moved += unpack(state["moved"], weight)
        state["moved"] = pack(moved, dither(group["k"], -index, weight))
