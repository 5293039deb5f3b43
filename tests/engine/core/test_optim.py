"""Optimizers, clipping and averages against hand-computed values and torch's own functions."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from engine.errors import ConfigError, MissingExtraError
from engine.optim.clipping import clip_groups
from engine.optim.ema import Ema
from engine.optim.optimizers import OPTIMIZERS, build_optimizer
from engine.optim.schedule import LearningRates


def _toy(value: float = 1.0, gradient: float = 0.5) -> nn.Parameter:
    parameter = nn.Parameter(torch.full((2, 3), value))
    parameter.grad = torch.full((2, 3), gradient)
    return parameter


def _after(name: str, steps: int = 1, lr: float = 0.1, **params: Any) -> float:
    parameter = _toy()
    optimizer = build_optimizer(name, params, [{"name": "a", "params": [parameter], "lr": lr}])
    for index in range(steps):
        parameter.grad = torch.full((2, 3), 0.5 / (1 + index))
        optimizer.step()
    return parameter[0, 0].item()


def test_one_step_of_each_adam_is_its_formula() -> None:
    # m/sqrt(v) is 0.5/(0.5 + eps) after bias correction; eps is the field's 1e-6.
    move = 0.1 * 0.5 / (0.5 + 1e-6)
    assert _after("adam") == pytest.approx(1 - move, abs=1e-6)
    assert _after("adamw") == pytest.approx(1 - 0.1 * 0.01 - move, abs=1e-6)


@pytest.mark.proves("train.optimizer_params", "train.optimizer_params.weight_decay")
def test_weight_decay_is_decoupled_in_adamw_and_l2_in_adam() -> None:
    move = 0.1 * 0.5 / (0.5 + 1e-6)
    assert _after("adamw", weight_decay=0.5) == pytest.approx(1 - 0.05 - move, abs=1e-6)
    assert _after("adam", weight_decay=0.5) == pytest.approx(1 - 0.1, abs=1e-5)


@pytest.mark.proves("train.optimizer_params.eps")
def test_the_users_eps_wins() -> None:
    assert _after("adamw", eps=0.5, weight_decay=0.0) == pytest.approx(1 - 0.05, abs=1e-6)


@pytest.mark.proves("train.optimizer_params.betas", "train.optimizer_params.amsgrad")
@pytest.mark.parametrize("changed", [{"betas": [0.5, 0.9]}, {"amsgrad": True}])
@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_betas_and_amsgrad_reach_the_optimizer(name: str, changed: dict[str, Any]) -> None:
    # A short memory, so that the second moment falls and its maximum matters.
    plain: dict[str, Any] = {"betas": [0.5, 0.5]}
    assert _after(name, steps=6, **(plain | changed)) != _after(name, steps=6, **plain)


@pytest.mark.proves("train.optimizer_params.maximize")
@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_maximize_climbs(name: str) -> None:
    assert _after(name, maximize=True, weight_decay=0.0) > 1 > _after(name, weight_decay=0.0)


@pytest.mark.proves("train.optimizer_params.fused", "train.optimizer_params.foreach")
@pytest.mark.parametrize("wish", [{"fused": False}, {"foreach": True}, {"fused": True}])
def test_the_wished_kernel_does_the_update(wish: dict[str, bool]) -> None:
    groups = [{"name": "a", "params": [_toy(), _toy()], "lr": 0.1}]
    optimizer = build_optimizer("adamw", wish, groups)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        optimizer.step()
    calls = {event.key for event in profile.key_averages()}
    assert ("aten::_fused_adamw_" in calls) == bool(wish.get("fused"))
    assert any("_foreach_sqrt" in call for call in calls) == bool(wish.get("foreach"))


@pytest.mark.proves("train.optimizer_params.min_8bit_size")
def test_small_tensors_keep_whole_moments_below_the_chosen_size() -> None:
    pytest.importorskip("bitsandbytes")
    for smallest, dtype in ((1, torch.uint8), (4096, torch.float32)):
        parameter = nn.Parameter(torch.ones(64, 32))
        parameter.grad = torch.ones(64, 32)
        groups = [{"name": "a", "params": [parameter], "lr": 0.1}]
        optimizer = build_optimizer("adamw8bit", {"min_8bit_size": smallest}, groups)
        optimizer.step()
        assert optimizer.state[parameter]["state1"].dtype == dtype


@pytest.mark.proves("train.optimizer_params.is_paged")
def test_paged_moments_are_asked_of_the_library() -> None:
    pytest.importorskip("bitsandbytes")
    for paged in (False, True):
        groups = [{"name": "a", "params": [_toy()], "lr": 0.1}]
        optimizer = build_optimizer("adamw8bit", {"is_paged": paged}, groups)
        assert optimizer.is_paged == paged  # type: ignore[attr-defined]


@pytest.mark.proves(
    "train.optimizer_params.scale_parameter",
    "train.optimizer_params.relative_step",
    "train.optimizer_params.warmup_init",
    "train.optimizer_params.clip_threshold",
    "train.optimizer_params.decay_rate",
    "train.optimizer_params.beta1",
)
def test_adafactor_follows_its_settings() -> None:
    # update = g / sqrt(v) = 1, RMS 1, so one step is the rate.
    assert _after("adafactor", lr=0.1) == pytest.approx(0.9, abs=1e-4)
    assert _after("adafactor", lr=0.1, clip_threshold=0.5) == pytest.approx(0.95, abs=1e-4)
    relative = {"relative_step": True, "scale_parameter": False}
    assert _after("adafactor", **relative) == pytest.approx(0.99, abs=1e-4)
    assert _after("adafactor", **relative, warmup_init=True) == pytest.approx(1 - 1e-6, abs=1e-6)
    for changed in ({"decay_rate": -0.2}, {"beta1": 0.5}, {"weight_decay": 0.1}):
        assert _after("adafactor", steps=4, **changed) != _after("adafactor", steps=4)
    doubled = _toy(2.0)
    build_optimizer(
        "adafactor", {"scale_parameter": True}, [{"name": "a", "params": [doubled], "lr": 0.1}]
    ).step()
    assert doubled[0, 0].item() == pytest.approx(2 - 0.2, abs=1e-3)


def test_adafactors_own_rate_is_left_alone_by_the_schedule() -> None:
    groups = [{"name": "a", "params": [_toy()], "lr": 0.1}]
    optimizer = build_optimizer("adafactor", {"relative_step": True}, groups)
    assert LearningRates(optimizer, "constant", {}, 5).set(0) == {}
    assert optimizer.param_groups[0]["lr"] is None


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["adamw8bit", "adam8bit"])
def test_eight_bit_moments_are_eight_bits(name: str) -> None:
    pytest.importorskip("bitsandbytes")
    parameter = nn.Parameter(torch.randn(128, 128))
    parameter.grad = torch.randn(128, 128)
    optimizer = build_optimizer(name, {}, [{"name": "a", "params": [parameter], "lr": 0.1}])
    optimizer.step()
    assert {optimizer.state[parameter][key].dtype for key in ("state1", "state2")} == {torch.uint8}


def test_a_missing_package_names_the_extra_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "bitsandbytes", None)
    with pytest.raises(MissingExtraError, match=r"finetui\[8bit\]"):
        build_optimizer("adamw8bit", {}, [{"name": "a", "params": [_toy()], "lr": 0.1}])


def test_unknown_names_and_settings_are_config_errors() -> None:
    groups = [{"name": "a", "params": [_toy()], "lr": 0.1}]
    with pytest.raises(ConfigError, match="known are adamw, adam"):
        build_optimizer("sgd", {}, groups)
    with pytest.raises(ConfigError, match="optimizer_params"):
        build_optimizer("adamw", {"momentum": 1}, groups)
    assert len(OPTIMIZERS) == 19


def _group(size: int = 5, scale: float = 3.0) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    group: list[torch.Tensor] = []
    for index in range(size):
        parameter = nn.Parameter(torch.zeros(3, index + 1))
        parameter.grad = scale * torch.randn(3, index + 1, generator=generator)
        group.append(parameter)
    return group


def test_clipping_equals_torchs() -> None:
    ours, theirs = _group(), _group()
    norm = clip_groups([ours], 1.0)
    expected = torch.nn.utils.clip_grad_norm_(theirs, 1.0)
    assert norm is not None
    assert torch.allclose(norm, expected)
    for one, other in zip(ours, theirs, strict=True):
        assert one.grad is not None
        assert other.grad is not None
        assert torch.allclose(one.grad, other.grad)


def test_each_group_is_clipped_by_itself_and_the_norm_is_of_all() -> None:
    loud, quiet = _group(scale=100.0), _group(scale=1e-3)
    before = [p.grad.clone() for p in quiet if p.grad is not None]
    norms = [
        torch.nn.utils.get_total_norm([p.grad for p in g if p.grad is not None])
        for g in (loud, quiet)
    ]
    norm = clip_groups([loud, quiet], 1.0)
    assert norm is not None
    assert norm.item() == pytest.approx(torch.stack(norms).norm().item(), rel=1e-5)
    assert all(torch.equal(p.grad, b) for p, b in zip(quiet, before, strict=True))  # type: ignore[arg-type]


def test_without_a_limit_the_norm_is_measured_only() -> None:
    group = _group()
    before = [p.grad.clone() for p in group if p.grad is not None]
    assert clip_groups([group], None) is not None
    assert all(torch.equal(p.grad, b) for p, b in zip(group, before, strict=True))  # type: ignore[arg-type]
    for parameter in group:
        parameter.grad = None
    assert clip_groups([group], 1.0) is None


def test_an_average_follows_its_formula_and_swaps_in_and_out() -> None:
    weight = nn.Parameter(torch.tensor([0.0]))
    ema = Ema({"w": weight}, 0.9)
    expected = 0.0
    for value in (1.0, 2.0, 3.0):
        with torch.no_grad():
            weight.fill_(value)
        ema.update()
        expected = 0.9 * expected + 0.1 * value
    assert ema.state_dict()["w"].item() == pytest.approx(expected)
    with ema.swapped_in():
        assert weight.item() == pytest.approx(expected)
    assert weight.item() == 3.0
    with pytest.raises(RuntimeError), ema.swapped_in():
        raise RuntimeError
    assert weight.item() == 3.0
    other = Ema({"w": nn.Parameter(torch.tensor([9.0]))}, 0.9)
    other.load_state_dict(ema.state_dict())
    assert torch.equal(other.state_dict()["w"], ema.state_dict()["w"])


def test_a_bad_schedule_setting_names_its_option() -> None:
    optimizer = torch.optim.SGD([{"params": [_toy()], "name": "a", "lr": 0.1}])
    with pytest.raises(ConfigError, match=r"train.lr_scheduler_params: cosine does not know gamma"):
        LearningRates(optimizer, "cosine", {"gamma": 1}, 10)
