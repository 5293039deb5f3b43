"""Preview samplers: every name of the option gives the scheduler that it says."""

from __future__ import annotations

import math
from typing import Any, get_args

import pytest
import torch

from engine.errors import ConfigError
from engine.families.samplers import FLOW_SAMPLERS, SAMPLERS, lms_class, make_scheduler
from schema.formulas.sigmas import FlowShift, karras
from schema.sections.sample import Sampler

MODEL = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "prediction_type": "v_prediction",
}

# the ancestral step of DDPM is that of Euler, written for the other scale of the noisy latents
SAME = {("ddpm", "euler_a")}


def test_every_sampler_of_the_option_is_there_and_no_other() -> None:
    assert set(get_args(Sampler)) == set(SAMPLERS) | set(FLOW_SAMPLERS)
    assert not set(SAMPLERS) & set(FLOW_SAMPLERS)


@pytest.mark.proves("sample.sampler")
@pytest.mark.parametrize("name", list(SAMPLERS))
def test_a_sampler_keeps_the_models_noise_levels_and_prediction(name: str) -> None:
    scheduler = make_scheduler(name, MODEL)
    scheduler.set_timesteps(20)
    config = scheduler.config
    assert {key: config[key] for key in MODEL} == MODEL
    assert config.timestep_spacing == "leading"
    assert not config.get("clip_sample", False)
    assert len(scheduler.timesteps) in (20, 21, 39)  # pndm repeats one; second-order ones double
    assert bool(config.get("use_karras_sigmas")) == name.startswith("k_")


@pytest.mark.proves("sample.sampler")
def test_custom_lcm_steps_through_the_whole_table_in_any_number() -> None:
    scheduler = make_scheduler("custom_lcm", MODEL)
    scheduler.set_timesteps(80)
    assert len(scheduler.timesteps) == 80
    plain = make_scheduler("lcm", MODEL)
    with pytest.raises(ValueError, match="original_steps"):
        plain.set_timesteps(80)
    scheduler.set_timesteps(4)
    plain.set_timesteps(4)
    assert scheduler.timesteps.tolist() == [999, 749, 499, 249]
    assert plain.timesteps.tolist() != scheduler.timesteps.tolist()  # from a list of 50


@pytest.mark.proves("sample.sampler")
def test_flowmatch_follows_the_models_shift_and_mean_flow_has_none() -> None:
    fixed = {"_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 3.0}
    for name in ("flowmatch", "ddpm"):  # the option's default means the only kind there is
        scheduler = make_scheduler(name, fixed)
        assert type(scheduler).__name__ == "FlowMatchEulerDiscreteScheduler"
        scheduler.set_timesteps(sigmas=[1.0, 0.75, 0.5, 0.25])
        expected = [FlowShift(3.0).factor(0) * s / (1 + 2 * s) for s in (1.0, 0.75, 0.5, 0.25)]
        assert scheduler.sigmas[:-1].tolist() == pytest.approx(expected, rel=1e-5)
    straight = make_scheduler("mean_flow", fixed | {"use_dynamic_shifting": True})
    straight.set_timesteps(sigmas=[1.0, 0.75, 0.5, 0.25])
    assert straight.sigmas.tolist() == [1.0, 0.75, 0.5, 0.25, 0.0]
    for name in ("euler", "lcm"):
        with pytest.raises(ConfigError, match="flowmatch, mean_flow"):
            make_scheduler(name, fixed)
    with pytest.raises(ConfigError, match="'flowmatch' is not a sampler"):
        make_scheduler("flowmatch", MODEL)


@pytest.mark.proves("sample.sampler")
@pytest.mark.parametrize("name", ["k_euler", "k_lms", "k_dpmsolver++"])
def test_karras_samplers_have_the_closed_form(name: str) -> None:
    scheduler = make_scheduler(name, MODEL)
    scheduler.set_timesteps(20)
    sigmas = scheduler.sigmas[:20].tolist()
    assert sigmas == pytest.approx(karras(sigmas[0], sigmas[-1], 20), rel=1e-4)
    plain = make_scheduler(name.removeprefix("k_"), MODEL)
    plain.set_timesteps(20)
    assert plain.sigmas[:20].tolist() != pytest.approx(sigmas, rel=1e-2)


@pytest.mark.proves("sample.sampler")
def test_every_sampler_draws_in_its_own_way(sd1: Any) -> None:
    drawn: dict[str, torch.Tensor] = {}
    alike: set[tuple[str, str]] = set()
    inputs = sd1.pipeline_inputs(sd1.encode_prompts(["a red circle"]), sd1.encode_prompts([""]))
    for name in SAMPLERS:
        latents = sd1.preview_pipeline(name)(
            **inputs,
            width=64,
            height=64,
            num_inference_steps=6,
            generator=torch.Generator().manual_seed(3),
            output_type="latent",
        ).images
        assert latents.isfinite().all(), name
        alike |= {(o, name) for o, x in drawn.items() if torch.allclose(latents, x, atol=1e-3)}
        drawn[name] = latents
    assert alike == SAME


def test_an_unknown_sampler_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match=r"sample\.sampler.*'foo'"):
        make_scheduler("foo", MODEL)


def test_lms_coefficients_are_the_exact_integrals() -> None:
    scheduler = lms_class().from_config(make_scheduler("lms", MODEL).config)
    scheduler.set_timesteps(10)
    s = [float(value) for value in scheduler.sigmas]
    t = 4
    assert math.isclose(scheduler.get_lms_coefficient(1, t, 0), s[t + 1] - s[t], rel_tol=1e-6)
    # order 2: the integral of (x - s[t-1]) / (s[t] - s[t-1]) from s[t] to s[t+1]
    exact = ((s[t + 1] - s[t - 1]) ** 2 - (s[t] - s[t - 1]) ** 2) / (2 * (s[t] - s[t - 1]))
    assert math.isclose(scheduler.get_lms_coefficient(2, t, 0), exact, rel_tol=1e-6)
    # the coefficients of one order add up to the length of the step
    total = sum(scheduler.get_lms_coefficient(4, t, i) for i in range(4))
    assert math.isclose(total, s[t + 1] - s[t], rel_tol=1e-6)
