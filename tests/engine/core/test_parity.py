"""One step of ours against diffusers' training recipe, written down here on its own.

The recipe is that of diffusers' example scripts: its own schedulers add the noise and give the
target, the U-Net is called directly, losses are weighed as `train_text_to_image_lora.py` does it.
Our step gets the same latents, noise and timesteps by its own draws; loss and every gradient of the
network must agree.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from diffusers import DDPMScheduler, FlowMatchEulerDiscreteScheduler
from torch import Tensor

from engine.noise import NoiseTable
from tests.engine.core.stepwise import Bench, Seen, make_batch

TABLE = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


def _bench(model: Path, prediction: str) -> Bench:
    bench = Bench(model, flow=prediction == "flow")
    if prediction != "flow":
        table = NoiseTable.from_config(TABLE | {"prediction_type": prediction})
        bench.family.noise_table = lambda: table  # type: ignore[method-assign]
    return bench


def _reference(bench: Bench, seen: Seen, prediction: str, gamma: float | None) -> Tensor:
    """The scripts' loss on the latents, noise and timesteps of our step."""
    batch = make_batch()
    assert batch.latents is not None
    assert batch.conditioning is not None
    latents, noise = batch.latents, seen.example.noise
    unet: Any = bench.family.denoisers[0].module
    text = batch.conditioning.parts["text"]
    timesteps = torch.tensor(seen.losses.timesteps)
    if prediction == "flow":
        # train_dreambooth_lora_sd3.py: zt = (1 - sigma) x + sigma z1, target = noise - model_input
        scheduler = FlowMatchEulerDiscreteScheduler()
        sigmas = (timesteps / scheduler.config.num_train_timesteps).view(-1, 1, 1, 1)
        noisy = (1.0 - sigmas) * latents + sigmas * noise
        answer = unet(noisy, timesteps, text).sample
        return F.mse_loss(answer.float(), noise - latents, reduction="none").mean((1, 2, 3))
    ddpm = DDPMScheduler(**TABLE, prediction_type=prediction)
    noisy = ddpm.add_noise(latents, noise, timesteps)
    answer = unet(noisy, timesteps, text).sample
    target = noise if prediction == "epsilon" else ddpm.get_velocity(latents, noise, timesteps)
    loss_B = F.mse_loss(answer.float(), target.float(), reduction="none").mean((1, 2, 3))
    if gamma is None:
        return loss_B
    alphas = ddpm.alphas_cumprod[timesteps]
    snr = alphas / (1 - alphas)
    return loss_B * torch.stack([snr, gamma * torch.ones_like(snr)], dim=1).min(dim=1)[0] / snr


@pytest.mark.parametrize(
    ("prediction", "options"),
    [
        ("epsilon", {}),
        ("v_prediction", {}),
        ("flow", {"timestep_type": "linear"}),
        ("flow", {"timestep_type": "sigmoid"}),
        ("epsilon", {"min_snr_gamma": 5.0}),
        ("epsilon", {"noise_offset": 0.1}),
    ],
)
def test_loss_and_gradients_are_those_of_diffusers_recipe(
    tiny_sd1: Path, prediction: str, options: dict[str, Any]
) -> None:
    bench = _bench(tiny_sd1, prediction)
    seen = bench.seen(**options)
    ours = bench.gradients()
    loss_B = _reference(bench, seen, prediction, options.get("min_snr_gamma"))
    assert torch.allclose(seen.losses.loss_B, loss_B.detach(), rtol=1e-5)
    assert seen.total == pytest.approx(loss_B.mean().item(), rel=1e-6)
    loss_B.mean().backward()  # type: ignore[no-untyped-call]
    theirs = bench.gradients()
    assert max(value.abs().max().item() for value in theirs.values()) > 1e-6
    for name, gradient in theirs.items():
        assert torch.allclose(ours[name], gradient, rtol=1e-4, atol=1e-8), name
