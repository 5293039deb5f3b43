"""The optimizers beyond Adam: their formulas, their settings, and an exact return from disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from engine import checkpoint
from engine.errors import ConfigError, MissingExtraError
from engine.optim.exact import own_numbers, restore_numbers
from engine.optim.int8 import dither, pack, pack_square, unpack, unpack_square
from engine.optim.optimizers import OPTIMIZERS, build_optimizer
from engine.optim.schedule import LearningRates
from schema.run.layout import RunFolder
from tests.engine.core.toys import BIG, Toy, parameter_of, push

NewRun = Callable[..., RunFolder]

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
        parameter, optimizer = parameter_of(1.0, name, 0.1, weight_decay=0.5, decouple=decouple)
        push(parameter, optimizer, 0.25)
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
    _, optimizer = parameter_of(1.0, "automagic2", 0.01)
    assert optimizer.reported_rates()["a"] == pytest.approx(1e-6)


def test_rates_that_differ_are_refused_where_one_is_found_for_all() -> None:
    groups = [
        {"name": name, "params": [nn.Parameter(torch.ones(2))], "lr": lr}
        for name, lr in (("a", 1.0), ("b", 0.5))
    ]
    with pytest.raises(ConfigError, match="must be equal"):
        build_optimizer("prodigy", {}, groups)


# -- settings of the libraries -------------------------------------------------------------


@pytest.mark.proves(
    "train.optimizer_params.lr_decay", "train.optimizer_params.initial_accumulator_value"
)
def test_adagrad_follows_its_formula() -> None:
    parameter, optimizer = parameter_of(
        1.0, "adagrad", 0.1, initial_accumulator_value=3.0, lr_decay=1.0
    )
    push(parameter, optimizer, 1.0)
    assert parameter[0, 0].item() == pytest.approx(1 - 0.1 / 2)
    push(parameter, optimizer, 2.0)  # the rate is half by now, the sum 3 + 1 + 4
    assert parameter[0, 0].item() == pytest.approx(1 - 0.05 - 0.05 * 2 / 8**0.5)


@pytest.mark.proves("train.optimizer_params.decoupled_weight_decay")
def test_lion_steps_by_the_sign_and_decays_as_asked() -> None:
    parameter, optimizer = parameter_of(1.0, "lion", 0.1, weight_decay=0.5)
    push(parameter, optimizer, 0.3)
    assert parameter[0, 0].item() == pytest.approx(1 - 0.1 * 0.5 - 0.1)
    parameter, optimizer = parameter_of(
        1.0, "lion", 0.1, weight_decay=0.05, decoupled_weight_decay=True
    )
    push(parameter, optimizer, 0.3)
    assert parameter[0, 0].item() == pytest.approx(1 - 0.05 - 0.1)


@pytest.mark.proves("train.optimizer_params.use_triton")
def test_the_triton_kernel_is_the_one_that_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys
    import types

    called: list[int] = []
    fake = types.ModuleType("lion_pytorch.triton")
    fake.update_fn = lambda *_: called.append(1)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "lion_pytorch.triton", fake)
    parameter, optimizer = parameter_of(1.0, "lion", 0.1, use_triton=True)
    push(parameter, optimizer, 0.3)
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
        parameter_of(1.0, name, 0.1)
