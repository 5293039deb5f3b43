"""Optimizers whose rates follow the signs of updates, swapped weights, averages with feedback."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from engine.errors import ConfigError
from engine.optim.ema import Ema
from engine.optim.swapping import ParameterSwapping
from schema.run.layout import RunFolder
from schema.run.metrics import MetricsReader
from tests.engine.core import runs
from tests.engine.core.toys import BIG, Toy, backward, parameter_of, push

NewRun = Callable[..., RunFolder]


# -- rates that follow signs ---------------------------------------------------------------


@pytest.mark.proves(
    "train.optimizer_params.lr_bump",
    "train.optimizer_params.min_lr",
    "train.optimizer_params.max_lr",
    "train.optimizer_params.beta2",
)
def test_automagic_moves_the_rate_of_every_weight_by_its_sign() -> None:
    settings = {"lr_bump": 1e-4, "min_lr": 1e-4, "max_lr": 5e-4}
    parameter, optimizer = parameter_of(1.0, "automagic", 3e-4, **settings)

    def rate() -> float:
        return float(optimizer.reported_rates()["a"])

    # Stored signs begin as "not positive": a first positive update differs from them.
    expected = [2e-4, 3e-4, 4e-4, 5e-4, 5e-4, 4e-4]
    value = 1.0
    for gradient, wanted in zip([0.5, 0.5, 0.5, 0.5, 0.5, -0.5], expected, strict=True):
        push(parameter, optimizer, gradient)
        assert rate() == pytest.approx(wanted, rel=1e-4)
        # g / sqrt(v) is clipped to an RMS of 1, so an update is the rate or less.
        assert 0 < abs(parameter[0, 0].item() - value) <= wanted * 1.0001
        value = parameter[0, 0].item()
    other, quick = parameter_of(1.0, "automagic", 3e-4, beta2=0.5, **settings)
    slow, calm = parameter_of(1.0, "automagic", 3e-4, **settings)
    for gradient in (0.5, 0.1):
        push(other, quick, gradient)
        push(slow, calm, gradient)
    assert not torch.equal(other, slow)


def test_a_wide_span_of_rates_is_counted_in_wider_numbers() -> None:
    for highest, dtype in ((1e-3, torch.int16), (0.5, torch.int32)):
        parameter, optimizer = parameter_of(1.0, "automagic", 3e-4, max_lr=highest)
        push(parameter, optimizer, 0.5)
        assert optimizer.state[parameter]["bumps"].dtype == dtype


@pytest.mark.proves("train.optimizer_params.agreement_threshold")
def test_automagic2_updates_in_the_backward_pass_and_raises_its_rate_by_agreement() -> None:
    for threshold, grown in ((0.5, True), (0.9, False)):
        settings = {"lr_bump": 1e-4, "agreement_threshold": threshold}
        parameter, optimizer = parameter_of(1.0, "automagic2", 3e-4, **settings)
        before = parameter.detach().clone()
        backward((parameter * 0.5).sum())
        assert parameter.grad is None
        assert not torch.equal(parameter, before)
        signs = torch.tensor([[1.0, 1.0, 1.0], [1.0, -1.0, -1.0]])  # two thirds agree
        backward((parameter * signs).sum())
        rate = float(optimizer.reported_rates()["a"])
        assert rate == pytest.approx(4e-4 if grown else 2e-4, rel=1e-4)


@pytest.mark.proves("train.optimizer_params.polarity_history", "train.optimizer_params.fused")
@pytest.mark.parametrize("name", ["automagic3", "automagicexperiment"])
def test_the_groups_rate_rises_by_agreement_and_falls_by_alternation(name: str) -> None:
    for signs, factor in (([1, 1, 1, 1], math.e), ([1, -1, 1, -1], 1 / math.e)):
        for fused in (True, False):
            parameter, optimizer = parameter_of(1.0, name, 1e-3, polarity_history=4, fused=fused)
            for number, sign in enumerate(signs):
                assert float(optimizer.reported_rates()["a"]) == pytest.approx(1e-3), number
                backward((parameter * sign).sum())
                assert (parameter.grad is None) == fused
                optimizer.step()
            assert float(optimizer.reported_rates()["a"]) == pytest.approx(1e-3 * factor)


def test_the_limits_of_the_controlled_rate_hold_and_noise_does_not_move_it() -> None:
    parameter, optimizer = parameter_of(1.0, "automagic3", 1e-3, polarity_history=2, max_lr=1.5e-3)
    for _ in range(4):
        push(parameter, optimizer, 1.0)
    assert float(optimizer.reported_rates()["a"]) == pytest.approx(1.5e-3)
    parameter, optimizer = parameter_of(1.0, "automagic3", 1e-3, polarity_history=4)
    for sign in (1, 1, -1, 1, 1, -1):  # neither all equal nor strictly alternating
        push(parameter, optimizer, sign)
    assert float(optimizer.reported_rates()["a"]) == pytest.approx(1e-3)


def test_broken_gradients_change_nothing_in_automagic3() -> None:
    parameter, optimizer = parameter_of(1.0, "automagic3", 1e-3)
    push(parameter, optimizer, math.nan)
    assert torch.equal(parameter, torch.ones(2, 3))


def test_the_experiment_keeps_a_full_second_moment_in_eight_bits() -> None:
    toy = Toy("automagicexperiment", 1e-3, BIG, fused=False).run(1)
    state = toy.optimizer.state[toy.matrix]["root"]
    assert state["codes"].dtype == torch.int8
    with pytest.raises(ConfigError, match="betas"):
        parameter_of(1.0, "automagicexperiment", 1e-3, betas=[0.5, 0.9])
    assert toy.differs(Toy("automagicexperiment", 1e-3, BIG, weight_decay=0.5).run(1))


# -- a part of the weights at a time -------------------------------------------------------


@pytest.mark.proves("train.do_paramiter_swapping", "train.paramiter_swapping_factor")
def test_a_share_of_the_weights_is_trained_and_another_in_the_next_step() -> None:
    parameters = [nn.Parameter(torch.ones(10)) for _ in range(20)]

    def active(swap: ParameterSwapping, step: int) -> set[int]:
        swap(step)
        return {index for index, p in enumerate(parameters) if p.requires_grad}

    swap = ParameterSwapping(parameters, 0.25, seed=1)
    first, second = active(swap, 1), active(swap, 2)
    assert len(first) == len(second) == 4  # the fifth would reach the quarter
    assert first != second
    assert active(ParameterSwapping(parameters, 0.25, seed=1), 1) == first
    assert len(active(ParameterSwapping(parameters, 1e-6, seed=1), 1)) == 1
    assert len(active(ParameterSwapping(parameters, 1.0, seed=1), 1)) == 20


def test_a_run_that_swaps_changes_only_what_is_on(new_run: NewRun) -> None:
    settings: dict[str, Any] = {
        "train__optimizer": "adafactor",
        "train__do_paramiter_swapping": True,
        "train__paramiter_swapping_factor": 0.2,
        "train__steps": 1,
        "save__save_every": 1,
    }
    folder = runs.finished(new_run, **settings)
    after = runs.state_of(folder, 1)
    # B starts at zero, so that what was updated is what is not zero any more.
    changed = [name for name, t in after.items() if "lora_B" in name and bool(t.any())]
    total = [name for name in after if "lora_B" in name]
    assert 0 < len(changed) < len(total) / 2


# -- averages ------------------------------------------------------------------------------


@pytest.mark.proves("train.ema_config.use_feedback", "train.ema_config.param_multiplier")
def test_feedback_pulls_the_weights_and_the_multiplier_scales_them() -> None:
    weight = nn.Parameter(torch.tensor([0.0]))
    ema = Ema({"w": weight}, 0.9, feedback=True, multiplier=0.99)
    with torch.no_grad():
        weight.fill_(1.0)
    ema.update()
    # gap = (0 - 1) * 0.1; the average moves by 0.1, the weight by 10 times the gap.
    assert ema.state_dict()["w"].item() == pytest.approx(0.1)
    assert weight.item() == pytest.approx((1.0 - 10 * 0.1) * 0.99, abs=1e-6)


@pytest.mark.parametrize("name", ["automagic2", "automagic3", "prodigy"])
def test_a_run_records_the_rate_that_the_optimizer_chose(new_run: NewRun, name: str) -> None:
    folder = runs.finished(new_run, train__optimizer=name, train__lr=1e-4, train__steps=10)
    rows = MetricsReader(folder.metrics)
    rows.poll()
    rates = [row["lr/unet"] for row in rows.rows()]
    assert len(rates) == 10
    assert len(set(rates)) > 1
