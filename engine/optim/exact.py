"""What an optimizer remembers, saved and put back exactly.

torch's `load_state_dict` casts every state tensor to the dtype of its parameter, which would turn
codes and signs into floats; `ExactState` does not. Some optimizers also keep numbers of their own
in their parameter groups (an estimate of the learning rate, a count): everything there that is not
one of their settings belongs to a checkpoint.
"""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor


class ExactState(torch.optim.Optimizer):
    """An optimizer whose state comes back in the dtypes it had; the base of our own ones."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over states by parameter number; the groups' settings stay as they are."""
        weights = [weight for group in self.param_groups for weight in group["params"]]
        for number, state in state_dict["state"].items():
            weight = weights[int(number)]
            self.state[weight] = _moved(state, weight.device)


def own_numbers(optimizer: torch.optim.Optimizer) -> list[dict[str, Any]]:
    """What the optimizer keeps in each of its groups besides settings, rates and parameters."""
    settings = {"params", "name", "lr"}
    for cls in type(optimizer).__mro__[:-1]:
        if "__init__" in vars(cls):
            settings |= set(inspect.signature(vars(cls)["__init__"]).parameters)
    return [
        {
            name: value
            for name, value in group.items()
            if name not in settings and isinstance(value, bool | int | float | Tensor)
        }
        for group in optimizer.param_groups
    ]


def restore_numbers(optimizer: torch.optim.Optimizer, saved: list[dict[str, Any]]) -> None:
    """Put back what `own_numbers` gave; settings are the config's and stay."""
    for group, numbers in zip(optimizer.param_groups, saved, strict=True):
        group.update(_moved(numbers, group["params"][0].device))


def _moved(tree: Any, device: torch.device) -> Any:
    if isinstance(tree, Tensor):
        return tree.to(device)
    if isinstance(tree, dict):
        return {name: _moved(value, device) for name, value in tree.items()}
    return tree
