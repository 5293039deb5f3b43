"""Losses, targets and weights: each against its formula, written out by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from engine.losses import ELEMENT_LOSSES, EXAMPLE_LOSSES
from engine.losses.clean import haar
from tests.engine.core.stepwise import Bench, Seen, make_batch, make_pixels, pixel_batch

AXES = (2, 3)
ITEM = (1, 2, 3)


@pytest.fixture(scope="module")
def bench(tiny_sd1: Path) -> Bench:
    return Bench(tiny_sd1)


@pytest.fixture(scope="module")
def flow(tiny_sd1: Path) -> Bench:
    return Bench(tiny_sd1, flow=True)


def _sigma(seen: Seen) -> Tensor:
    return (torch.tensor(seen.losses.timesteps) / 1000).view(-1, 1, 1, 1)


def _estimate(seen: Seen) -> Tensor:
    """x_t - sigma v."""
    example = seen.example
    return example.noisy - _sigma(seen) * example.prediction.detach()


# -- loss_type


def test_every_loss_has_a_name_and_an_unknown_one_is_refused() -> None:
    from engine.errors import ConfigError
    from engine.losses import example_loss

    assert set(ELEMENT_LOSSES) | set(EXAMPLE_LOSSES) == {
        *("mse", "mae", "pseudo_huber", "wavelet", "stepped", "pixelspace")
    }
    with pytest.raises(ConfigError, match="pseudo_huber"):
        example_loss("huber2")


@pytest.mark.proves("train.loss_type")
def test_wavelet_compares_the_four_haar_bands_of_the_clean_estimate(flow: Bench) -> None:
    seen = flow.seen(loss_type="wavelet")
    example = seen.example
    estimate = example.noise - example.prediction.detach()
    # The textbook matrix: sums and differences of each 2 x 2 block, halved.
    kernel = torch.tensor([[1, 1, 1, 1], [1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]]) / 2
    bands = [
        F.conv2d(values.flatten(0, 1)[:, None], kernel.view(4, 1, 2, 2), stride=2)
        for values in (estimate, example.latents)
    ]
    expected = (bands[0] - bands[1]).pow(2).mean()
    assert seen.total == pytest.approx(expected.item(), rel=1e-4)


def test_the_haar_transform_keeps_energy_and_pads_odd_sides() -> None:
    values = torch.randn(2, 3, 8, 6, generator=torch.Generator().manual_seed(0))
    assert haar(values).shape == (2, 12, 4, 3)
    assert haar(values).pow(2).sum().item() == pytest.approx(values.pow(2).sum().item(), rel=1e-5)
    assert haar(values[..., :5]).shape == (2, 12, 4, 3)
    assert haar(torch.ones(1, 1, 4, 4))[:, 1:].abs().max() == 0


@pytest.mark.proves("train.loss_type")
def test_stepped_judges_the_clean_latents_from_a_slightly_cleaner_level(flow: Bench) -> None:
    seen = flow.seen(loss_type="stepped")
    example, sigma = seen.example, _sigma(seen)
    cleaner = (sigma - 0.05).clamp(min=0.001)
    arrived = example.noisy + (cleaner - sigma) * example.prediction.detach()
    clean = (arrived - cleaner * example.noise) / (1 - cleaner)
    expected = 10 * (clean - example.latents).pow(2).mean()
    assert seen.total == pytest.approx(expected.item(), rel=1e-4)


@pytest.mark.proves("train.loss_type")
@pytest.mark.parametrize("cached", [False, True])
def test_pixelspace_compares_decoded_pictures_and_its_gradient_reaches_the_network(
    flow: Bench, cached: bool
) -> None:
    flow.gradients()
    seen = flow.seen(make_batch() if cached else pixel_batch(), loss_type="pixelspace")
    gradients = flow.gradients()
    with torch.no_grad():
        decoded = flow.family.decode_latents(_estimate(seen))
        wanted = flow.family.decode_latents(seen.example.latents) if cached else make_pixels()
    assert seen.total == pytest.approx((decoded - wanted).pow(2).mean().item(), rel=1e-4)
    assert max(value.abs().max().item() for value in gradients.values()) > 0


# -- loss_target


@pytest.mark.proves("train.loss_target")
@pytest.mark.parametrize("scheduler", ["ddpm", "euler"])
def test_source_is_the_noise_loss_seen_from_the_clean_side(bench: Bench, scheduler: str) -> None:
    usual = bench.seen(noise_scheduler=scheduler)
    source = bench.seen(noise_scheduler=scheduler, loss_target="source", loss_type="mae")
    assert torch.allclose(source.losses.loss_B, usual.losses.loss_B, rtol=2e-4)
    shifted = bench.seen(noise_scheduler=scheduler, loss_target="source", noise_multiplier=1.2)
    again = bench.seen(noise_scheduler=scheduler, noise_multiplier=1.2)
    assert torch.allclose(shifted.losses.loss_B, again.losses.loss_B, rtol=2e-4)


@pytest.mark.proves("train.loss_target")
def test_source_divides_the_error_of_a_flow_model_by_its_noise_level(flow: Bench) -> None:
    seen = flow.seen(loss_target="source", timestep_type="linear")
    error = (_estimate(seen) - seen.example.latents) / _sigma(seen)
    assert seen.total == pytest.approx(error.pow(2).mean().item(), rel=1e-4)


def _augmented() -> Any:
    plain = make_pixels()
    return pixel_batch(pixels_BCHW=plain.flip(-1), unaugmented_BCHW=plain)


def test_unaugmented_is_the_error_towards_the_picture_before_augmentation(flow: Bench) -> None:
    seen = flow.seen(_augmented(), loss_target="unaugmented", timestep_type="linear")
    plain = flow.seen(pixel_batch()).example.latents
    error = (_estimate(seen) - plain) / _sigma(seen)
    assert seen.total == pytest.approx(error.pow(2).mean().item(), rel=1e-4)


def test_differential_noise_makes_half_of_the_augmentation_noise(bench: Bench) -> None:
    usual = bench.seen(_augmented()).example
    seen = bench.seen(_augmented(), loss_target="differential_noise").example
    plain = bench.seen(pixel_batch()).example.latents
    assert torch.equal(seen.latents, plain)
    assert torch.allclose(seen.noise, usual.noise + (usual.latents - plain) / 2, atol=1e-6)


# -- losses on clean estimates


@pytest.mark.proves("train.t0_loss_target", "train.t0_velocity_equiv_weight")
def test_the_clean_loss_is_the_velocity_loss_times_sigma_squared(flow: Bench) -> None:
    usual = flow.seen(timestep_type="linear")
    clean = flow.seen(timestep_type="linear", t0_loss_target=True)
    sigma_B = _sigma(usual).flatten()
    assert torch.allclose(clean.losses.loss_B, usual.losses.loss_B * sigma_B**2, rtol=1e-3)
    weighed = flow.seen(timestep_type="linear", t0_loss_target=True, t0_velocity_equiv_weight=True)
    expected = clean.losses.loss_B / sigma_B.clamp(min=0.1) ** 2
    assert torch.allclose(weighed.losses.loss_B, expected, rtol=1e-4)
    absolute = flow.seen(timestep_type="linear", t0_loss_target=True, loss_type="mae")
    by_hand = (_estimate(absolute) - absolute.example.latents).abs().mean(ITEM)
    assert torch.allclose(absolute.losses.loss_B, by_hand, rtol=1e-3)


@pytest.mark.proves("train.do_fft_loss", "train.do_fft_velocity_equiv_weight")
def test_the_frequency_loss_compares_magnitudes_of_the_fourier_transform(flow: Bench) -> None:
    usual = flow.seen()
    seen = flow.seen(do_fft_loss=True)
    spectra = [
        torch.fft.rfft2(values, norm="ortho").abs()
        for values in (_estimate(seen), seen.example.latents)
    ]
    error_B = (spectra[0] - spectra[1]).pow(2).mean(ITEM)
    assert seen.total - usual.total == pytest.approx(error_B.mean().item(), rel=1e-3)
    assert seen.losses.parts["fft"].item() == pytest.approx(error_B.mean().item(), rel=1e-4)
    weighed = flow.seen(do_fft_loss=True, do_fft_velocity_equiv_weight=True)
    expected = (error_B / _sigma(seen).flatten().clamp(min=0.1) ** 2).mean()
    assert weighed.losses.parts["fft"].item() == pytest.approx(expected.item(), rel=1e-4)
    # The loss itself has the gradient of both parts.
    source = flow.seen(do_fft_loss=True, loss_target="source")
    assert "fft" not in source.losses.parts


# -- targets


@pytest.mark.proves("train.do_signal_amplification", "train.signal_amplification_strength")
def test_signal_amplification_overshoots_the_picture_as_noise_falls(flow: Bench) -> None:
    for strength in (0.5, 1.5):
        seen = flow.seen(do_signal_amplification=True, signal_amplification_strength=strength)
        example = seen.example
        stronger = example.latents * (1 + strength * (1 - _sigma(seen)))
        assert torch.allclose(example.target, example.noise - stronger, atol=1e-5)
    off = flow.seen(do_signal_amplification=True, signal_amplification_strength=0.0)
    assert torch.allclose(off.example.target, flow.seen().example.target, atol=1e-6)


@pytest.mark.proves("train.correct_pred_norm", "train.correct_pred_norm_multiplier")
def test_norm_correction_moves_the_targets_statistics_towards_the_untouched_model(
    flow: Bench,
) -> None:
    plain = flow.seen()
    assert flow.calls == 1
    for strength in (0.0, 0.5, 1.0):
        seen = flow.seen(correct_pred_norm=True, correct_pred_norm_multiplier=strength)
        assert flow.calls == 2
        with flow.network.off(), torch.no_grad():
            example = seen.example
            prior = flow.family.predict(
                example.denoiser, example.noisy, example.t_B, example.conditioning
            )
        assert not torch.allclose(prior, example.prediction)
        p = example.prediction.detach()
        mean = p.mean(AXES, keepdim=True)
        spread = p.std(AXES, keepdim=True)
        new_mean = mean + strength * (prior.mean(AXES, keepdim=True) - mean)
        new_spread = spread + strength * (prior.std(AXES, keepdim=True) - spread)
        expected = (plain.example.target - mean) / (spread + 1e-5) * (new_spread + 1e-5) + new_mean
        assert torch.allclose(example.target, expected, atol=1e-4)
        assert not example.target.requires_grad
    flow.seen(make_batch(regularization=[True] * 4), correct_pred_norm=True)
    assert flow.calls == 1


def test_rows_of_prior_regularization_sets_are_trained_towards_the_untouched_model(
    bench: Bench,
) -> None:
    rows = make_batch(prior_reg=[False, True, True, False])
    seen = bench.seen(rows, dataset={"prior_reg": True})
    with bench.network.off(), torch.no_grad():
        example = seen.example
        prior = bench.family.predict(
            example.denoiser, example.noisy, example.t_B, example.conditioning
        )
    assert torch.equal(example.target[1:3], prior[1:3])
    assert torch.equal(example.target[0], example.noise[0])
    assert torch.equal(example.target[3], example.noise[3])
    bench.seen(dataset={"prior_reg": True})
    assert bench.calls == 1


@pytest.mark.proves("train.target_norm_std", "train.target_norm_std_value")
def test_the_spread_penalty_pulls_the_spread_of_predictions_to_a_value(bench: Bench) -> None:
    usual = bench.seen()
    for value in (1.0, 2.5):
        seen = bench.seen(target_norm_std=True, target_norm_std_value=value)
        spread = usual.example.prediction.detach().std(AXES)
        expected = (value - spread).abs().mean().item()
        assert seen.total - usual.total == pytest.approx(expected, rel=1e-4)
        assert seen.losses.parts["target_norm"].item() == pytest.approx(expected, rel=1e-4)
