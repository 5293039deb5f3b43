"""`adam8` and `adamw8`: Adam (Kingma and Ba 2015) with both moments in 8 bits, on any device."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from engine.optim.exact import ExactState
from engine.optim.int8 import dither, pack, pack_square, unpack, unpack_square


class Adam8(ExactState):
    """m and v as int8 codes, everything else as in Adam; `decouple` makes it AdamW."""

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        decouple: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "decouple": decouple,
        }
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """One update of every parameter that has a gradient."""
        del closure
        index = 0
        for group in self.param_groups:
            for weight in group["params"]:
                index += 1
                if weight.grad is not None:
                    self._update(weight, weight.grad.float(), group, index)

    def _update(self, weight: Tensor, grad: Tensor, group: dict[str, Any], index: int) -> None:
        state, (beta1, beta2) = self.state[weight], group["betas"]
        if not state:
            state["step"] = 0
        k = state["step"] = state["step"] + 1
        decay = group["weight_decay"]
        if decay and not group["decouple"]:
            grad = grad + decay * weight
        first, second = grad * (1 - beta1), grad.square() * (1 - beta2)
        if k > 1:
            first += beta1 * unpack(state["m"], grad)
            second += beta2 * unpack_square(state["v"], grad)
        if decay and group["decouple"]:
            weight.mul_(1 - group["lr"] * decay)
        denominator = (second / (1 - beta2**k)).sqrt_().add_(group["eps"])
        weight.addcdiv_(first, denominator, value=-group["lr"] / (1 - beta1**k))
        random = dither(k, index, weight)
        state["m"], state["v"] = pack(first, random), pack_square(second, random)
