"""Options that change the noise: each is seen in the noise that one step mixes in and predicts."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from engine.training_noise import ConsistentNoise, PairedNoise
from tests.engine.core.stepwise import Bench, Seen, make_batch

AXES = (2, 3)


@pytest.fixture(scope="module")
def bench(tiny_sd1: Path) -> Bench:
    return Bench(tiny_sd1)


@pytest.fixture(scope="module")
def plain(bench: Bench) -> Seen:
    return bench.seen()


def _latents() -> Tensor:
    latents = make_batch().latents
    assert latents is not None
    return latents


def _per_channel(values: Tensor) -> Tensor:
    """One number per item and channel, after seeing that there is just one."""
    first = values[:, :, :1, :1]
    assert torch.allclose(values, first.expand_as(values), atol=1e-4)
    return first[:, :, 0, 0]


@pytest.mark.proves("train.noise_multiplier")
def test_the_noise_multiplier_scales_what_is_mixed_in_and_what_is_predicted(
    bench: Bench, plain: Seen
) -> None:
    seen = bench.seen(noise_multiplier=1.5)
    assert torch.allclose(seen.example.noise, 1.5 * plain.example.noise)
    assert torch.equal(seen.example.target, seen.example.noise)
    assert not torch.allclose(seen.example.noisy, plain.example.noisy)


@pytest.mark.proves("train.target_noise_multiplier")
def test_the_target_noise_multiplier_changes_the_target_alone(bench: Bench, plain: Seen) -> None:
    seen = bench.seen(target_noise_multiplier=0.5)
    assert torch.equal(seen.example.noisy, plain.example.noisy)
    assert torch.allclose(seen.example.target, 0.5 * plain.example.target)


@pytest.mark.proves("train.random_noise_multiplier")
def test_the_random_multiplier_is_log_normal_around_one_for_each_channel(
    bench: Bench, plain: Seen
) -> None:
    seen = bench.seen(random_noise_multiplier=0.3)
    factors = _per_channel(seen.example.noise / plain.example.noise)
    assert factors.min() > 0
    batch = make_batch(64)
    logs = (
        bench.seen(batch, random_noise_multiplier=0.3).example.noise
        / bench.seen(batch).example.noise
    )[:, :, 0, 0].log()
    assert logs.std().item() == pytest.approx(0.3, rel=0.15)
    assert logs.mean().item() == pytest.approx(0.0, abs=0.05)


@pytest.mark.proves("train.random_noise_shift")
def test_the_random_shift_adds_its_own_constant_to_each_channel(bench: Bench, plain: Seen) -> None:
    seen = bench.seen(random_noise_shift=0.2)
    shifts = _per_channel(seen.example.noise - plain.example.noise)
    assert len(set(shifts.flatten().tolist())) == 16
    batch = make_batch(64)
    many = bench.seen(batch, random_noise_shift=0.2).example.noise - bench.seen(batch).example.noise
    assert many[:, :, 0, 0].std().item() == pytest.approx(0.2, rel=0.15)


def test_shift_and_multiplier_draw_for_every_frame_of_a_video(bench: Bench) -> None:
    from engine.changes.draws import normal_per_channel

    example = bench.seen().example
    example.latents = torch.zeros(4, 4, 3, 8, 8)
    assert normal_per_channel(example, "x", frames=True).shape == (4, 4, 3, 1, 1)
    assert normal_per_channel(example, "x").shape == (4, 4, 1, 1, 1)


@pytest.mark.proves("train.dynamic_noise_offset")
def test_the_dynamic_offset_adds_half_the_mean_of_the_latents(bench: Bench, plain: Seen) -> None:
    seen = bench.seen(dynamic_noise_offset=True)
    shift = _per_channel(seen.example.noise - plain.example.noise)
    assert torch.allclose(shift, _latents().mean(AXES) / 2, atol=1e-6)
    regular = make_batch(regularization=[True] * 4)
    untouched = bench.seen(regular, dynamic_noise_offset=True)
    assert torch.equal(untouched.example.noise, plain.example.noise)


@pytest.mark.proves("train.blended_blur_noise")
def test_blended_blur_adds_a_share_of_what_blurring_takes_away(bench: Bench, plain: Seen) -> None:
    seen = bench.seen(blended_blur_noise=True)
    clean = _latents()
    small = F.interpolate(clean, size=(2, 2), mode="bilinear", align_corners=False)
    lost = F.interpolate(small, size=(8, 8), mode="bilinear", align_corners=False) - clean
    added = seen.example.noise - plain.example.noise
    shares = (added * lost).sum((1, 2, 3)) / (lost * lost).sum((1, 2, 3))
    assert torch.allclose(added, shares.view(-1, 1, 1, 1) * lost, atol=1e-5)
    assert all(0 <= share <= 2 for share in shares.tolist())
    assert len(set(shares.tolist())) == 4


@pytest.mark.proves("train.do_signal_correction_noise", "train.signal_correction_noise_scale")
def test_signal_correction_mixes_a_random_amount_of_the_picture_into_its_noise(
    bench: Bench, plain: Seen
) -> None:
    full = bench.seen(do_signal_correction_noise=True).example.noise - plain.example.noise
    amounts = _per_channel(full / _latents())
    assert amounts.abs().max() > 0.3
    half = bench.seen(do_signal_correction_noise=True, signal_correction_noise_scale=0.5)
    assert torch.allclose(half.example.noise - plain.example.noise, full / 2, atol=1e-6)


@pytest.mark.proves("train.do_batch_noise_correction", "train.batch_noise_correction_scale")
def test_batch_correction_mixes_another_picture_of_the_batch_into_the_noise(
    bench: Bench, plain: Seen
) -> None:
    seen = bench.seen(do_batch_noise_correction=True, batch_noise_correction_scale=1.0)
    added, clean = seen.example.noise - plain.example.noise, _latents()
    turns = [k for k in range(1, 4) if _is_multiple(added, clean.roll(k, 0))]
    assert len(turns) == 1
    assert not _is_multiple(added, clean)
    tenth = bench.seen(do_batch_noise_correction=True).example.noise - plain.example.noise
    assert torch.allclose(tenth, added / 10, atol=1e-6)
    alone = bench.seen(make_batch(1), do_batch_noise_correction=True).example.noise
    assert torch.equal(alone, bench.seen(make_batch(1)).example.noise)


def _is_multiple(values: Tensor, of: Tensor) -> bool:
    """Whether every channel of every item is a multiple of the same channel of `of`."""
    cosine = F.cosine_similarity(values.flatten(2), of.flatten(2), dim=2)
    return bool((cosine.abs() > 0.999).all())


@pytest.mark.proves("train.optimal_noise_pairing_samples")
def test_of_several_noises_the_closest_to_the_latents_is_kept(bench: Bench, plain: Seen) -> None:
    distances = []
    for count in (1, 4, 16):
        noise = bench.seen(optimal_noise_pairing_samples=count).example.noise
        distances.append((noise - _latents()).pow(2).mean((1, 2, 3)))
    assert torch.equal(distances[0], (plain.example.noise - _latents()).pow(2).mean((1, 2, 3)))
    assert (distances[1] <= distances[0]).all()
    assert (distances[2] <= distances[1]).all()
    assert distances[2].mean() < distances[0].mean() - 0.05
    # Each item keeps the closest of its own sixteen, whatever is beside it.
    pairing, example = PairedNoise(3, 16), plain.example
    every = torch.stack([pairing._candidate(example, number) for number in range(16)])
    closest = (every - _latents()).pow(2).mean((2, 3, 4)).argmin(0)
    chosen = bench.seen(optimal_noise_pairing_samples=16).example.noise
    assert torch.equal(chosen, every[closest, torch.arange(4)])


@pytest.mark.proves("train.force_consistent_noise")
def test_consistent_noise_belongs_to_the_file_its_mirroring_and_its_size(bench: Bench) -> None:
    first = bench.seen(force_consistent_noise=True).example.noise
    later = bench.seen(force_consistent_noise=True, number=77).example.noise
    assert torch.equal(first, later)
    assert not torch.equal(first[0], first[1])
    mirrored = make_batch(pictures=["/data/0.png_fx", "/data/1.png", "/data/2.png", "/data/3.png"])
    flipped = bench.seen(mirrored, force_consistent_noise=True).example.noise
    assert not torch.equal(flipped[0], first[0])
    assert torch.equal(flipped[1:], first[1:])
    wide = ConsistentNoise.draw("/data/0.png", (4, 8, 16))
    assert not torch.equal(wide[..., :8], first[0])
    # The seed is the low half of md5 as ai-toolkit has it.
    import hashlib

    seed = int(hashlib.md5(b"/data/0.png").hexdigest(), 16) % 2**32
    expected = torch.randn(4, 8, 8, generator=torch.Generator().manual_seed(seed))
    assert torch.equal(first[0], expected)


def test_a_noise_offset_is_left_out_of_noise_that_was_chosen_or_fixed(bench: Bench) -> None:
    for option in ({"force_consistent_noise": True}, {"optimal_noise_pairing_samples": 4}):
        with_offset = bench.seen(noise_offset=0.5, **option).example.noise
        assert torch.equal(with_offset, bench.seen(**option).example.noise)


def test_the_changes_of_the_noise_come_in_their_documented_order(bench: Bench) -> None:
    """By hand: (eps + offset) f, then the picture's share, then the shift, then the factors."""
    alone = {
        "offset": {"dynamic_noise_offset": True},
        "signal": {"do_signal_correction_noise": True},
        "shift": {"random_noise_shift": 0.2},
        "factor": {"random_noise_multiplier": 0.3},
    }
    plain = bench.seen().example.noise
    noise = {name: bench.seen(**option).example.noise for name, option in alone.items()}
    expected = (noise["offset"] * 1.5 + (noise["signal"] - plain) + (noise["shift"] - plain)) * (
        noise["factor"] / plain
    )
    options = {key: value for option in alone.values() for key, value in option.items()}
    together = bench.seen(noise_multiplier=1.5, **options).example.noise
    assert torch.allclose(together, expected, atol=1e-4)


def test_an_option_that_is_on_leaves_the_draws_of_the_others_alone(bench: Bench) -> None:
    options = [
        {"random_noise_shift": 0.2},
        {"do_batch_noise_correction": True},
        {"blended_blur_noise": True},
        {"weight_jitter": 0.5},
    ]
    plain = bench.seen()
    for option in options:
        seen = bench.seen(**option)
        assert seen.losses.timesteps == plain.losses.timesteps
        assert torch.equal(seen.example.latents, plain.example.latents)
