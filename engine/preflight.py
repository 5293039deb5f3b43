"""What can be known before anything slow happens, and would end the run later.

Cheap questions only: no weights are read. The checks that need no torch are `finetui check`'s;
these are about this machine.
"""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec

import torch

from engine import attention, hub
from engine.errors import ConfigError, MissingExtraError, RunError
from engine.optim.optimizers import PACKAGES
from schema.run.layout import RunFolder
from schema.sections.job import TrainerProcess

LEAST_FREE_BYTES = 16 * 2**20


def check(process: TrainerProcess, folder: RunFolder, device: torch.device) -> None:
    """Raises a RunError with the first thing that stands in the way."""
    _output(folder)
    _optimizer(process)
    _trackers(process)
    hub.require_token(process)
    _precision(process, device)
    attention.require(process.train, device)


def _output(folder: RunFolder) -> None:
    """The run folder takes files, and has room for a few."""
    if not os.access(folder.path, os.W_OK | os.X_OK):
        raise RunError(f"The output folder {folder.path} is not writable.")
    free = shutil.disk_usage(folder.path).free
    if free < LEAST_FREE_BYTES:
        raise RunError(f"The disk of {folder.path} is full: {free // 2**20} MiB are left.")


def _optimizer(process: TrainerProcess) -> None:
    name = process.train.optimizer
    needed = PACKAGES.get(name)
    if needed is not None and find_spec(needed[0]) is None:
        raise MissingExtraError(*needed, f"optimizer: {name}")


def _trackers(process: TrainerProcess) -> None:
    for wanted, package, option in (
        (process.logging.use_wandb, "wandb", "logging.use_wandb"),
        (process.log_dir is not None, "tensorboard", "log_dir"),
    ):
        if wanted and find_spec(package) is None:
            raise MissingExtraError(package, package, option)


def _precision(process: TrainerProcess, device: torch.device) -> None:
    if (
        process.train.dtype == "bf16"
        and device.type == "cuda"
        and not torch.cuda.is_bf16_supported()
    ):
        raise ConfigError(
            "train.dtype",
            f"{torch.cuda.get_device_name(device)} cannot compute in bf16.",
            repair="Use fp16 or fp32.",
        )
