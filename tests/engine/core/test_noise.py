"""The noise table against diffusers' own DDPMScheduler, which is the reference for its formulas."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from diffusers import DDPMScheduler, DPMSolverMultistepScheduler, EulerDiscreteScheduler

from engine.errors import ConfigError
from engine.exploding import ExplodingTable, finite_sigmas, training_table
from engine.flow import FlowTable
from engine.noise import NoiseTable
from schema.formulas.schedulers import EXPLODING
from schema.formulas.sigmas import karras_timesteps

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


def _answer(table: NoiseTable, latents: torch.Tensor, noise: torch.Tensor, t: torch.Tensor) -> Any:
    """What a perfect model would say."""
    return table.target(latents, noise, t)


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction", "sample"])
@pytest.mark.parametrize("exploding", [False, True])
def test_a_perfect_answer_stands_for_the_picture_and_the_noise(kind: str, exploding: bool) -> None:
    table = NoiseTable.from_config({**SD1, "prediction_type": kind})
    table = ExplodingTable(table) if exploding else table
    latents, noise, t = _batch(1000)
    noisy, answer = table.add_noise(latents, noise, t), _answer(table, latents, noise, t)
    assert torch.allclose(table.x0(noisy, answer, t), latents, atol=2e-4)
    assert torch.allclose(table.eps(noisy, answer, t), noise, atol=2e-3)


def test_sigma_is_noise_over_signal_as_samplers_count_it() -> None:
    theirs = EulerDiscreteScheduler(**SD1).sigmas[:-1].flip(0)
    table = NoiseTable.from_config(SD1)
    assert torch.allclose(table.sigma(torch.arange(1000)), theirs, rtol=1e-4)
    assert table.sigma(torch.tensor([999])).item() == pytest.approx(14.6, abs=0.05)


@pytest.mark.proves("train.noise_scheduler")
@pytest.mark.parametrize("name", sorted(EXPLODING))
def test_an_exploding_scheduler_keeps_the_signal_and_shows_the_model_the_same(name: str) -> None:
    preserving = NoiseTable.from_config(SD1)
    table = training_table(preserving, name)
    theirs = EulerDiscreteScheduler(**SD1)
    latents, noise, t = _batch(1000)
    noisy = table.add_noise(latents, noise, t)
    assert torch.allclose(noisy, theirs.add_noise(latents, noise, t.float()), rtol=1e-4, atol=1e-4)
    shown = preserving.add_noise(latents, noise, t)
    assert not torch.allclose(noisy, shown, atol=0.1)
    assert torch.allclose(table.model_input(noisy, t), shown, rtol=1e-5, atol=1e-5)
    for row in range(3):
        theirs.set_timesteps(1000)
        scaled = theirs.scale_model_input(noisy[row], theirs.timesteps[999 - t[row]])
        assert torch.allclose(table.model_input(noisy, t)[row], scaled, rtol=1e-4, atol=1e-4)


def test_other_schedulers_keep_the_models_own_table() -> None:
    table = NoiseTable.from_config(SD1)
    for name in ("ddpm", "ddim", "pndm", "dpmsolver", "k_dpmsolver++", "dpmsingle", "custom_lcm"):
        assert training_table(table, name) is table
    flow = FlowTable()
    assert training_table(flow, "ddpm") is flow
    latents, _, t = _batch(1000)
    assert table.model_input(latents, t) is latents


def test_a_last_level_without_signal_explodes_to_a_finite_sigma() -> None:
    config = {**SD1, "rescale_betas_zero_snr": True}
    table = ExplodingTable(NoiseTable.from_config(config))
    assert torch.equal(table.sigmas.isfinite(), torch.ones(1000, dtype=torch.bool))
    theirs = EulerDiscreteScheduler(**config).sigmas[0].item()
    assert table.sigma(torch.tensor([999])).item() == pytest.approx(theirs, rel=1e-3)
    assert table.snr(torch.tensor([999])).item() > 0


@pytest.mark.parametrize("count", [20, 1000])
def test_karras_timesteps_are_those_of_diffusers(count: int) -> None:
    sigmas = finite_sigmas(NoiseTable.from_config(SD1))
    ours = karras_timesteps(sigmas, count)
    theirs = DPMSolverMultistepScheduler(**SD1, use_karras_sigmas=True)
    theirs.set_timesteps(count)
    assert len(ours) == count
    differences = [abs(a - b) for a, b in zip(ours, theirs.timesteps.tolist(), strict=True)]
    assert max(differences) <= 1  # rounding in float32 there
    assert sum(differences) <= count * 0.01
    if count == 1000:
        assert (ours[0], ours[500], ours[-1]) == (999, 427, 0)
