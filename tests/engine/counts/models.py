"""The tiny models of every family that can be counted, and configs that train on them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from schema.sections.job import TrainerProcess
from tests.engine import tiny, tiny_flux, tiny_sd

BUILDERS: dict[str, Callable[[Path], object]] = {
    "sd1": tiny.build_sd1,
    "sd2": tiny_sd.build_sd2,
    "sdxl": tiny_sd.build_sdxl,
    "flux": tiny_flux.build_flux,
}

LORA = {"type": "lora", "linear": 4, "linear_alpha": 4}
CONVOLUTIONS = {**LORA, "conv": 2, "conv_alpha": 2}


def process(arch: str, model: Path, network: dict[str, Any] | None, **train: Any) -> TrainerProcess:
    """A trainer on a tiny model; in float32 unless told otherwise."""
    return TrainerProcess.model_validate(
        {
            "type": "sd_trainer",
            "training_folder": "nowhere",
            "model": {"name_or_path": str(model), "arch": arch},
            "train": {"dtype": "fp32", **train},
            **({} if network is None else {"network": network}),
        }
    )
