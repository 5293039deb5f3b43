"""What is kept of the untrained model, what leads away from it, and pictures of nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.engine.core.stepwise import Bench, make_batch
from tests.engine.core.test_guidance import answer, encoded, table_of

CLASSES = ["a red circle", "a blue square", "", "a photo"]


@pytest.fixture(scope="module", params=["noise", "flow"])
def bench(request: pytest.FixtureRequest, tiny_sd1: Path) -> Bench:
    found = Bench(tiny_sd1, flow=request.param == "flow")
    found.family.load_text_encoders()
    return found


@pytest.fixture(autouse=True)
def _no_gradients_from_before(bench: Bench) -> None:
    bench.gradients()


def _dop(strength: float = 1.0) -> dict[str, Any]:
    return {
        "diff_output_preservation": True,
        "diff_output_preservation_class": "circle",
        "diff_output_preservation_multiplier": strength,
    }


def _drift(bench: Bench, prompts: list[str]) -> tuple[float, dict[str, torch.Tensor]]:
    """mean((p_1 - p_0)^2) on the plain step, and its gradient."""
    example = bench.seen().example
    bench.gradients()
    conditioning = encoded(bench, prompts)
    with torch.no_grad(), bench.network.off():
        before = answer(bench, example, conditioning)
    drift = (answer(bench, example, conditioning) - before).pow(2).mean()
    torch.autograd.backward(drift)
    return drift.item(), bench.gradients()


@pytest.mark.proves("train.diff_output_preservation", "train.diff_output_preservation_multiplier")
def test_drift_on_captions_of_the_class_is_added_to_the_loss(bench: Bench) -> None:
    usual = bench.seen()
    before = bench.gradients()
    drift, gradient = _drift(bench, CLASSES)
    for strength in (1.0, 4.0):
        seen = bench.seen(make_batch(class_captions=CLASSES), **_dop(strength))
        assert bench.calls == 3
        assert seen.total == pytest.approx(usual.total + strength * drift, rel=1e-4)
        assert seen.losses.parts["normal"].item() == pytest.approx(usual.total, rel=1e-5)
        found = seen.losses.parts["preservation"].item()
        assert found == pytest.approx(strength * drift, rel=1e-4)
        for name, value in bench.gradients().items():
            wanted = before[name] + strength * gradient[name]
            assert torch.allclose(value, wanted, rtol=1e-3, atol=1e-6)
    # The target is the usual one, not what the untrained model says.
    assert torch.equal(seen.example.target, usual.example.target)


@pytest.mark.proves("train.blank_prompt_preservation", "train.blank_prompt_preservation_multiplier")
def test_drift_without_words_is_added_to_the_loss(bench: Bench) -> None:
    usual = bench.seen()
    drift, _ = _drift(bench, [""] * 4)
    for strength in (1.0, 4.0):
        options: dict[str, Any] = {"blank_prompt_preservation_multiplier": strength}
        prompts = table_of(bench, "")
        seen = bench.seen(prompts=prompts, blank_prompt_preservation=True, **options)
        assert bench.calls == 3
        assert seen.total == pytest.approx(usual.total + strength * drift, rel=1e-4)
    bench.gradients()


def test_preservation_is_neither_capped_nor_masked_but_weighs_as_its_batch(bench: Bench) -> None:
    drift, _ = _drift(bench, CLASSES)
    regular = make_batch(class_captions=CLASSES, regularization=[True] * 4)
    dataset = {"is_reg": True}
    seen = bench.seen(regular, max_loss=1e-3, reg_weight=0.5, dataset=dataset, **_dop())
    assert seen.total == pytest.approx(0.5 * (1e-3 + drift), rel=1e-4)


def test_an_untrained_network_has_drifted_nowhere(bench: Bench) -> None:
    with bench.network.scaled(0.0):
        seen = bench.seen(make_batch(class_captions=CLASSES), **_dop())
    assert seen.losses.parts["preservation"].item() == 0


@pytest.mark.proves("train.do_prior_divergence")
def test_the_way_from_the_untrained_model_is_taken_off_the_loss(bench: Bench) -> None:
    usual = bench.seen()
    mask = torch.ones(4, 1, 64, 64)
    mask[..., 32:] = 0
    example = usual.example
    with torch.no_grad(), bench.network.off():
        prior = answer(bench, example, example.conditioning)
    prediction = example.prediction.detach()
    elements = (prediction - example.target) ** 2 - (prediction - prior) ** 2
    seen = bench.seen(do_prior_divergence=True)
    assert bench.calls == 2
    assert seen.total == pytest.approx(elements.mean().item(), rel=1e-3)
    assert torch.equal(seen.example.target, example.target)
    # Before the mask, which then holds for both parts.
    options: dict[str, Any] = {"dataset": {"mask_path": "masks"}}
    masked = bench.seen(make_batch(mask_B1HW=mask), do_prior_divergence=True, **options)
    half = 2 * elements[..., :4].mean().item() / 2
    assert masked.total == pytest.approx(half, rel=1e-3)


@pytest.mark.proves("train.do_blank_stabilization")
def test_items_without_words_become_noise_alone(bench: Bench) -> None:
    usual = bench.seen().example
    batch = make_batch(captions=["a", "", " ", "sks"], dropped=[False, False, False, True])
    seen = bench.seen(batch, do_blank_stabilization=True, latent_multiplier=0.9).example
    assert torch.allclose(seen.latents[0], usual.latents[0] * 0.9)
    assert seen.latents[1:].abs().max() == 0
    alone = bench.objective()._kit.table.add_noise(
        torch.zeros_like(seen.noise), seen.noise, seen.t_B
    )
    assert torch.equal(seen.noisy[1:], alone[1:])
    if type(bench.objective()._kit.table).__name__ == "FlowTable":
        assert torch.equal(seen.target[1:], seen.noise[1:])
    spared = bench.seen(make_batch(), do_blank_stabilization=True).example
    assert torch.equal(spared.noisy, usual.noisy)
