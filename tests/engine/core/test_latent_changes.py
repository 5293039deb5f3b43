"""Options on pictures, latents, the model's input, its answer and the network's strength."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from engine.changes.latents import LATENTS, PIXELS, XL_LATENTS, StandardizeLatents
from schema.families import FAMILIES
from tests.engine.core.stepwise import Bench, Seen, make_batch, make_pixels, pixel_batch

AXES = (2, 3)


@pytest.fixture(scope="module")
def bench(tiny_sd1: Path) -> Bench:
    return Bench(tiny_sd1)


@pytest.fixture(scope="module")
def flow(tiny_sd1: Path) -> Bench:
    return Bench(tiny_sd1, flow=True)


@pytest.fixture(scope="module")
def plain(bench: Bench) -> Seen:
    return bench.seen()


def _encoded(bench: Bench, monkeypatch: pytest.MonkeyPatch, **options: Any) -> Tensor:
    """The pixels that reach the VAE."""
    seen: list[Tensor] = []
    encode = bench.family.encode_images

    def watched(pixels: Tensor, draws: Any = None) -> Tensor:
        seen.append(pixels)
        return encode(pixels, draws)

    with monkeypatch.context() as patch:
        patch.setattr(bench.family, "encode_images", watched)
        bench.seen(options.pop("batch", pixel_batch()), **options)
    return seen[0]


@pytest.mark.proves("train.img_multiplier")
def test_the_image_multiplier_lowers_the_contrast_of_what_is_encoded(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = make_pixels()
    seen = _encoded(bench, monkeypatch, img_multiplier=0.5)
    assert torch.allclose(seen, (pixels - pixels.mean()) * 0.5 + pixels.mean(), atol=1e-6)
    assert seen.std().item() == pytest.approx(pixels.std().item() / 2, rel=1e-4)
    regular = pixel_batch(regularization=[True] * 4)
    assert torch.equal(_encoded(bench, monkeypatch, batch=regular, img_multiplier=0.5), pixels)


@pytest.mark.proves("train.standardize_images")
def test_standardized_images_have_the_mean_and_spread_of_the_models_own(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = _encoded(bench, monkeypatch, standardize_images=True)
    assert torch.allclose(seen.mean(AXES), torch.tensor(PIXELS.mean).expand(4, 3), atol=1e-4)
    assert torch.allclose(seen.std(AXES), torch.tensor(PIXELS.spread).expand(4, 3), atol=1e-4)
    flat = pixel_batch(pixels_BCHW=torch.full((4, 3, 64, 64), 0.5))
    assert _encoded(bench, monkeypatch, batch=flat, standardize_images=True).isfinite().all()


@pytest.mark.proves("train.standardize_latents")
def test_standardized_latents_have_the_mean_and_spread_of_the_models_own(bench: Bench) -> None:
    seen = bench.seen(standardize_latents=True).example.latents
    assert torch.allclose(seen.mean(AXES), torch.tensor(LATENTS.mean).expand(4, 4), atol=1e-4)
    assert torch.allclose(seen.std(AXES), torch.tensor(LATENTS.spread).expand(4, 4), atol=1e-4)


def test_sdxl_has_statistics_of_its_own() -> None:
    for arch in ("sdxl", "ssd", "vega"):
        assert StandardizeLatents(FAMILIES[arch])._statistics is XL_LATENTS
    for arch in ("sd1", "sd2", "pixart"):
        assert StandardizeLatents(FAMILIES[arch])._statistics is LATENTS


@pytest.mark.proves("train.latent_multiplier")
def test_the_latent_multiplier_scales_latents_after_the_noise_was_made_from_them(
    flow: Bench,
) -> None:
    plain = flow.seen(dynamic_noise_offset=True).example
    seen = flow.seen(dynamic_noise_offset=True, latent_multiplier=0.5).example
    assert torch.allclose(seen.latents, plain.latents / 2)
    assert torch.equal(seen.noise, plain.noise)
    assert torch.allclose(seen.target, plain.target + 0.5 * plain.latents, atol=1e-6)
    assert not torch.allclose(seen.noisy, plain.noisy)


@pytest.mark.proves("train.adaptive_scaling_factor")
def test_adaptive_scaling_gives_every_channel_the_spread_one_and_replaces_the_multiplier(
    bench: Bench, plain: Seen
) -> None:
    seen = bench.seen(adaptive_scaling_factor=True, latent_multiplier=0.5).example.latents
    assert torch.allclose(seen.std(AXES), torch.ones(4, 4), atol=1e-4)
    clean = plain.example.latents
    assert torch.allclose(seen.mean(AXES), clean.mean(AXES) / clean.std(AXES), atol=1e-4)


@pytest.mark.proves("train.noisy_latent_multiplier")
def test_the_noisy_multiplier_scales_what_the_model_sees_and_nothing_else(
    bench: Bench, plain: Seen
) -> None:
    seen = bench.seen(noisy_latent_multiplier=1.1).example
    assert torch.allclose(seen.noisy, 1.1 * plain.example.noisy)
    assert torch.equal(seen.target, plain.example.target)
    assert not torch.allclose(seen.prediction, plain.example.prediction)


@pytest.mark.proves("train.match_noise_norm")
def test_matched_predictions_are_as_long_as_their_noise(bench: Bench, plain: Seen) -> None:
    seen = bench.seen(match_noise_norm=True, target_noise_multiplier=2.0).example
    lengths = seen.prediction.flatten(1).norm(dim=1)
    assert torch.allclose(lengths, plain.example.noise.flatten(1).norm(dim=1), rtol=1e-5)
    directions = plain.example.prediction / plain.example.prediction.flatten(1).norm(dim=1).view(
        -1, 1, 1, 1
    )
    assert torch.allclose(seen.prediction, directions * lengths.view(-1, 1, 1, 1), atol=1e-5)


@pytest.mark.proves("train.pred_scaler")
def test_the_prediction_scaler_multiplies_the_prediction_and_its_gradient(
    bench: Bench, plain: Seen
) -> None:
    seen = bench.seen(pred_scaler=0.5)
    assert torch.allclose(seen.example.prediction, plain.example.prediction / 2)
    expected = (plain.example.prediction / 2 - plain.example.target).pow(2).mean()
    assert seen.total == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.proves("train.weight_jitter")
def test_weight_jitter_varies_the_strength_of_the_network_and_weighs_the_loss(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    strengths: list[float] = []
    network: Any = bench.network
    layer = next(iter(network.layers.values())).layer
    own = layer.scaling["default"]
    predict = bench.family.predict

    def watched(*args: Any) -> Tensor:
        strengths.append(layer.scaling["default"] / own)
        return predict(*args)

    monkeypatch.setattr(bench.family, "predict", watched)
    objective = bench.objective(weight_jitter=0.3)
    for number in range(1, 9):
        seen = bench.seen(objective=objective, number=number)
        assert layer.scaling["default"] == own
        squared = (seen.example.prediction - seen.example.target).pow(2).mean().item()
        share = 1 - abs(strengths[-1] - 1) / 0.3
        assert seen.total == pytest.approx(squared * share, rel=1e-4)
    assert len(set(strengths)) == 8
    assert all(0.7 <= strength <= 1.3 for strength in strengths)
    bench.seen(make_batch(regularization=[True] * 4), objective=objective)
    assert strengths[-1] == 1.0
