"""`automagic3` and `automagicexperiment`: a learning rate per group, chosen by vote.

Every weight remembers the signs of its last H updates, a bit each. Once they are full, a weight
whose signs all agree votes for a larger rate and one whose signs strictly alternate for a smaller
one, both with the size of their update:

    rate <- clamp(rate * exp(clamp((sum |u| up - sum |u| down) / sum |u|, -1, 1)), min, max)

The rate of an update is the one before its vote. `automagic3` divides by a factored second moment,
`automagicexperiment` by a full, bias-corrected one, kept as int8 codes of its root.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from engine.optim.exact import ExactState
from engine.optim.factored import clipped, normalised
from engine.optim.rotated import pack_rotated, unpack_rotated

BITS = tuple(1 << bit for bit in range(8))


class Automagic3(ExactState):
    """The controller, over factored moments; `fused` updates inside the backward pass."""

    def __init__(
        self,
        params: Any,
        lr: float = 1e-6,
        *,
        min_lr: float = 1e-8,
        max_lr: float = 1e3,
        eps: float = 1e-30,
        clip_threshold: float = 1.0,
        beta2: float = 0.999,
        weight_decay: float = 0.0,
        polarity_history: int = 8,
        fused: bool = True,
    ) -> None:
        defaults = {
            "lr": lr, "min_lr": min_lr, "max_lr": max_lr, "eps": eps, "beta2": beta2,
            "clip_threshold": clip_threshold, "weight_decay": weight_decay,
            "polarity_history": min(max(polarity_history, 2), 64),
        }  # fmt: skip
        super().__init__(params, defaults)
        self.in_backward = fused
        self._votes: list[list[Tensor]] = [[] for _ in self.param_groups]
        for number, group in enumerate(self.param_groups):
            device = group["params"][0].device
            rate = min(max(group["lr"], min_lr), max_lr)
            group["rate"] = torch.full((), rate, device=device)
            for weight in group["params"] if fused else ():
                weight.register_post_accumulate_grad_hook(lambda w, n=number: self._update(w, n))

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Update what the backward pass has not, then count the votes."""
        del closure
        for number, group in enumerate(self.param_groups):
            for weight in () if self.in_backward else group["params"]:
                if weight.grad is not None:
                    self._update(weight, number)
            if self._votes[number]:
                balance, size = torch.stack(self._votes[number]).sum(0)
                growth = (balance / size.clamp(min=1e-30)).clamp(-1, 1).exp()
                group["rate"] = (group["rate"] * growth).clamp_(group["min_lr"], group["max_lr"])
            self._votes[number].clear()

    @torch.no_grad()
    def _update(self, weight: Tensor, number: int) -> None:
        assert weight.grad is not None
        group, state = self.param_groups[number], self.state[weight]
        grad, weight.grad = weight.grad.float().nan_to_num(0.0, 0.0, 0.0), None
        limit = group["clip_threshold"]
        update = clipped(self._normalised(state, grad, group), limit).clamp_(-limit, limit)
        self._votes[number].append(_vote(state, update, group["polarity_history"]))
        rate = group["rate"].to(weight.device)
        weight.sub_(rate * (update + group["weight_decay"] * weight))

    def _normalised(self, state: dict[str, Any], grad: Tensor, group: dict[str, Any]) -> Tensor:
        return normalised(state, grad, group["beta2"], group["eps"])

    def reported_rates(self) -> dict[str, Tensor | float]:
        """The rate of every group."""
        return {group["name"]: group["rate"] for group in self.param_groups}


class AutomagicExperiment(Automagic3):
    """The same controller over a full second moment, bias-corrected as in Adam."""

    def __init__(
        self,
        params: Any,
        lr: float = 1e-6,
        *,
        betas: tuple[float, float] = (0.0, 0.999),
        min_lr: float = 1e-30,
        eps: float = 1e-8,
        **settings: Any,
    ) -> None:
        if betas[0] != 0:
            raise ValueError("betas[0] must be 0: there is no momentum")
        super().__init__(params, lr, min_lr=min_lr, eps=eps, beta2=betas[1], **settings)

    def _normalised(self, state: dict[str, Any], grad: Tensor, group: dict[str, Any]) -> Tensor:
        beta2 = group["beta2"]
        second = grad.square().mul_(1 - beta2)
        k = state["step"] = state.get("step", 0) + 1
        if k > 1:
            second += beta2 * unpack_rotated(state["root"], grad).square_()
        state["root"] = pack_rotated(second.sqrt())
        return grad / ((second / (1 - beta2**k)).sqrt_() + group["eps"])


def _vote(state: dict[str, Any], update: Tensor, history: int) -> Tensor:
    """Remember the signs of an update; (|u| up - |u| down, |u|), zeros while signs are missing."""
    size = -(-update.numel() // 8)
    if "signs" not in state or state["signs"].shape != (history, size):
        state["signs"] = torch.zeros(history, size, dtype=torch.uint8, device=update.device)
        state["seen"] = 0
    planes: Tensor = state["signs"]
    planes[state["seen"] % history] = _bits(update > 0)
    state["seen"] += 1
    if state["seen"] < history:
        return update.new_zeros(2)
    # The ring in the order of time: its oldest plane first.
    oldest = state["seen"] % history
    ordered = torch.roll(planes, -oldest, 0)
    ones, zeros = ordered[0].clone(), ~ordered[0]
    changes = ordered[0] ^ ordered[1]
    for number in range(1, history):
        ones &= ordered[number]
        zeros &= ~ordered[number]
        changes &= ordered[number - 1] ^ ordered[number]
    magnitude = update.abs()
    up, down = _mask(ones | zeros, update), _mask(changes, update)
    balance = (magnitude * up).sum() - (magnitude * down).sum()
    return torch.stack([balance, magnitude.sum()])


def _bits(mask: Tensor) -> Tensor:
    """Eight truths in a byte."""
    flat = torch.nn.functional.pad(mask.flatten().to(torch.uint8), (0, -mask.numel() % 8))
    weights = torch.tensor(BITS, dtype=torch.uint8, device=mask.device)
    return (flat.view(-1, 8) * weights).sum(1, dtype=torch.uint8)


def _mask(packed: Tensor, like: Tensor) -> Tensor:
    """The truths again, float32, shaped like `like`."""
    weights = torch.tensor(BITS, dtype=torch.uint8, device=packed.device)
    flat = (packed.unsqueeze(1) & weights).ne(0).flatten()[: like.numel()]
    return flat.view(like.shape).float()
