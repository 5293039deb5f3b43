"""Preview samplers: every name of the option gives the scheduler that it says."""

from __future__ import annotations

import math
from typing import get_args

import pytest

from engine.errors import ConfigError
from engine.families.samplers import SAMPLERS, lms_class, make_scheduler
from schema.pending import waiting_values
from schema.sections.sample import Sampler

MODEL = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "prediction_type": "v_prediction",
}


def test_every_sampler_of_the_option_is_there_and_no_other() -> None:
    waiting = waiting_values("sample.sampler")
    assert set(get_args(Sampler)) - waiting.keys() == set(SAMPLERS)


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
