"""The optimizers beyond Adam: their formulas, their settings, and an exact return from disk."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from engine import checkpoint
from engine.errors import ConfigError, MissingExtraError
from engine.optim.ema import Ema
from engine.optim.exact import own_numbers, restore_numbers
from engine.optim.int8 import dither, pack, pack_square, unpack, unpack_square
from engine.optim.optimizers import OPTIMIZERS, build_optimizer
from engine.optim.schedule import LearningRates
from engine.optim.swapping import ParameterSwapping
from schema.run.layout import RunFolder
from schema.run.metrics import MetricsReader
from tests.engine.core import runs

NewRun = Callable[..., RunFolder]
BIG = (40, 120)  # 4800 values: above the size from which bitsandbytes uses 8 bits


def _backward(loss: torch.Tensor) -> None:
    torch.autograd.backward(loss)


class Toy:
    """A least-squares problem over a matrix and a vector, with an optimizer."""

    def __init__(self, name: str, lr: float = 0.05, shape: tuple[int, int] = (6, 8), **params: Any):
        random = torch.Generator().manual_seed(3)
        self.matrix = nn.Parameter(torch.randn(shape, generator=random))
        self.vector = nn.Parameter(torch.randn(shape[0], generator=random))
        self.goal = torch.randn(shape, generator=random)
        groups = [{"name": "a", "params": [self.matrix, self.vector], "lr": lr}]
        self.optimizer = build_optimizer(name, params, groups)
        self.count = 0

    def run(self, steps: int) -> Toy:
        """So many updates; every step looks at other columns."""
        for _ in range(steps):
            self.count += 1
            weight = torch.linspace(0.5, 1.5, self.goal.shape[1]).roll(self.count)
            error = (self.matrix + self.vector[:, None] - self.goal) * weight
            _backward(error.square().mean())
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)
        return self

    @property
    def loss(self) -> float:
        return (self.matrix + self.vector[:, None] - self.goal).square().mean().item()

    @property
    def weights(self) -> torch.Tensor:
        return torch.cat([self.matrix.flatten(), self.vector]).detach().clone()

    def differs(self, other: Toy) -> bool:
        return not torch.equal(self.weights, other.weights)


def _set(value: float, name: str, lr: float, **params: Any) -> tuple[nn.Parameter, Any]:
    parameter = nn.Parameter(torch.full((2, 3), value))
    groups = [{"name": "a", "params": [parameter], "lr": lr}]
    return parameter, build_optimizer(name, params, groups)


def _push(parameter: nn.Parameter, optimizer: Any, gradient: float) -> None:
    """One update with a given gradient, through a real backward pass."""
    _backward((parameter * gradient).sum())
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


RATES = {"automagic3": 1e-3, "automagicexperiment": 1e-3, "automagic": 5e-4, "automagic2": 5e-4}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.proves("train.optimizer")
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_lowers_the_loss_and_comes_back_from_disk_exactly(
    name: str, tmp_path: Path
) -> None:
    lr = RATES.get(name, 0.05)
    whole = Toy(name, lr, BIG)
    start = whole.loss
    whole.run(12)
    assert whole.loss < start
    first = Toy(name, lr, BIG).run(7)
    tree = {
        "weights": [first.matrix.detach(), first.vector.detach()],
        "state": first.optimizer.state_dict()["state"],
        "numbers": own_numbers(first.optimizer),
    }
    checkpoint.write(tmp_path / "step_000000007", 7, {"part": tree})
    saved = checkpoint.newest_valid(tmp_path, print)
    assert saved is not None
    back = saved.load("part")
    second = Toy(name, lr, BIG)
    second.count = 7
    with torch.no_grad():
        second.matrix.copy_(back["weights"][0])
        second.vector.copy_(back["weights"][1])
    own = second.optimizer.state_dict()["param_groups"]
    second.optimizer.load_state_dict({"state": back["state"], "param_groups": own})
    restore_numbers(second.optimizer, back["numbers"])
    assert not whole.differs(second.run(5))


# -- codes ---------------------------------------------------------------------------------


def test_codes_give_values_back_within_a_code_and_on_average_exactly() -> None:
    values = torch.randn(1000, generator=torch.Generator().manual_seed(1))
    step = values.abs().max() / 127
    packed = pack(values, dither(1, 1, values))
    assert packed["codes"].dtype == torch.int8
    assert (unpack(packed, values) - values).abs().max() <= step
    mean = torch.stack([unpack(pack(values, dither(k, 1, values)), values) for k in range(300)])
    assert (mean.mean(0) - values).abs().max() < step / 3


def test_a_small_second_moment_is_never_rounded_to_nothing() -> None:
    values = torch.tensor([1e-12, 0.0, 1.0])
    back = unpack_square(pack_square(values, dither(1, 1, values)), values)
    assert back[0] > 0
    assert back[1] == 0
    assert back[2] == pytest.approx(1.0)


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_adam_in_int8_goes_where_adam_goes_on_a_quarter_of_the_memory(name: str) -> None:
    ours, theirs = Toy(f"{name}8", 0.02, BIG, betas=[0.9, 0.99]), Toy(name, 0.02, BIG)
    theirs.optimizer.param_groups[0]["betas"] = (0.9, 0.99)
    start = ours.weights
    ours.run(40), theirs.run(40)
    moved = (theirs.weights - start).abs().mean()
    assert (ours.weights - theirs.weights).abs().mean() < 0.05 * moved
    state = ours.optimizer.state[ours.matrix]
    size = sum(t.numel() * t.element_size() for part in ("m", "v") for t in state[part].values())
    assert size < 8 * ours.matrix.numel() * 0.27


@pytest.mark.proves("train.optimizer_params.decouple")
def test_decay_is_apart_from_the_gradient_in_adamw8_and_in_it_in_adam8() -> None:
    for name, decouple, expected in (
        ("adamw8", True, 1 - 0.1 * 0.5 - 0.1),
        ("adam8", False, 1 - 0.1),
        ("adam8", True, 1 - 0.1 * 0.5 - 0.1),
    ):
        parameter, optimizer = _set(1.0, name, 0.1, weight_decay=0.5, decouple=decouple)
        _push(parameter, optimizer, 0.25)
        assert parameter[0, 0].item() == pytest.approx(expected, abs=2e-3)


# -- optimizers that find their own rate ---------------------------------------------------


@pytest.mark.proves(
    "train.optimizer_params.d_coef",
    "train.optimizer_params.d0",
    "train.optimizer_params.growth_rate",
    "train.optimizer_params.beta3",
    "train.optimizer_params.use_bias_correction",
    "train.optimizer_params.safeguard_warmup",
)
@pytest.mark.parametrize("name", ["prodigy", "prodigy8bit"])
def test_prodigys_settings_change_its_estimate_as_they_say(name: str) -> None:
    def estimate(steps: int = 60, **params: Any) -> float:
        toy = Toy(name, 1.0, **params).run(steps)
        return float(toy.optimizer.param_groups[0]["d"])

    plain = estimate()
    assert plain > 1e-6
    assert estimate(d_coef=2.0) > 1.2 * plain
    assert estimate(1, d0=1e-3) == pytest.approx(1e-3)
    # The first jump away from d0 is free; from there on growth is bounded.
    bounded = [estimate(steps, growth_rate=1.02) for steps in (50, 60)]
    assert bounded[1] <= bounded[0] * 1.02**10 * 1.001 < 1.001 * plain
    assert estimate(beta3=0.5) != plain
    assert estimate(use_bias_correction=True) != plain
    # Without safeguard, lr in the denominator cancels lr in the numerator; with it, the estimate
    # falls with lr.
    toys = [Toy(name, 0.5, safeguard_warmup=guarded).run(60) for guarded in (True, False)]
    guarded, cancelled = (float(toy.optimizer.param_groups[0]["d"]) for toy in toys)
    assert guarded < cancelled


def test_prodigy_in_int8_follows_the_package() -> None:
    # A bound on growth, as a real run has by its noise: the estimates must not race apart.
    ours = Toy("prodigy8bit", 1.0, BIG, growth_rate=1.3, d0=1e-4).run(30)
    theirs = Toy("prodigy", 1.0, BIG, growth_rate=1.3, d0=1e-4).run(30)
    pair = [float(toy.optimizer.param_groups[0]["d"]) for toy in (ours, theirs)]
    assert pair[0] == pytest.approx(pair[1], rel=0.1)
    assert ours.loss == pytest.approx(theirs.loss, rel=0.1)
    state = ours.optimizer.state[ours.matrix]
    assert {state[part]["codes"].dtype for part in ("m", "s", "moved")} == {torch.int8}


@pytest.mark.parametrize("name", ["prodigy", "prodigy8bit", "dadaptation"])
def test_estimating_optimizers_take_decay_both_ways(name: str) -> None:
    ways = [Toy(name, 1.0, d0=1e-3, weight_decay=0.5, decouple=d).run(4) for d in (True, False)]
    assert ways[0].differs(ways[1])
    assert ways[0].differs(Toy(name, 1.0, d0=1e-3, decouple=True).run(4))


@pytest.mark.proves("train.optimizer_params.slice_p")
def test_prodigy_estimates_from_every_pth_value() -> None:
    toy = Toy("prodigy", 1.0, slice_p=4).run(60)
    assert toy.optimizer.state[toy.matrix]["s"].numel() == 12
    assert toy.differs(Toy("prodigy", 1.0).run(60))


@pytest.mark.parametrize("name", ["prodigy", "prodigy8bit", "dadaptation", "dadaptationlion"])
def test_a_small_rate_becomes_one_and_the_rate_shown_is_d_times_lr(name: str) -> None:
    toy = Toy(name, 1e-4).run(3)
    group = toy.optimizer.param_groups[0]
    assert group["lr"] == 1.0
    rates = LearningRates(toy.optimizer, "constant", {}, 10).set(3)
    assert rates["a"] == pytest.approx(float(group["d"]))


@pytest.mark.parametrize("name", ["automagic", "automagic2", "automagic3"])
def test_every_group_starts_at_its_own_rate(name: str) -> None:
    groups = [
        {"name": str(lr), "params": [nn.Parameter(torch.ones(2))], "lr": lr} for lr in (1e-4, 2e-4)
    ]
    rates = build_optimizer(name, {}, groups).reported_rates()  # type: ignore[attr-defined]
    assert {name: float(rate) for name, rate in rates.items()} == pytest.approx(
        {"0.0001": 1e-4, "0.0002": 2e-4}
    )


def test_a_start_meant_for_another_optimizer_becomes_a_small_one() -> None:
    _, optimizer = _set(1.0, "automagic2", 0.01)
    assert optimizer.reported_rates()["a"] == pytest.approx(1e-6)


def test_rates_that_differ_are_refused_where_one_is_found_for_all() -> None:
    groups = [
        {"name": name, "params": [nn.Parameter(torch.ones(2))], "lr": lr}
        for name, lr in (("a", 1.0), ("b", 0.5))
    ]
    with pytest.raises(ConfigError, match="must be equal"):
        build_optimizer("prodigy", {}, groups)


# -- rates that follow signs ---------------------------------------------------------------


@pytest.mark.proves(
    "train.optimizer_params.lr_bump",
    "train.optimizer_params.min_lr",
    "train.optimizer_params.max_lr",
    "train.optimizer_params.beta2",
)
def test_automagic_moves_the_rate_of_every_weight_by_its_sign() -> None:
    settings = {"lr_bump": 1e-4, "min_lr": 1e-4, "max_lr": 5e-4}
    parameter, optimizer = _set(1.0, "automagic", 3e-4, **settings)

    def rate() -> float:
        return float(optimizer.reported_rates()["a"])

    # Stored signs begin as "not positive": a first positive update differs from them.
    expected = [2e-4, 3e-4, 4e-4, 5e-4, 5e-4, 4e-4]
    value = 1.0
    for gradient, wanted in zip([0.5, 0.5, 0.5, 0.5, 0.5, -0.5], expected, strict=True):
        _push(parameter, optimizer, gradient)
        assert rate() == pytest.approx(wanted, rel=1e-4)
        # g / sqrt(v) is clipped to an RMS of 1, so an update is the rate or less.
        assert 0 < abs(parameter[0, 0].item() - value) <= wanted * 1.0001
        value = parameter[0, 0].item()
    other, quick = _set(1.0, "automagic", 3e-4, beta2=0.5, **settings)
    slow, calm = _set(1.0, "automagic", 3e-4, **settings)
    for gradient in (0.5, 0.1):
        _push(other, quick, gradient)
        _push(slow, calm, gradient)
    assert not torch.equal(other, slow)


@pytest.mark.proves("train.optimizer_params.agreement_threshold")
def test_automagic2_updates_in_the_backward_pass_and_raises_its_rate_by_agreement() -> None:
    for threshold, grown in ((0.5, True), (0.9, False)):
        settings = {"lr_bump": 1e-4, "agreement_threshold": threshold}
        parameter, optimizer = _set(1.0, "automagic2", 3e-4, **settings)
        before = parameter.detach().clone()
        _backward((parameter * 0.5).sum())
        assert parameter.grad is None
        assert not torch.equal(parameter, before)
        signs = torch.tensor([[1.0, 1.0, 1.0], [1.0, -1.0, -1.0]])  # two thirds agree
        _backward((parameter * signs).sum())
        rate = float(optimizer.reported_rates()["a"])
        assert rate == pytest.approx(4e-4 if grown else 2e-4, rel=1e-4)


@pytest.mark.proves("train.optimizer_params.polarity_history", "train.optimizer_params.fused")
@pytest.mark.parametrize("name", ["automagic3", "automagicexperiment"])
def test_the_groups_rate_rises_by_agreement_and_falls_by_alternation(name: str) -> None:
    for signs, factor in (([1, 1, 1, 1], math.e), ([1, -1, 1, -1], 1 / math.e)):
        for fused in (True, False):
            parameter, optimizer = _set(1.0, name, 1e-3, polarity_history=4, fused=fused)
            for number, sign in enumerate(signs):
                assert float(optimizer.reported_rates()["a"]) == pytest.approx(1e-3), number
                _backward((parameter * sign).sum())
                assert (parameter.grad is None) == fused
                optimizer.step()
            assert float(optimizer.reported_rates()["a"]) == pytest.approx(1e-3 * factor)


def test_the_limits_of_the_controlled_rate_hold_and_noise_does_not_move_it() -> None:
    parameter, optimizer = _set(1.0, "automagic3", 1e-3, polarity_history=2, max_lr=1.5e-3)
    for _ in range(4):
        _push(parameter, optimizer, 1.0)
    assert float(optimizer.reported_rates()["a"]) == pytest.approx(1.5e-3)
    parameter, optimizer = _set(1.0, "automagic3", 1e-3, polarity_history=4)
    for sign in (1, 1, -1, 1, 1, -1):  # neither all equal nor strictly alternating
        _push(parameter, optimizer, sign)
    assert float(optimizer.reported_rates()["a"]) == pytest.approx(1e-3)


def test_broken_gradients_change_nothing_in_automagic3() -> None:
    parameter, optimizer = _set(1.0, "automagic3", 1e-3)
    _push(parameter, optimizer, math.nan)
    assert torch.equal(parameter, torch.ones(2, 3))


def test_the_experiment_keeps_a_full_second_moment_in_eight_bits() -> None:
    toy = Toy("automagicexperiment", 1e-3, BIG, fused=False).run(1)
    state = toy.optimizer.state[toy.matrix]["root"]
    assert state["codes"].dtype == torch.int8
    with pytest.raises(ConfigError, match="betas"):
        _set(1.0, "automagicexperiment", 1e-3, betas=[0.5, 0.9])
    assert toy.differs(Toy("automagicexperiment", 1e-3, BIG, weight_decay=0.5).run(1))


# -- settings of the libraries -------------------------------------------------------------


@pytest.mark.proves(
    "train.optimizer_params.lr_decay", "train.optimizer_params.initial_accumulator_value"
)
def test_adagrad_follows_its_formula() -> None:
    parameter, optimizer = _set(1.0, "adagrad", 0.1, initial_accumulator_value=3.0, lr_decay=1.0)
    _push(parameter, optimizer, 1.0)
    assert parameter[0, 0].item() == pytest.approx(1 - 0.1 / 2)
    _push(parameter, optimizer, 2.0)  # the rate is half by now, the sum 3 + 1 + 4
    assert parameter[0, 0].item() == pytest.approx(1 - 0.05 - 0.05 * 2 / 8**0.5)


@pytest.mark.proves("train.optimizer_params.decoupled_weight_decay")
def test_lion_steps_by_the_sign_and_decays_as_asked() -> None:
    parameter, optimizer = _set(1.0, "lion", 0.1, weight_decay=0.5)
    _push(parameter, optimizer, 0.3)
    assert parameter[0, 0].item() == pytest.approx(1 - 0.1 * 0.5 - 0.1)
    parameter, optimizer = _set(1.0, "lion", 0.1, weight_decay=0.05, decoupled_weight_decay=True)
    _push(parameter, optimizer, 0.3)
    assert parameter[0, 0].item() == pytest.approx(1 - 0.05 - 0.1)


@pytest.mark.proves("train.optimizer_params.use_triton")
def test_the_triton_kernel_is_the_one_that_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys
    import types

    called: list[int] = []
    fake = types.ModuleType("lion_pytorch.triton")
    fake.update_fn = lambda *_: called.append(1)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "lion_pytorch.triton", fake)
    parameter, optimizer = _set(1.0, "lion", 0.1, use_triton=True)
    _push(parameter, optimizer, 0.3)
    assert called == [1]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.proves(
    "train.optimizer_params.alpha",
    "train.optimizer_params.t_alpha",
    "train.optimizer_params.t_beta3",
)
def test_ademamix_mixes_its_slow_momentum_as_asked() -> None:
    pytest.importorskip("bitsandbytes")
    plain = Toy("ademamix8bit", 0.01, BIG).run(5)
    for setting in ({"alpha": 1.0}, {"t_alpha": 100}, {"t_beta3": 100}):
        assert plain.differs(Toy("ademamix8bit", 0.01, BIG, **setting).run(5)), setting


@pytest.mark.parametrize(
    ("name", "module"), [("lion", "lion_pytorch"), ("dadaptation", "dadaptation")]
)
def test_a_missing_package_names_the_extra(
    name: str, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(MissingExtraError, match=r"finetui\[optimizers\]"):
        _set(1.0, name, 0.1)


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
