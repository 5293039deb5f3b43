"""Giving a device's memory back when a part of the model is no longer needed.

PyTorch keeps freed blocks for itself; between the phases of a run (text encoder, VAE, denoiser)
they are returned, so that the next part finds room and other processes see the truth.
"""

from __future__ import annotations

import gc

import torch


def release(device: torch.device) -> None:
    """Return unused cached memory of ``device`` to the system; nothing to do on a CPU."""
    if device.type == "cpu":
        return
    gc.collect()  # modules hold each other in circles
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
