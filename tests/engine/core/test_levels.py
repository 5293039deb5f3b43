"""Options on noise levels, seen in one step's own tensors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from diffusers import EulerDiscreteScheduler
from torch import Tensor

from engine.flow import FlowTable
from engine.noise import NoiseTable
from schema.formulas.schedulers import EXPLODING
from schema.formulas.sigmas import FlowShift
from schema.formulas.timesteps import bell_weights, weighted_weights
from schema.run.metrics import MetricsReader
from tests.engine.core.conftest import NewRun
from tests.engine.core.runs import finished
from tests.engine.core.stepwise import Bench, make_batch

SHIFT = FlowShift(0.5, 1.15, tokens=(16, 4096))


@pytest.fixture(scope="module")
def bench(tiny_sd1: Path) -> Bench:
    return Bench(tiny_sd1)


@pytest.fixture(scope="module")
def flow(tiny_sd1: Path) -> Bench:
    bench = Bench(tiny_sd1, flow=True)
    bench.family.noise_table = lambda: FlowTable(SHIFT)  # type: ignore[method-assign]
    return bench


# -- training schedulers


@pytest.mark.proves("train.noise_scheduler")
@pytest.mark.parametrize("name", sorted(EXPLODING - {"k_euler", "k_lms"}))
def test_an_exploding_scheduler_trains_the_same_through_other_noisy_latents(
    bench: Bench, name: str
) -> None:
    plain = bench.seen(noise_scheduler="ddpm")
    before = bench.gradients()
    seen = bench.seen(noise_scheduler=name)
    after = bench.gradients()
    assert seen.losses.timesteps == plain.losses.timesteps
    theirs = EulerDiscreteScheduler(
        beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012
    )
    expected = theirs.add_noise(seen.example.latents, seen.example.noise, seen.example.t_B.float())
    assert torch.allclose(seen.example.noisy, expected, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(seen.example.noisy, plain.example.noisy, atol=0.1)
    assert torch.allclose(seen.example.prediction, plain.example.prediction, atol=1e-4)
    assert seen.total == pytest.approx(plain.total, rel=1e-4)
    for key, value in before.items():
        assert torch.allclose(after[key], value, atol=1e-5)


@pytest.mark.proves("train.noise_scheduler")
@pytest.mark.parametrize("name", ["ddim", "pndm", "dpmsolver", "dpmsolver++", "dpmsingle", "lcm",
                                  "custom_lcm"])  # fmt: skip
def test_a_preserving_scheduler_is_ddpm_while_training(bench: Bench, name: str) -> None:
    assert bench.seen(noise_scheduler=name).total == bench.seen(noise_scheduler="ddpm").total


@pytest.mark.proves("train.noise_scheduler")
@pytest.mark.parametrize("name", ["k_euler", "k_lms", "k_dpmsolver", "k_dpmsolver++"])
def test_karras_names_move_the_levels_and_change_nothing_else(bench: Bench, name: str) -> None:
    plain, seen = bench.seen(), bench.seen(noise_scheduler=name)
    assert seen.losses.timesteps != plain.losses.timesteps
    table = bench.family.noise_table()
    assert isinstance(table, NoiseTable)
    expected = table.add_noise(seen.example.latents, seen.example.noise, seen.example.t_B)
    shown = seen.example.kit.table.model_input(seen.example.noisy, seen.example.t_B)
    assert torch.allclose(shown, expected, rtol=1e-5, atol=1e-5)
    assert torch.equal(plain.example.noise, seen.example.noise)


@pytest.mark.proves("train.noise_scheduler")
def test_flow_matching_predicts_the_velocity_whatever_the_default_is_called(flow: Bench) -> None:
    seen = flow.seen(noise_scheduler="flowmatch")
    example = seen.example
    sigma = (example.t_B / 1000).view(-1, 1, 1, 1)
    assert torch.allclose(
        example.noisy, (1 - sigma) * example.latents + sigma * example.noise, atol=1e-6
    )
    assert torch.allclose(example.target, example.noise - example.latents)
    expected = F.mse_loss(example.prediction, example.target, reduction="none").mean((1, 2, 3))
    assert torch.allclose(seen.losses.loss_B, expected)
    assert flow.seen().total == seen.total


# -- which levels


@pytest.mark.proves("train.timestep_type")
def test_the_fixed_steps_reach_the_model(bench: Bench, flow: Bench) -> None:
    assert bench.seen(timestep_type="one_step").losses.timesteps == [999] * 4
    assert flow.seen(timestep_type="one_step").example.t_B.tolist() == [1000] * 4
    noisy = flow.seen(timestep_type="one_step").example
    assert torch.equal(noisy.noisy, noisy.noise)
    four = set(flow.seen(make_batch(12), timestep_type="four_step").losses.timesteps)
    assert four <= {1000, 750, 500, 250}
    assert len(four) > 2


@pytest.mark.proves("train.timestep_type")
def test_shift_follows_the_number_of_image_tokens(flow: Bench) -> None:
    latents = torch.randn(4, 4, 32, 32)
    small = flow.seen(timestep_type="shift").losses.timesteps
    large = flow.seen(make_batch(latents=latents), timestep_type="shift").losses.timesteps
    levels = [1000 * sigma for sigma in SHIFT.levels(1000, 8 * 8 // 4)]
    assert all(t in levels for t in small)
    assert all(a > b for a, b in zip(large, small, strict=True))


@pytest.mark.proves("train.content_or_style", "train.content_or_style_reg")
def test_the_bias_of_a_batch_follows_its_kind(bench: Bench) -> None:
    both = bench.objective(content_or_style="content", content_or_style_reg="style")
    plain = bench.seen(make_batch(12), objective=both).losses.timesteps
    regularizing = make_batch(12, regularization=[True] * 12)
    reg = bench.seen(regularizing, objective=both).losses.timesteps
    middle = bench.seen(make_batch(12)).losses.timesteps
    assert sum(plain) / 12 > sum(middle) / 12 > sum(reg) / 12
    follows = bench.objective(content_or_style="content")
    assert bench.seen(regularizing, objective=follows).losses.timesteps == plain


@pytest.mark.proves("train.min_denoising_steps", "train.max_denoising_steps",
                    "train.num_train_timesteps")  # fmt: skip
def test_range_and_length_of_the_list_reach_the_step(bench: Bench, flow: Bench) -> None:
    clean = bench.seen(min_denoising_steps=900).losses.timesteps
    assert max(clean) <= 99
    noisy = flow.seen(timestep_type="linear", max_denoising_steps=100).losses.timesteps
    assert min(noisy) >= 900
    coarse = flow.seen(make_batch(12), timestep_type="linear", num_train_timesteps=4)
    assert set(coarse.losses.timesteps) == {1000, 667, 334}


# -- weights


def _weights(table: list[float], timesteps: list[float]) -> Tensor:
    return torch.tensor([table[round(1000 - t)] for t in timesteps])


@pytest.mark.proves("train.linear_timesteps", "train.linear_timesteps2", "train.timestep_type")
def test_levels_are_weighed_in_the_loss(flow: Bench) -> None:
    plain = flow.seen(timestep_type="linear")
    t = plain.losses.timesteps
    cases: list[tuple[dict[str, Any], list[float]]] = [
        ({"linear_timesteps": True}, bell_weights()),
        ({"linear_timesteps2": True}, bell_weights(half=True)),
        ({"timestep_type": "weighted"}, weighted_weights()),
    ]
    for options, table in cases:
        seen = flow.seen(**options)
        assert seen.losses.timesteps == t
        expected = plain.losses.loss_B * _weights(table, t)
        assert torch.allclose(seen.losses.loss_B, expected, rtol=1e-5)
        assert seen.total != pytest.approx(plain.total, rel=1e-3)
    noise = flow.seen(timestep_type="linear", linear_timesteps=True, max_denoising_steps=0)
    assert noise.total == 0


@pytest.mark.proves("train.linear_timesteps")
def test_a_loss_on_clean_latents_is_not_weighed_by_level(flow: Bench) -> None:
    plain = flow.seen(timestep_type="linear", loss_target="source")
    assert flow.seen(linear_timesteps=True, loss_target="source").total == plain.total


# -- next sample


@pytest.mark.proves("train.timestep_type", "train.next_sample_timesteps")
def test_next_sample_trains_where_the_models_own_step_leads(flow: Bench) -> None:
    asked: list[tuple[Tensor, Tensor, bool]] = []
    predict = flow.family.predict

    def noting(*args: Tensor) -> Tensor:
        asked.append((args[1], args[2], torch.is_grad_enabled()))
        return predict(*args)  # type: ignore[arg-type]

    flow.family.predict = noting  # type: ignore[method-assign,assignment]
    try:
        seen = flow.seen(timestep_type="next_sample", next_sample_timesteps=6)
    finally:
        flow.family.predict = predict  # type: ignore[method-assign]
    example = seen.example
    (first, t, graded), (second, after, trained) = asked
    assert (graded, trained) == (False, True)
    levels = [1000 * sigma for sigma in SHIFT.levels(6, 16)]
    places = [min(range(6), key=lambda i: abs(levels[i] - value)) for value in t.tolist()]
    assert [levels[place] for place in places] == pytest.approx(t.tolist())
    assert all(place <= 3 for place in places)
    assert after.tolist() == pytest.approx([levels[place + 1] for place in places])
    assert seen.losses.timesteps == pytest.approx(after.tolist())
    x0 = example.latents
    sigma, target_sigma = (value.view(-1, 1, 1, 1) / 1000 for value in (t, after))
    eps = flow.seen().example.noise
    assert torch.allclose(first, (1 - sigma) * x0 + sigma * eps, atol=1e-6)
    with torch.no_grad():
        answer = flow.family.predict(example.denoiser, first, t, example.conditioning, None)
    moved = first + (target_sigma - sigma) * answer
    assert torch.allclose(second, moved, atol=1e-5)
    inferred = (moved - (1 - target_sigma) * x0) / target_sigma
    assert torch.allclose(example.target, inferred - x0, atol=1e-4)
    on_the_line = (1 - target_sigma) * x0 + target_sigma * eps
    assert not torch.allclose(second, on_the_line, atol=1e-2)


# -- whole runs


@pytest.mark.proves("train.noise_scheduler", "train.content_or_style", "train.num_train_timesteps")
def test_a_run_records_the_levels_of_its_list(new_run: NewRun) -> None:
    usual = {"train__steps": 3, "train__batch_size": 2}
    for name, options, levels in (
        ("coarse", {"train__num_train_timesteps": 4}, {750, 500, 250, 0}),
        ("fixed", {"train__timestep_type": "four_step"}, {999, 749, 499, 249}),
        ("noisiest", {"train__noise_scheduler": "heun", "train__max_denoising_steps": 0,
                      "train__content_or_style": "content"}, {999}),
    ):  # fmt: skip
        folder = finished(new_run, name, **usual, **options)
        practised = [t for _, t, _ in MetricsReader(folder.metrics).items()]
        assert len(practised) == 6
        assert set(practised) <= levels
