"""SDXL under guidance: both halves of a doubled batch are told how their picture was framed."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from engine.accelerator import Accelerator
from engine.assembly.objective import build_objective
from engine.data.batch import Batch
from engine.networks import build
from schema.sections.job import TrainerProcess
from schema.sections.network import Network
from schema.sections.train import Train
from tests.engine import tiny_sd

SIZES = torch.tensor([[64, 64, 0, 0, 64, 64], [128, 96, 3, 5, 64, 64]])


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tiny_sd.build_sdxl(tmp_path_factory.mktemp("models") / "sdxl")
    return tiny_sd.load_family("sdxl", path)


def step(family: Any, **train: Any) -> list[dict[str, Tensor]]:
    """What the UNet was told in one step of two pictures."""
    process = TrainerProcess.model_validate(
        {
            "type": "sd_trainer",
            "training_folder": "nowhere",
            "model": {"name_or_path": "nowhere", "arch": "sdxl"},
            "network": {"type": "lora", "linear": 4},
            "train": train,
            "datasets": [{"folder_path": "nowhere"}],
        }
    )
    trained = build(family, Network(), Train(), "safetensors", 0)
    accelerator = Accelerator(torch.device("cpu"), torch.float32, autocast=False, scale=False)
    objective = build_objective(process, family, accelerator, trained, 3)
    told: list[dict[str, Tensor]] = []
    unet = family.denoisers[0].module
    hook = unet.register_forward_pre_hook(
        lambda _, __, given: told.append(given["added_cond_kwargs"]), with_kwargs=True
    )
    drawn = torch.Generator().manual_seed(1)
    latents = torch.randn(2, 4, 8, 8, generator=drawn)
    batch = Batch(["a red circle", "a star"], [0, 1], [0, 1], (64, 64), latents, sizes_B6=SIZES)
    losses = objective(batch, 1, 0)
    hook.remove()
    assert losses.total.isfinite()
    return told


@pytest.mark.proves("train.do_cfg", "train.cfg_rescale")
def test_each_picture_keeps_its_sizes_beside_both_prompts(family: Any) -> None:
    (told,) = step(family, do_cfg=True, cfg_scale=3.0, cfg_rescale=1.5)
    assert torch.equal(told["time_ids"], SIZES.repeat_interleave(2, 0))
    with torch.no_grad():
        pooled = family.encode_prompts(["", "a red circle", "", "a star"]).parts["pooled"]
    assert torch.allclose(told["text_embeds"], pooled, atol=1e-5)
