"""Learning-rate curves and SNR weights against their formulas and torch's schedulers."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from schema.formulas.learning_rate import SCHEDULES, Schedule, parse_step_rules
from schema.formulas.snr import min_snr_weight
from schema.sections.train import Train


def _curve(name: str, params: dict[str, Any], steps: int, base: float = 1.0) -> list[float]:
    schedule = Schedule(name, params, steps)
    return [schedule.rate(base, done) for done in range(steps)]


def _torch_curve(scheduler: Any, steps: int) -> list[float]:
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    schedule, rates = scheduler(optimizer), []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return rates


LR = torch.optim.lr_scheduler


@pytest.mark.proves(
    "train.lr_scheduler",
    "train.lr_scheduler_params.total_iters",
    "train.lr_scheduler_params.factor",
    "train.lr_scheduler_params.start_factor",
    "train.lr_scheduler_params.end_factor",
    "train.lr_scheduler_params.eta_min",
    "train.lr_scheduler_params.T_0",
    "train.lr_scheduler_params.T_mult",
    "train.lr_scheduler_params.step_size",
    "train.lr_scheduler_params.gamma",
)
@pytest.mark.parametrize(
    ("name", "params", "theirs"),
    [
        ("constant", {}, lambda o: LR.ConstantLR(o, factor=1.0)),
        ("constant", {"factor": 0.25, "total_iters": 4}, lambda o: LR.ConstantLR(o, 0.25, 4)),
        ("linear", {}, lambda o: LR.LinearLR(o, total_iters=10)),
        (
            "linear",
            {"start_factor": 1.0, "end_factor": 0.0, "total_iters": 7},
            lambda o: LR.LinearLR(o, 1.0, 0.0, 7),
        ),
        ("cosine", {"eta_min": 0.1}, lambda o: LR.CosineAnnealingLR(o, 10, 0.1)),
        (
            "cosine_with_restarts",
            {"T_0": 2, "T_mult": 2},
            lambda o: LR.CosineAnnealingWarmRestarts(o, 2, 2),
        ),
        (
            "cosine_with_restarts",
            {"total_iters": 3, "eta_min": 0.2},
            lambda o: LR.CosineAnnealingWarmRestarts(o, 3, 1, 0.2),
        ),
        ("step", {"step_size": 3, "gamma": 0.5}, lambda o: LR.StepLR(o, 3, 0.5)),
    ],
)
def test_schedules_follow_torch(name: str, params: dict[str, Any], theirs: Any) -> None:
    assert _curve(name, params, 10) == pytest.approx(_torch_curve(theirs, 10), abs=1e-12)


@pytest.mark.proves(
    "train.lr_scheduler_params.num_warmup_steps",
    "train.lr_scheduler_params.num_training_steps",
    "train.lr_scheduler_params.lr_end",
    "train.lr_scheduler_params.power",
    "train.lr_scheduler_params.step_rules",
)
@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("constant_with_warmup", {"num_warmup_steps": 4}),
        ("polynomial", {"num_warmup_steps": 3, "lr_end": 0.01, "power": 2.0}),
        ("polynomial", {"num_training_steps": 6, "lr_end": 0.01}),
        ("piecewise_constant", {"step_rules": "1:3,0.5:7,0.1"}),
    ],
)
def test_schedules_follow_diffusers(name: str, params: dict[str, Any]) -> None:
    from diffusers.optimization import get_scheduler

    def theirs(optimizer: Any) -> Any:
        if name == "piecewise_constant":
            return get_scheduler(name, optimizer, step_rules=params["step_rules"])
        if name == "polynomial":
            return _polynomial(optimizer, params)
        return get_scheduler(name, optimizer, num_warmup_steps=params["num_warmup_steps"])

    assert _curve(name, params, 10) == pytest.approx(_torch_curve(theirs, 10), abs=1e-12)


def _polynomial(optimizer: Any, params: dict[str, Any]) -> Any:
    from diffusers.optimization import get_polynomial_decay_schedule_with_warmup

    return get_polynomial_decay_schedule_with_warmup(
        optimizer,
        params.get("num_warmup_steps", 0),
        params.get("num_training_steps", 10),
        lr_end=params["lr_end"],
        power=params.get("power", 1.0),
    )


def test_cosine_over_ten_steps_gives_the_documented_numbers() -> None:
    expected = [1, 0.9755, 0.9045, 0.7939, 0.6545, 0.5, 0.3455, 0.2061, 0.0955, 0.0245]
    assert _curve("cosine", {}, 10) == pytest.approx(expected, abs=5e-5)


def test_cosine_holds_its_end_when_it_is_shorter_than_the_run() -> None:
    assert _curve("cosine", {"total_iters": 4, "eta_min": 0.3}, 8)[4:] == [0.3] * 4


def test_absolute_ends_do_not_scale_with_the_base_rate() -> None:
    assert Schedule("cosine", {"eta_min": 1e-6}, 5).rate(1e-4, 5) == pytest.approx(1e-6)
    assert Schedule("polynomial", {"lr_end": 1e-6}, 5).rate(1e-4, 5) == pytest.approx(1e-6)


@pytest.mark.proves("train.lr_scheduler_params.warmup_steps")
def test_warmup_steps_rise_before_any_schedule_and_shorten_it() -> None:
    rates = _curve("cosine", {"warmup_steps": 4}, 10)
    assert 0 < rates[0] < rates[1] < rates[2] < rates[3] < rates[4] == 1.0
    assert rates[4:] == pytest.approx([(1 + math.cos(math.pi * s / 6)) / 2 for s in range(6)])


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("constant", {}),
        ("linear", {"end_factor": 0.0}),
        ("cosine", {"T_max": 5, "warmup_steps": 2}),
        ("cosine_with_restarts", {"T_0": 3}),
        ("step", {"step_size": 2, "total_iters": 4}),
        ("constant_with_warmup", {"warmup_steps": 2}),
        ("polynomial", {"power": 2.0}),
        ("piecewise_constant", {"step_rules": "1:2,0.5"}),
    ],
)
def test_every_schedule_takes_what_the_config_can_say(name: str, given: dict[str, Any]) -> None:
    train = Train.model_validate({"lr_scheduler": name, "lr_scheduler_params": given})
    params = train.lr_scheduler_params.model_dump(exclude_none=True)
    assert all(0 <= rate <= 1 for rate in _curve(name, params, 10))


def test_an_unknown_parameter_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"cosine does not know gamma; it knows .*eta_min"):
        Schedule("cosine", {"gamma": 0.5}, 10)
    assert len(SCHEDULES) == 8


def test_bad_step_rules_are_explained() -> None:
    assert parse_step_rules("1:20, 0.1:5, 0.01") == ([(5, 0.1), (20, 1.0)], 0.01)
    with pytest.raises(ValueError, match="must look like"):
        parse_step_rules("1;20")


def test_min_snr_weights_only_the_easy_steps_down() -> None:
    assert min_snr_weight(20, 5) == 0.25
    assert min_snr_weight(1, 5) == 1.0
    assert min_snr_weight(0, 5) == 1.0
