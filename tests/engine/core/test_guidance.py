"""Guidance while training: guided predictions, guided targets, and the prompts that they need."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from engine.data.cache import TextTable
from engine.errors import ConfigError
from engine.example import Example
from engine.families.base import Conditioning
from engine.guidance.cfg import like
from engine.guidance.prompts import NegativePrompts, negative_pool
from engine.noise import spread
from tests.engine.core.stepwise import STEP, Bench, make_batch

ITEM = (1, 2, 3)


@pytest.fixture(scope="module", params=["noise", "flow"])
def bench(request: pytest.FixtureRequest, tiny_sd1: Path) -> Bench:
    """A model that predicts noise, and the same one trained by flow matching."""
    found = Bench(tiny_sd1, flow=request.param == "flow")
    found.family.load_text_encoders()
    return found


@pytest.fixture(autouse=True)
def _no_gradients_from_before(bench: Bench) -> None:
    bench.gradients()


def encoded(bench: Bench, prompts: list[str]) -> Conditioning:
    with torch.no_grad():
        return bench.family.encode_prompts(prompts)


def table_of(bench: Bench, *prompts: str) -> TextTable:
    """What a run encodes before it trains."""
    rows = {prompt: encoded(bench, [prompt]) for prompt in prompts}
    return TextTable(rows, torch.device("cpu"))


def answer(bench: Bench, example: Example, conditioning: Conditioning) -> Tensor:
    """What the model with its network says about an example, asked plainly."""
    return bench.family.predict(
        example.denoiser, example.noisy, example.t_B, conditioning, None
    ).float()


def both(bench: Bench, example: Example, prompts: list[str]) -> tuple[Tensor, Tensor]:
    """u and c."""
    unconditional = answer(bench, example, encoded(bench, prompts))
    return unconditional, answer(bench, example, example.conditioning)


# -- the guided prediction


@pytest.mark.proves("train.do_cfg", "train.cfg_scale")
def test_the_guided_prediction_is_trained_through_both_of_its_halves(bench: Bench) -> None:
    shapes: list[int] = []
    predict = bench.family.predict

    def watched(*args: Any) -> Tensor:
        shapes.append(len(args[1]))
        return predict(*args)

    bench.family.predict = watched  # type: ignore[method-assign, assignment]
    seen = bench.seen(do_cfg=True, cfg_scale=3.0).example
    bench.family.predict = predict  # type: ignore[method-assign]
    assert shapes == [8]
    found = bench.gradients()
    u, c = both(bench, seen, [""] * 4)
    guided = u + 3 * (c - u)
    assert torch.allclose(seen.prediction, guided, atol=1e-5)
    torch.autograd.backward((guided - seen.target).pow(2).mean())
    expected = bench.gradients()
    for name, gradient in expected.items():
        assert torch.allclose(found[name], gradient, rtol=1e-3, atol=1e-6)
    plain = bench.seen().example.prediction
    assert torch.allclose(bench.seen(do_cfg=True).example.prediction, plain, atol=1e-5)


@pytest.mark.proves("train.cfg_rescale")
def test_the_guided_prediction_gets_mean_and_spread_of_another_scale(bench: Bench) -> None:
    seen = bench.seen(do_cfg=True, cfg_scale=5.0, cfg_rescale=2.0).example
    u, c = both(bench, seen, [""] * 4)
    prediction, model = seen.prediction, u + 2 * (c - u)
    for statistic in (torch.mean, torch.std):
        assert torch.allclose(statistic(prediction, ITEM), statistic(model, ITEM), atol=1e-5)
    guided = u + 5 * (c - u)
    even = (guided - guided.mean(ITEM, True)) / guided.std(ITEM, keepdim=True)
    found = (prediction - prediction.mean(ITEM, True)) / prediction.std(ITEM, keepdim=True)
    assert torch.allclose(found, even, atol=1e-3)
    usual = bench.seen(do_cfg=True, cfg_scale=5.0).example.prediction
    same = bench.seen(do_cfg=True, cfg_scale=5.0, cfg_rescale=5.0).example.prediction
    assert torch.equal(usual, same)


@pytest.mark.proves("train.do_random_cfg", "train.max_cfg_scale")
def test_random_guidance_draws_a_scale_for_every_step(bench: Bench) -> None:
    objective = bench.objective(do_random_cfg=True, max_cfg_scale=4.0)
    scales = []
    for number in range(1, 9):
        seen = bench.seen(objective=objective, number=number).example
        u, c = both(bench, seen, [""] * 4)
        assert seen.guidance_B is not None
        scale = seen.guidance_B[0].item()  # models with a guidance input are told it
        # Rescaled to the configured scale, which is 1: the plain prediction's statistics.
        assert torch.allclose(seen.prediction, like(u + scale * (c - u), c), atol=1e-4)
        scales.append(scale)
    assert len(set(scales)) == 8
    assert 1 <= min(scales) < 2
    assert 3 < max(scales) <= 4


@pytest.mark.proves("train.negative_prompt")
def test_negative_prompts_come_from_the_text_or_the_lines_of_a_file(
    bench: Bench, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"do_cfg": True, "cfg_scale": 3.0}
    seen = bench.seen(negative_prompt="blurry dark", **options).example
    u, c = both(bench, seen, ["blurry dark"] * 4)
    assert torch.allclose(seen.prediction, u + 3 * (c - u), atol=1e-5)
    file = tmp_path / "negative.txt"
    file.write_text("blurry\n\n  dark \n")
    heard = heard_prompts(bench, negative_prompt=str(file), **options)
    assert set(heard) == {"blurry", "dark"}
    assert len({tuple(heard[place : place + 4]) for place in range(0, 24, 4)}) > 1


@pytest.mark.proves("train.max_negative_prompts")
def test_up_to_so_many_negative_prompts_are_joined(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "negative.txt"
    file.write_text("blurry\ndark\npink\n")
    options: dict[str, Any] = {"do_cfg": True, "cfg_scale": 3.0, "negative_prompt": str(file)}
    heard = heard_prompts(bench, max_negative_prompts=3, **options)
    parts = [prompt.split(", ") for prompt in heard]
    assert {len(each) for each in parts} == {1, 2, 3}
    assert {part for each in parts for part in each} == {"blurry", "dark", "pink"}
    assert any(len(set(each)) < len(each) for each in parts)  # with replacement
    again = NegativePrompts(["blurry", "dark", "pink"], 3, 3)
    assert again(1, [0, 1, 2, 3]) == heard[:4]


def heard_prompts(bench: Bench, **options: Any) -> list[str]:
    """What the text encoder was given in six steps."""
    heard: list[str] = []
    encode = bench.family.encode_prompts
    bench.family.encode_prompts = lambda p: heard.extend(p) or encode(p)  # type: ignore
    objective = bench.objective(**options)
    for number in range(1, 7):
        bench.seen(objective=objective, number=number)
    bench.family.encode_prompts = encode  # type: ignore[method-assign]
    return heard


def test_a_file_without_prompts_is_named(tmp_path: Path) -> None:
    file = tmp_path / "empty.txt"
    file.write_text("\n \n")
    with pytest.raises(ConfigError, match="holds no prompt"):
        negative_pool(str(file))
    file.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(ConfigError, match="cannot be read"):
        negative_pool(str(file))
    assert negative_pool("word " * 2000) == ["word " * 2000]
    assert negative_pool(None) == [""]


def test_every_item_keeps_its_own_strength_of_the_network_under_guidance(bench: Bench) -> None:
    strengths = torch.tensor([0.0, 0.5, 1.0, 2.0])
    seen = bench.seen(do_cfg=True, cfg_scale=3.0).example
    with torch.no_grad(), bench.network.scaled(strengths):
        found = seen.predict()
        u, c = both(bench, seen, [""] * 4)
    assert torch.allclose(found, u + 3 * (c - u), atol=1e-5)


# -- the guided target


@pytest.mark.proves("train.do_guidance_loss", "train.unconditional_prompt")
def test_the_target_moves_away_from_the_unconditional_answer(bench: Bench) -> None:
    usual = bench.seen().example.target
    assert bench.calls == 1
    prompts = table_of(bench, "blurry")
    options: dict[str, Any] = {"do_guidance_loss": True, "unconditional_prompt": "blurry"}
    seen = bench.seen(prompts=prompts, **options).example
    assert bench.calls == 2
    u = answer(bench, seen, encoded(bench, ["blurry"] * 4))
    assert torch.allclose(seen.target, u + 3 * (usual - u), atol=1e-4)
    assert not seen.target.requires_grad
    with_cfg = bench.seen(prompts=prompts, do_cfg=True, cfg_scale=2.0, **options).example
    assert torch.allclose(with_cfg.target, seen.target, atol=1e-4)  # u itself is not guided


@pytest.mark.proves("train.guidance_loss_target")
def test_every_item_draws_its_strength_from_a_range(bench: Bench) -> None:
    usual = bench.seen().example.target
    prompts, drawn = table_of(bench, ""), []
    objective = bench.objective(
        prompts=prompts, do_guidance_loss=True, guidance_loss_target=[2.0, 4.0]
    )
    for number in (STEP, STEP + 1):
        seen = bench.seen(objective=objective, number=number).example
        assert seen.guidance_B is not None  # models with a guidance input are told it
        drawn += seen.guidance_B.tolist()
        if number == STEP:
            u = answer(bench, seen, encoded(bench, [""] * 4))
            g = spread(seen.guidance_B, u)
            assert torch.allclose(seen.target, u + g * (usual - u), atol=1e-4)
    assert len(set(drawn)) == 8
    assert all(2 <= strength <= 4 for strength in drawn)
    steady = bench.seen(prompts=prompts, do_guidance_loss=True, guidance_loss_target=1.0)
    assert torch.allclose(steady.example.target, usual, atol=1e-5)


@pytest.mark.proves("train.do_guidance_loss_cfg_zero")
def test_cfg_zero_scales_the_unconditional_answer_to_what_is_along_it(bench: Bench) -> None:
    usual = bench.seen().example.target
    options: dict[str, Any] = {"do_guidance_loss": True, "prompts": table_of(bench, "")}
    seen = bench.seen(do_guidance_loss_cfg_zero=True, **options).example
    u = answer(bench, seen, encoded(bench, [""] * 4))
    a = (usual * u).sum(ITEM, True) / (u.pow(2).sum(ITEM, True) + 1e-8)
    assert torch.allclose(seen.target, a * u + 3 * (usual - a * u), atol=1e-4)


@pytest.mark.proves("train.guidance_loss_schedule")
def test_the_strength_fades_with_the_noise(bench: Bench) -> None:
    usual = bench.seen().example.target
    options: dict[str, Any] = {"do_guidance_loss": True, "prompts": table_of(bench, "")}
    seen = bench.seen(guidance_loss_schedule="sigma", **options).example
    u = answer(bench, seen, encoded(bench, [""] * 4))
    g = spread(1 + 2 * seen.t_B / 1000, u)
    assert torch.allclose(seen.target, u + g * (usual - u), atol=1e-4)


@pytest.mark.proves("train.do_differential_guidance", "train.differential_guidance_scale")
def test_aiming_beyond_the_target_multiplies_the_gradient(bench: Bench) -> None:
    usual = bench.seen()
    before = bench.gradients()
    for scale in (1.0, 2.5):
        options: dict[str, Any] = {"differential_guidance_scale": scale}
        seen = bench.seen(do_differential_guidance=True, **options)
        assert seen.total == pytest.approx(usual.total * scale**2, rel=1e-4)
        for name, gradient in bench.gradients().items():
            assert torch.allclose(gradient, before[name] * scale, rtol=1e-3, atol=1e-6)


def test_cached_prompts_are_what_the_text_encoder_says(bench: Bench) -> None:
    options: dict[str, Any] = {"do_cfg": True, "cfg_scale": 3.0}
    live = bench.seen(make_batch(), **options).example.prediction
    prompts = table_of(bench, "")
    encoders = bench.family.text_encoders
    bench.family.text_encoders = {}
    cached = bench.seen(make_batch(), prompts=prompts, **options).example.prediction
    bench.family.text_encoders = encoders
    assert torch.allclose(cached, live, atol=1e-6)
