"""The one seam between the training step and the hardware: device, precision, backward, update.

Step and loop never ask what they run on. This is the single-process form; several processes get a
second class with the same methods (through accelerate), and nothing else changes. Data goes to a
GPU through pinned memory, so that no step waits for a copy.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from engine.errors import ConfigError
from engine.optim.clipping import clip_groups

SMALL_MODEL_BYTES = 80 * 2**20
"""Weights below this (20 M parameters in float32) train fastest on one thread."""


class Accelerator:
    """One process on one device."""

    is_main = True
    """Whether this process writes files, previews and metrics; the only one always does."""

    def __init__(
        self, device: torch.device, dtype: torch.dtype, *, autocast: bool, scale: bool
    ) -> None:
        """`autocast`: run float32 weights in `dtype`; `scale`: scale the loss (float16)."""
        self.device, self.dtype = device, dtype
        self._autocast = autocast
        self._scaler = torch.amp.GradScaler(device.type) if scale else None

    def wrap(self, module: nn.Module) -> nn.Module:
        """The module whose forward is called: itself, or what spreads it over processes."""
        return module

    def put(self, tensor: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """A CPU tensor on the device, without waiting for the copy; one that is there stays."""
        if self.device.type == "cuda" and not tensor.is_cuda:
            tensor = tensor.pin_memory().to(self.device, non_blocking=True)
        return tensor.to(self.device, dtype)

    def forward(self) -> AbstractContextManager[Any]:
        """The precision of the forward pass."""
        if self._autocast:
            return torch.autocast(self.device.type, self.dtype)
        return contextlib.nullcontext()

    def backward(self, loss: Tensor) -> None:
        """Add the loss's gradients to the parameters'."""
        (loss if self._scaler is None else self._scaler.scale(loss)).backward()

    def update(
        self,
        optimizer: torch.optim.Optimizer,
        groups: Sequence[list[Tensor]],
        max_norm: float | None,
    ) -> Tensor | None:
        """Clip, step, forget the gradients; the gradient norm before clipping.

        With a loss scale, an update whose gradients overflowed is skipped and the scale lowered.
        """
        if self._scaler is None:
            norm = clip_groups(groups, max_norm)
            optimizer.step()
        else:
            self._scaler.unscale_(optimizer)
            norm = clip_groups(groups, max_norm)
            self._scaler.step(optimizer)
            self._scaler.update()
        optimizer.zero_grad(set_to_none=True)
        return norm

    @property
    def overflows_are_normal(self) -> bool:
        """Whether an infinite gradient norm is part of finding the loss scale, not a divergence."""
        return self._scaler is not None

    def gather(self, tensor: Tensor) -> Tensor:
        """The tensors of all processes along the batch axis, for the record."""
        return tensor

    def state_dict(self) -> dict[str, Any]:
        """The loss scale and its history; empty without one."""
        return {} if self._scaler is None else dict(self._scaler.state_dict())

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take the loss scale over."""
        if self._scaler is not None and state:
            self._scaler.load_state_dict(state)


def pick_device(wanted: str | None) -> torch.device:
    """The configured device, or the first GPU, or the CPU.

    Raises ConfigError when the wanted one is not there.
    """
    if wanted is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(wanted)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        found = torch.cuda.device_count()
        raise ConfigError(
            "device",
            f"{wanted} is not there: torch sees {found} CUDA device(s).",
            repair="Try cpu.",
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise ConfigError("device", "mps is not available on this machine.", repair="Try cpu.")
    return device


def set_up_torch(device: torch.device, model: Path) -> int:
    """Threads and determinism for this process; the number of threads.

    On a CPU every operation is deterministic and a small model gets one thread: it is bound by
    dispatch, and a second thread fights the app for its core. OMP_NUM_THREADS wins.
    """
    if device.type == "cpu":
        torch.use_deterministic_algorithms(True)
        # Filling every fresh tensor is for finding bugs and costs a call for each.
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        if "OMP_NUM_THREADS" not in os.environ:
            small = weight_bytes(model) < SMALL_MODEL_BYTES
            torch.set_num_threads(1 if small else max(1, _cores() - 1))
    return torch.get_num_threads()


def _cores() -> int:
    """The cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def weight_bytes(model: Path) -> int:
    """The size of the model's weight files; 0 for what is not on this disk."""
    files = [model] if model.is_file() else [p for p in model.rglob("*") if p.is_file()]
    return sum(p.stat().st_size for p in files if p.suffix in {".safetensors", ".bin", ".ckpt"})
