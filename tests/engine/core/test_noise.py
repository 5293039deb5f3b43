"""The noise table against diffusers' own DDPMScheduler, which is the reference for its formulas."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from diffusers import DDPMScheduler

from engine.errors import ConfigError
from engine.noise import NoiseTable

SD1 = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}
CONFIGS: list[dict[str, Any]] = [
    SD1,
    {**SD1, "prediction_type": "v_prediction"},
    {**SD1, "prediction_type": "sample"},
    {**SD1, "rescale_betas_zero_snr": True, "prediction_type": "v_prediction"},
    {"beta_schedule": "linear"},
    {"beta_schedule": "squaredcos_cap_v2"},
    {"trained_betas": [0.1, 0.2, 0.3], "num_train_timesteps": 3},
]


def _batch(steps: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    return (
        torch.randn(3, 4, 5, 6),
        torch.randn(3, 4, 5, 6),
        torch.tensor([0, steps // 2, steps - 1]),
    )


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_the_table_equals_diffusers_bit_for_bit(config: dict[str, Any]) -> None:
    theirs, ours = DDPMScheduler(**config), NoiseTable.from_config(config)
    latents, noise, t = _batch(len(ours))
    assert torch.equal(theirs.alphas_cumprod, ours.alphas_cumprod)
    assert torch.equal(theirs.add_noise(latents, noise, t), ours.add_noise(latents, noise, t))
    assert torch.equal(theirs.get_velocity(latents, noise, t), ours.velocity(latents, noise, t))


def test_each_prediction_type_asks_for_its_own_target() -> None:
    latents, noise, t = _batch(1000)
    targets = {
        kind: NoiseTable.from_config({**SD1, "prediction_type": kind}).target(latents, noise, t)
        for kind in ("epsilon", "v_prediction", "sample")
    }
    assert torch.equal(targets["epsilon"], noise)
    assert torch.equal(targets["sample"], latents)
    reference = DDPMScheduler(**SD1).get_velocity(latents, noise, t)
    assert torch.equal(targets["v_prediction"], reference)


def test_snr_is_signal_power_over_noise_power() -> None:
    table = NoiseTable.from_config(SD1)
    t = torch.tensor([0, 500, 999])
    kept = table.alphas_cumprod[t]
    assert torch.allclose(table.snr(t), kept / (1 - kept))
    assert table.snr(t)[0] > table.snr(t)[1] > table.snr(t)[2]


def test_a_timestep_per_frame_noises_each_frame_by_its_own_amount() -> None:
    table = NoiseTable.from_config(SD1)
    latents, noise = torch.randn(2, 4, 3, 5, 6), torch.randn(2, 4, 3, 5, 6)
    t_BF = torch.tensor([[0, 10, 999], [5, 500, 7]])
    noisy = table.add_noise(latents, noise, t_BF)
    for frame in range(3):
        alone = table.add_noise(latents[:, :, frame], noise[:, :, frame], t_BF[:, frame])
        assert torch.equal(noisy[:, :, frame], alone)


def test_noisy_latents_keep_the_dtype_of_the_latents() -> None:
    latents, noise, t = _batch(1000)
    noisy = NoiseTable.from_config(SD1).add_noise(latents.bfloat16(), noise.bfloat16(), t)
    assert noisy.dtype is torch.bfloat16


@pytest.mark.parametrize("bad", [{"beta_schedule": "sigmoid"}, {"prediction_type": "flow"}])
def test_an_unknown_schedule_or_prediction_type_is_named(bad: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=next(iter(bad.values()))):
        NoiseTable.from_config(bad)
