"""SDXL under guidance: both halves of a doubled batch are told how their picture was framed."""

from __future__ import annotations

from pathlib import Path
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
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_sd.build_sdxl(tmp_path_factory.mktemp("models") / "sdxl")


@pytest.fixture
def family(path: Path) -> Any:
    return tiny_sd.load_family("sdxl", path)


def step(family: Any, control: Tensor | None = None, **train: Any) -> list[dict[str, Any]]:
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
    told: list[dict[str, Any]] = []
    unet = family.denoisers[0].module
    hook = unet.register_forward_pre_hook(
        lambda _, plain, given: told.append(given | {"noisy": plain[0], "t": plain[1]}),
        with_kwargs=True,
    )
    drawn = torch.Generator().manual_seed(1)
    latents = torch.randn(2, 4, 8, 8, generator=drawn)
    batch = Batch(["a red circle", "a star"], [0, 1], [0, 1], (64, 64), latents, sizes_B6=SIZES)
    batch.control_BCHW = control
    losses = objective(batch, 1, 0)
    hook.remove()
    assert losses.total.isfinite()
    return told


@pytest.mark.proves("train.do_cfg", "train.cfg_rescale")
def test_each_picture_keeps_its_sizes_beside_both_prompts(family: Any) -> None:
    (given,) = step(family, do_cfg=True, cfg_scale=3.0, cfg_rescale=1.5)
    told = given["added_cond_kwargs"]
    assert torch.equal(told["time_ids"], SIZES.repeat_interleave(2, 0))
    with torch.no_grad():
        pooled = family.encode_prompts(["", "a red circle", "", "a star"]).parts["pooled"]
    assert torch.allclose(told["text_embeds"], pooled, atol=1e-5)


@pytest.mark.proves("train.adapter_assist_name_or_path")
def test_a_control_net_is_told_the_sizes_as_well(family: Any, tmp_path: Path) -> None:
    from diffusers import ControlNetModel

    torch.manual_seed(6)
    net: Any = ControlNetModel.from_unet(family.denoisers[0].module, load_weights_from_unet=False)
    torch.nn.init.normal_(net.controlnet_mid_block.weight, std=0.1)
    net.save_pretrained(tmp_path)
    control = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    options = {"adapter_assist_name_or_path": str(tmp_path), "adapter_assist_type": "control_net"}
    (given,) = step(family, control, **options)
    inputs = {k: given[k] for k in ("encoder_hidden_states", "added_cond_kwargs")}
    assert torch.equal(inputs["added_cond_kwargs"]["time_ids"], SIZES)
    with torch.no_grad():
        _, middle = net.eval()(
            given["noisy"], given["t"], controlnet_cond=control, return_dict=False, **inputs
        )
    assert middle.abs().max() > 0
    assert torch.allclose(given["mid_block_additional_residual"], middle, atol=1e-5)
