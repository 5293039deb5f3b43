"""A frozen assistant: a T2I-Adapter or ControlNet that explains what the control pictures show.

On batches with control pictures its residuals are added to the denoiser's features, so that the
network need not learn what the pictures say already. Now and then the network may be taught to do
without: the untrained model with the assistant gives the target, and the network practises alone.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from engine.errors import ConfigError
from engine.example import Example
from engine.families.base import REFINER
from engine.families.unet_residuals import Residuals
from engine.randomness import uniform

T2I = "t2i"
STRENGTHS = (0.5, 1.1)
"""The range of a T2I-Adapter's strength while it helps."""
MATCHED_STRENGTHS = (0.9, 1.0)
"""The same while it is imitated."""


class Assistant:
    """Helps, or gives the target."""

    def __init__(self, module: nn.Module, *, kind: str, chance: float) -> None:
        """`chance`: how often a micro-batch imitates the assistant instead of being helped."""
        self.module, self._kind, self._chance = module, kind, chance

    def __call__(self, example: Example) -> None:
        """Set the residuals, or what the network is to match without them."""
        control = example.batch.control_BCHW
        if control is None or example.denoiser.name == REFINER:
            return
        kit = example.kit
        drawn = uniform(kit.seed, example.number, example.micro, "assistant match")
        matches = drawn < self._chance
        example.residuals = self._residuals(example, kit.accelerator.put(control), matches)
        if matches:
            with example.untrained():
                example.matched = example.predict(conditioning=example.conditioning.detach())
            example.residuals = None

    def _residuals(self, example: Example, control: Tensor, matches: bool) -> Residuals:
        kit = example.kit
        family: Any = kit.family
        module: Any = self.module
        with torch.no_grad(), kit.accelerator.forward():
            if self._kind == T2I:
                strength = self._strength(example, matches)
                control = control[:, : module.config.in_channels].to(family.dtype)
                return Residuals(inner=[part * strength for part in module(control)])
            channels = module.config.conditioning_channels
            return family.control_residuals(  # type: ignore[no-any-return]
                module,
                example.denoiser,
                kit.table.model_input(example.noisy, example.t_B),
                example.t_B,
                example.framed(example.conditioning.detach()),
                control[:, :channels].to(family.dtype),
            )

    def _strength(self, example: Example, matches: bool) -> float:
        low, high = MATCHED_STRENGTHS if matches else STRENGTHS
        seed = example.kit.seed
        drawn = uniform(seed, example.number, example.micro, "assistant strength")
        return low + (high - low) * drawn


def matched_target(example: Example) -> None:
    """y = what the untrained model answers with the assistant's help, where that is practised."""
    if example.matched is not None:
        example.target = example.matched


def load_assistant(
    path: str, kind: str, device: torch.device, dtype: torch.dtype, unet: Any
) -> nn.Module:
    """A diffusers folder or repository, frozen. Raises ConfigError where it does not fit."""
    from diffusers import ControlNetModel, T2IAdapter

    option = "train.adapter_assist_name_or_path"
    wanted: Any = T2IAdapter if kind == T2I else ControlNetModel
    try:
        module = wanted.from_pretrained(path, torch_dtype=dtype)
    except (OSError, ValueError, TypeError, KeyError, RuntimeError) as fault:
        first = str(fault).strip().partition("\n")[0]
        raise ConfigError(option, f"{path} is no {wanted.__name__}: {first}") from fault
    theirs, ours = _widths(module), list(unet.config.block_out_channels)
    if theirs != ours:
        message = f"{path} is made for another model: its blocks are {theirs} wide, not {ours}."
        raise ConfigError(option, message)
    frozen: nn.Module = module.to(device).eval().requires_grad_(False)
    return frozen


def _widths(module: Any) -> list[int]:
    """Of the feature maps, block by block."""
    config = module.config
    return list(config.channels if hasattr(config, "channels") else config.block_out_channels)
