"""Flow matching's straight line and its shifts, against diffusers' own scheduler."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler

from engine.errors import ConfigError
from engine.flow import FlowTable
from schema.families import FAMILIES
from schema.formulas.sigmas import FlowShift

FLUX = {
    "base_image_seq_len": 256,
    "base_shift": 0.5,
    "max_image_seq_len": 4096,
    "max_shift": 1.15,
    "shift": 3.0,
    "use_dynamic_shifting": True,
}


def _batch() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    return torch.randn(3, 4, 5, 6), torch.randn(3, 4, 5, 6), torch.tensor([1000.0, 512.25, 1.0])


def test_noise_is_mixed_in_along_a_straight_line_as_diffusers_does() -> None:
    latents, noise, t = _batch()
    theirs, table = FlowMatchEulerDiscreteScheduler(), FlowTable()
    t = torch.tensor([1000.0, 512.0, 1.0])
    expected = theirs.scale_noise(latents, t, noise)
    assert torch.allclose(table.add_noise(latents, noise, t), expected, atol=1e-6)
    assert torch.equal(table.add_noise(latents, noise, torch.tensor([1000.0] * 3)), noise)


def test_the_answer_is_the_velocity_and_stands_for_picture_and_noise() -> None:
    latents, noise, t = _batch()
    table = FlowTable()
    noisy, velocity = table.add_noise(latents, noise, t), table.target(latents, noise, t)
    assert torch.equal(velocity, noise - latents)
    assert torch.allclose(table.x0(noisy, velocity, t), latents, atol=1e-6)
    assert torch.allclose(table.eps(noisy, velocity, t), noise, atol=1e-6)
    assert torch.allclose(table.snr(torch.tensor([500.0, 800.0])), torch.tensor([1.0, 1 / 16]))
    assert len(table) == 1000
    assert table.model_input(noisy, t) is noisy


def test_a_step_of_diffusers_sampler_follows_the_same_line() -> None:
    latents, noise, _ = _batch()
    theirs, table = FlowMatchEulerDiscreteScheduler(), FlowTable()
    theirs.set_timesteps(5)
    t, after = theirs.timesteps[1], theirs.timesteps[2]
    noisy = table.add_noise(latents, noise, t.expand(3))
    moved = theirs.step(table.target(latents, noise, t), t, noisy).prev_sample
    assert torch.allclose(moved, table.add_noise(latents, noise, after.expand(3)), atol=1e-5)


def test_a_level_per_frame_noises_each_frame_by_its_own_amount() -> None:
    table = FlowTable()
    latents, noise = torch.randn(2, 4, 3, 5, 6), torch.randn(2, 4, 3, 5, 6)
    t_BF = torch.tensor([[1.0, 250.5, 1000.0], [0.0, 500.0, 7.0]])
    noisy = table.add_noise(latents, noise, t_BF)
    for frame in range(3):
        alone = table.add_noise(latents[:, :, frame], noise[:, :, frame], t_BF[:, frame])
        assert torch.equal(noisy[:, :, frame], alone)


def test_noisy_latents_keep_the_dtype_but_not_the_rounding_of_the_level() -> None:
    latents, noise, t = _batch()
    noisy = FlowTable().add_noise(latents.bfloat16(), noise.bfloat16(), t)
    assert noisy.dtype is torch.bfloat16
    assert FlowTable().sigma(t.double()).dtype is torch.float32


RESPACED: list[dict[str, Any]] = [
    FLUX,
    FLUX | {"shift_terminal": 0.1, "max_shift": 2.05, "base_shift": 0.95},
    FLUX | {"time_shift_type": "linear", "base_shift": 0.25, "max_shift": 0.75},
    FLUX | {"use_karras_sigmas": True},
    FLUX | {"use_exponential_sigmas": True, "shift_terminal": 0.02},
]


@pytest.mark.parametrize("config", RESPACED, ids=str)
@pytest.mark.parametrize("tokens", [64, 1024, 9216])
def test_levels_that_follow_the_resolution_are_those_of_diffusers(
    config: dict[str, Any], tokens: int
) -> None:
    shift = FlowTable.from_config(config).shift
    first, last = config["base_image_seq_len"], config["max_image_seq_len"]
    slope = (config["max_shift"] - config["base_shift"]) / (last - first)
    mu = config["base_shift"] + slope * (tokens - first)
    theirs = FlowMatchEulerDiscreteScheduler(**config)
    theirs.set_timesteps(12, mu=mu)
    ours = torch.tensor(shift.levels(12, tokens))
    assert shift.by_resolution
    assert torch.allclose(ours, theirs.sigmas[:-1], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("factor", [1.0, 3.0, 6.0])
def test_a_fixed_shift_is_that_of_diffusers_training_table(factor: float) -> None:
    theirs = FlowMatchEulerDiscreteScheduler(shift=factor)
    shift = FlowTable.from_config(dict(theirs.config)).shift
    assert torch.allclose(torch.tensor(shift.levels(1000)), theirs.sigmas, rtol=1e-5)
    assert not shift.by_resolution


def test_the_documented_levels_of_flux_come_out() -> None:
    levels = FlowTable.from_config(FLUX).shift.levels(5, 32 * 32)
    assert [round(1000 * sigma, 1) for sigma in levels] == [1000, 849.4, 652.9, 385.9, 1.9]


def test_a_config_that_is_silent_about_shifts_means_the_familys() -> None:
    row = FlowShift(3.0)
    assert FlowTable.from_config({"num_train_timesteps": 1000}, row).shift is row
    assert FlowTable.from_config({"shift": 6.0}, row).shift.low == 6.0
    assert FlowTable.from_config({}).shift == FlowShift(1.0)


def test_the_families_have_the_published_shifts() -> None:
    assert FAMILIES["flux"].shift == FlowShift(0.5, 1.15)
    assert FAMILIES["krea2"].shift == FlowShift(0.5, 1.15, tokens=(256, 6400))
    assert FAMILIES["qwen_image"].shift == FlowShift(0.5, 0.9, tokens=(256, 8192), terminal=0.02)
    assert FAMILIES["ltx2"].shift == FlowShift(0.95, 2.05, tokens=(1024, 4096), terminal=0.1)
    assert FAMILIES["cogview4"].shift == FlowShift(0.25, 0.75, linear=True)
    fixed = {"sd3": 3, "lumina2": 6, "wan21": 3, "wan22_5b": 5, "hidream": 3}
    assert {arch: FAMILIES[arch].shift for arch in fixed} == {
        arch: FlowShift(value) for arch, value in fixed.items()
    }


def test_levels_without_a_closed_form_are_refused() -> None:
    with pytest.raises(ValueError, match="beta"):
        FlowTable.from_config(FLUX | {"use_beta_sigmas": True}).shift.levels(8, 256)
    with pytest.raises(ConfigError, match="counts 100 timesteps"):
        FlowTable.from_config({"num_train_timesteps": 100})
