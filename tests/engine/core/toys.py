"""Small problems for optimizers: a least-squares toy and a parameter with a given gradient."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from engine.optim.optimizers import build_optimizer

BIG = (40, 120)  # 4800 values: above the size from which bitsandbytes uses 8 bits


def backward(loss: torch.Tensor) -> None:
    """The gradients of a loss."""
    torch.autograd.backward(loss)


class Toy:
    """A least-squares problem over a matrix and a vector, with an optimizer."""

    def __init__(self, name: str, lr: float = 0.05, shape: tuple[int, int] = (6, 8), **params: Any):
        random = torch.Generator().manual_seed(3)
        self.matrix = nn.Parameter(torch.randn(shape, generator=random))
        self.vector = nn.Parameter(torch.randn(shape[0], generator=random))
        self.goal = torch.randn(shape, generator=random)
        groups = [{"name": "a", "params": [self.matrix, self.vector], "lr": lr}]
        self.optimizer = build_optimizer(name, params, groups)
        self.count = 0

    def run(self, steps: int) -> Toy:
        """So many updates; every step looks at other columns."""
        for _ in range(steps):
            self.count += 1
            weight = torch.linspace(0.5, 1.5, self.goal.shape[1]).roll(self.count)
            error = (self.matrix + self.vector[:, None] - self.goal) * weight
            backward(error.square().mean())
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)
        return self

    @property
    def loss(self) -> float:
        return (self.matrix + self.vector[:, None] - self.goal).square().mean().item()

    @property
    def weights(self) -> torch.Tensor:
        return torch.cat([self.matrix.flatten(), self.vector]).detach().clone()

    def differs(self, other: Toy) -> bool:
        return not torch.equal(self.weights, other.weights)


def parameter_of(value: float, name: str, lr: float, **params: Any) -> tuple[nn.Parameter, Any]:
    """A parameter (2, 3) of one value, and its optimizer."""
    parameter = nn.Parameter(torch.full((2, 3), value))
    groups = [{"name": "a", "params": [parameter], "lr": lr}]
    return parameter, build_optimizer(name, params, groups)


def push(parameter: nn.Parameter, optimizer: Any, gradient: float) -> None:
    """One update with a given gradient, through a real backward pass."""
    backward((parameter * gradient).sum())
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
