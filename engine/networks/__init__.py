"""What is trained: a LoRA beside the frozen model, or the model itself.

The loop, the optimizer and the checkpoints know only `Trained`: named float32 parameters in groups,
a way to write them for people, and a multiplier. Networks know families through
`engine.families.base` and never the trainer.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from engine.errors import ConfigError
from engine.families.base import REFINER, Family
from schema.sections.network import Network
from schema.sections.train import Train

UNET, TEXT_ENCODER = "unet", "text_encoder"
"""The parameter groups: every denoiser but a refiner, which is one of its own; text encoders."""


class Trained(Protocol):
    """What the rest of the engine may ask of the weights that are trained."""

    groups: dict[str, dict[str, nn.Parameter]]
    """Parameters by name, by group; the order is fixed by the model, and with it the optimizer's.
    """

    uses_dropout: bool
    """Whether the network itself draws random numbers while it trains."""

    def state_dict(self) -> dict[str, Tensor]:
        """The live parameters by name, float32, detached, not copied."""
        ...

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Copy weights in; names and shapes must be exactly the parameters'."""
        ...

    def save(self, path: Path, dtype: torch.dtype, metadata: Mapping[str, str]) -> list[Path]:
        """Write the weights for people, in their file format; the files or folders written."""
        ...

    def scaled(self, multiplier: float | Tensor) -> AbstractContextManager[None]:
        """Work at a strength: one number, or one per sample (B,). Backward belongs inside the
        block.
        """
        ...

    def off(self) -> AbstractContextManager[None]:
        """Work as the untrained model. Backward belongs inside the block."""
        ...


class Teller(Protocol):
    """Who passes on to people what a network found; a run's report."""

    def say(self, line: str) -> None:
        """A line in the log."""

    def warning(self, message: str) -> None:
        """Something a person should know."""


def build(
    family: Family,
    network: Network | None,
    train: Train,
    save_format: str,
    seed: int,
    *,
    report: Teller | None = None,
    start: str | None = None,
) -> Trained:
    """Attach the configured network to the loaded model, or take the model's own weights.

    `start` is a LoRA file to start from, for a run that begins.
    """
    refines = any(denoiser.name == REFINER for denoiser in family.denoisers)
    if not (train.train_unet or train.train_text_encoder or refines):
        raise ConfigError(
            "train.train_unet",
            "neither the denoiser nor the text encoder is trained: nothing would change.",
        )
    if network is None:
        from engine.networks.full import FullModel

        return FullModel(family, train, save_format, report)
    from engine.networks.lora import attach

    attached = attach(family, network, train, seed, report)
    if start is not None:
        from engine.networks.starting import start_from

        start_from(family, attached, start, report)
    if not train.merge_network_on_save:
        return attached
    from engine.networks.merging import MergingNetwork

    return MergingNetwork(family, attached, train.merge_network_on_save_strength, save_format)


def load_exactly(parameters: Mapping[str, nn.Parameter], state: Mapping[str, Tensor]) -> None:
    """Copy `state` into the parameters; raises ValueError when names or shapes differ."""
    if parameters.keys() != state.keys():
        odd = sorted(parameters.keys() ^ state.keys())
        raise ValueError(f"{len(odd)} names differ, such as {odd[0]}")
    with torch.no_grad():
        for name, parameter in parameters.items():
            if parameter.shape != state[name].shape:
                raise ValueError(
                    f"{name} has shape {tuple(state[name].shape)}, not {tuple(parameter.shape)}"
                )
            parameter.copy_(state[name])
