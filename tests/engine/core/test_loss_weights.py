"""Weights of items and batches, masks, caps, turbo training: what is done with the losses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from engine.losses.masks import MaskedPrior, masked
from engine.losses.snr import LearnableSnr
from engine.noise import NoiseTable
from tests.engine.core.stepwise import Bench, make_batch, make_pixels, pixel_batch

ITEM = (1, 2, 3)


@pytest.fixture(scope="module")
def bench(tiny_sd1: Path) -> Bench:
    return Bench(tiny_sd1)


def _snr(bench: Bench, timesteps: list[float]) -> Tensor:
    alphas = bench.family.noise_table().alphas_cumprod  # type: ignore[attr-defined]
    kept = alphas[torch.tensor(timesteps)]
    return kept / (1 - kept)


# -- weights by noise level


@pytest.mark.proves("train.snr_gamma")
def test_snr_gamma_weighs_by_the_inverse_ratio_without_a_cap(bench: Bench) -> None:
    usual = bench.seen()
    snr_B = _snr(bench, usual.losses.timesteps)
    seen = bench.seen(snr_gamma=5.0, min_snr_gamma=1.0)
    assert torch.allclose(seen.losses.loss_B, usual.losses.loss_B * 5 / snr_B, rtol=1e-4)


def test_snr_gamma_stays_finite_where_no_signal_is_left() -> None:
    from engine.losses.snr import SnrGamma

    table = NoiseTable.from_config({"rescale_betas_zero_snr": True})
    assert table.snr_table[-1] == 0
    assert SnrGamma(table, 5.0)._weights_T.isfinite().all()


@pytest.mark.proves("train.learnable_snr_gos")
def test_the_learnable_weighting_follows_its_formula_and_fits_itself(bench: Bench) -> None:
    usual = bench.seen().losses
    snr_B = _snr(bench, usual.timesteps)
    objective = bench.objective(learnable_snr_gos=True, snr_gamma=5.0)
    seen = bench.seen(objective=objective).losses
    # By hand: one AdamW step on the four numbers, then the weight of the new ones.
    a, b, s, g = (torch.tensor(v, requires_grad=True) for v in (0.0, 0.777, 4.14, 2.03))
    optimizer = torch.optim.AdamW([a, b, s, g], lr=0.01)
    distance = usual.loss_B * (g / ((snr_B + a) * s + b)).abs() - usual.loss_B.mean()
    distance.pow(2).mean().backward()
    optimizer.step()
    expected = usual.loss_B * (g / ((snr_B + a) * s + b)).abs().detach()
    assert torch.allclose(seen.loss_B, expected.detach(), rtol=1e-4)
    (weighting,) = objective._places.items
    assert isinstance(weighting, LearnableSnr)
    found = weighting.numbers()
    assert found == pytest.approx(
        {"offset_1": a.item(), "offset_2": b.item(), "scale": s.item(), "gamma": g.item()}
    )


def test_the_learnable_weighting_brings_the_losses_of_noise_levels_together(bench: Bench) -> None:
    """On losses that fall with the noise, as real ones do: weighted, they come closer."""
    table = bench.family.noise_table()
    assert isinstance(table, NoiseTable)
    weighting, example = LearnableSnr(table), bench.seen().example
    example.t_B = torch.tensor([50, 300, 600, 900])
    loss_B = torch.tensor([0.9, 0.5, 0.2, 0.05])
    spread = []
    for _ in range(400):
        weighed = weighting(example, loss_B)
        spread.append(((weighed - loss_B.mean()) ** 2).mean().item())
    assert spread[-1] < 0.7 * spread[0]


def test_the_learnable_weighting_goes_on_where_a_checkpoint_left_it(bench: Bench) -> None:
    whole, first, second = (bench.objective(learnable_snr_gos=True) for _ in range(3))
    for number in (1, 2, 3):
        bench.seen(objective=whole, number=number)
    for number in (1, 2):
        bench.seen(objective=first, number=number)
    second.load_state_dict(first.state_dict())
    bench.seen(objective=second, number=3)
    (one,), (other,) = whole._places.items, second._places.items
    assert isinstance(one, LearnableSnr)
    assert isinstance(other, LearnableSnr)
    assert one.numbers() == other.numbers()
    assert torch.equal(one._recent, other._recent)


# -- the sum


@pytest.mark.proves("train.max_loss")
def test_a_loss_above_the_cap_is_the_cap_and_has_no_gradient(bench: Bench) -> None:
    usual = bench.seen()
    bench.gradients()
    seen = bench.seen(max_loss=0.5)
    assert seen.total == 0.5
    assert all(value.abs().max() == 0 for value in bench.gradients().values())
    below = bench.seen(max_loss=5.0)
    assert below.total == usual.total
    assert max(value.abs().max().item() for value in bench.gradients().values()) > 0


@pytest.mark.proves("train.reg_weight")
def test_a_batch_weighs_the_mean_of_its_items_regularization_weights(bench: Bench) -> None:
    usual = bench.seen()
    options: dict[str, Any] = {"reg_weight": 0.25, "dataset": {"is_reg": True}}
    assert bench.seen(**options).total == usual.total
    regular = bench.seen(make_batch(regularization=[True] * 4), **options)
    assert regular.total == pytest.approx(usual.total * 0.25, rel=1e-6)
    mixed = bench.seen(make_batch(regularization=[True, False, False, False]), **options)
    assert mixed.total == pytest.approx(usual.total * (0.25 + 3) / 4, rel=1e-6)


# -- masks


def _mask() -> Tensor:
    """White on the left half, a different grey elsewhere in every item."""
    mask = torch.ones(4, 1, 64, 64)
    mask[..., 32:] = torch.tensor([0.0, 0.1, 0.2, 0.3]).view(4, 1, 1, 1)
    return mask


def test_a_mask_weighs_the_elements_and_keeps_their_mean_weight_at_one(bench: Bench) -> None:
    seen = bench.seen().example
    elements = (seen.prediction - seen.target).detach() ** 2
    seen.batch.mask_B1HW = _mask()
    weight = F.interpolate(_mask(), size=(8, 8))
    expected = elements * weight / weight.mean()
    assert torch.allclose(masked(seen, elements), expected, rtol=1e-5)
    large = torch.ones(4, 3, 64, 64)  # losses on pictures: the mask as it is
    assert torch.allclose(masked(seen, large), (_mask() / _mask().mean()).expand_as(large))
    video = torch.ones(4, 4, 3, 8, 8)
    assert torch.allclose(
        masked(seen, video), (weight / weight.mean())[:, :, None].expand_as(video)
    )
    seen.batch.mask_B1HW = torch.zeros(4, 1, 64, 64)
    assert masked(seen, elements).abs().max() == 0


def test_outside_the_mask_the_picture_is_held_to_the_untouched_model(bench: Bench) -> None:
    usual = bench.seen()
    example = usual.example
    unmasked = MaskedPrior(0.5, absolute=False)(example, usual.losses.loss_B)
    assert torch.equal(unmasked, usual.losses.loss_B)
    example.batch.mask_B1HW = _mask()
    difference = (example.prediction - example.prior).detach()
    outside = 1 - F.interpolate(_mask(), size=(8, 8), mode="bicubic").clamp(0, 1)
    weight = outside.expand_as(difference)
    weight = weight / weight.mean(ITEM, keepdim=True)
    for absolute, errors in ((False, difference**2), (True, difference.abs())):
        held = MaskedPrior(500.0, absolute=absolute)(example, usual.losses.loss_B)
        added = 500 * (errors * weight).mean(ITEM)
        assert torch.allclose(held.detach() - usual.losses.loss_B, added, rtol=1e-3)
    # White in full: nothing is outside, and nothing becomes infinite.
    example.batch.mask_B1HW = torch.ones(4, 1, 64, 64)
    whole = MaskedPrior(0.5, absolute=False)(example, usual.losses.loss_B)
    assert torch.allclose(whole.detach(), usual.losses.loss_B)


# -- turbo


@pytest.fixture
def turbo(bench: Bench) -> Iterator[dict[str, Any]]:
    yield {"train_turbo": True, "noise_scheduler": "euler"}
    bench.gradients()


@pytest.mark.proves("train.train_turbo")
def test_turbo_judges_one_big_step_by_its_pixels(bench: Bench, turbo: dict[str, Any]) -> None:
    bench.gradients()
    shown: list[Tensor] = []
    objective = bench.objective(
        show=lambda example, pixels: shown.append(pixels), min_snr_gamma=5.0, **turbo
    )
    seen = bench.seen(pixel_batch(), objective=objective)
    assert max(value.abs().max().item() for value in bench.gradients().values()) > 0
    pixels = make_pixels()
    assert shown[0].shape == pixels.shape
    expected_B = (shown[0] - pixels).pow(2).mean(ITEM)
    assert torch.allclose(seen.losses.loss_B, expected_B, rtol=1e-5)  # without min-SNR
    # By hand: Euler's step from sigma_j to sigma_e, then what is left of the noise is taken away.
    example = seen.example
    sigmas = objective._kit.table.sigma(torch.arange(1000))
    (judge,) = [objective._loss]
    ends = judge._levels(example)  # type: ignore[attr-defined]
    assert (ends <= example.t_B).all()
    j, e = (sigmas[t].view(-1, 1, 1, 1) for t in (example.t_B, ends))
    x_j = example.latents + j * example.noise
    assert torch.allclose(example.noisy, x_j, rtol=1e-5)
    x_e = x_j + (e - j) * example.prediction.detach()
    with torch.no_grad():
        decoded = bench.family.decode_latents(x_e - e * example.noise)
    assert torch.allclose(shown[0], decoded, atol=1e-3)


def test_turbo_ends_are_spread_over_the_cleaner_levels(bench: Bench, turbo: dict[str, Any]) -> None:
    objective = bench.objective(**turbo)
    ends = []
    for number in range(1, 40):
        example = bench.seen(pixel_batch(), objective=objective, number=number).example
        found = objective._loss._levels(example)  # type: ignore[attr-defined]
        ends += (found / example.t_B.clamp(min=1)).tolist()
    assert min(ends) < 0.1
    assert max(ends) > 0.9
    assert torch.tensor(ends).mean().item() == pytest.approx(0.5, abs=0.08)
