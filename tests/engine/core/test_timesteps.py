"""Which noise levels are drawn: densities against closed forms, and the documented numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import NormalDist, fmean, pstdev
from typing import Any

import pytest
import torch

from engine.errors import ConfigError
from engine.exploding import training_table
from engine.flow import FlowTable
from engine.losses.level_weights import LevelWeight
from engine.noise import NoiseTable
from engine.timesteps import Timesteps, build_timesteps
from schema.formulas import timesteps as formulas
from schema.formulas.sigmas import FlowShift
from schema.sections.train import Train

SD1 = NoiseTable.from_config(
    {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}
)
FLUX = FlowTable(FlowShift(0.5, 1.15))
LATENTS = (16, 64, 64)


def _tokens(shape: Sequence[int]) -> int:
    return shape[1] * shape[2] // 4


def _built(table: FlowTable | NoiseTable, **options: Any) -> Timesteps:
    train = Train.model_validate(options)
    return build_timesteps(train, training_table(table, train.noise_scheduler), _tokens, 7)


def _draws(table: FlowTable | NoiseTable, count: int = 2000, **options: Any) -> list[float]:
    return _built(table, **options).draw(1, range(count), shape=LATENTS)


def _share_above(draws: Sequence[float], t: float) -> float:
    return sum(value > t for value in draws) / len(draws)


# -- densities


@pytest.mark.proves("train.timestep_type")
def test_linear_draws_every_level_evenly() -> None:
    draws = _draws(FLUX, timestep_type="linear")
    assert all(_share_above(draws, t) == pytest.approx(1 - t / 1000, abs=0.03) for t in
               range(100, 1000, 100))  # fmt: skip
    assert max(draws) <= 1000
    assert all(t == int(t) for t in draws)


@pytest.mark.proves("train.timestep_type")
def test_sigmoid_is_the_logit_normal_distribution() -> None:
    draws = _draws(FLUX, timestep_type="sigmoid")
    assert fmean(draws) == pytest.approx(500, abs=15)
    assert pstdev(draws) == pytest.approx(208, abs=10)
    normal = NormalDist()
    for z in (-1.5, -0.5, 0.0, 1.0, 2.0):
        t = 1000 / (1 + 2.718281828459045**-z)
        assert _share_above(draws, t) == pytest.approx(1 - normal.cdf(z), abs=0.03)
    assert len(set(draws)) == len(draws)  # any value, not a list of a thousand


@pytest.mark.proves("train.timestep_type")
def test_lognorm_blend_leans_to_high_noise_over_an_even_floor() -> None:
    draws = _draws(FLUX, timestep_type="lognorm_blend")
    assert 600 < sorted(draws)[1000] < 700
    assert all(t == int(t) and 1 <= t <= 1000 for t in draws)
    levels = formulas.lognorm_blend_levels(1000)
    assert levels == sorted(levels, reverse=True)
    assert len(levels) == 1000
    assert sum(t <= 100 for t in levels) == pytest.approx(25, abs=3)  # the even quarter alone


@pytest.mark.proves("train.timestep_type")
def test_shift_draws_the_levels_of_the_models_sampler_at_this_size() -> None:
    timesteps = _built(FLUX, timestep_type="shift")
    factor = FLUX.shift.factor(1024)
    draws = timesteps.draw(1, range(2000), shape=LATENTS)
    for t in (250, 500, 750):
        before = t / (factor - (factor - 1) * t / 1000)  # the shift undone
        assert _share_above(draws, t) == pytest.approx(1 - before / 1000, abs=0.03)
    larger = timesteps.draw(1, range(2000), shape=(16, 128, 128))
    assert all(a >= b for a, b in zip(larger, draws, strict=True))
    assert fmean(larger) > fmean(draws) + 50
    fixed = _draws(FlowTable(FlowShift(3.0)), timestep_type="shift")
    assert _share_above(fixed, 750) == pytest.approx(0.5, abs=0.03)


@pytest.mark.proves("train.timestep_type")
@pytest.mark.parametrize(
    ("kind", "levels", "table_levels"),
    [
        ("one_step", [1000], [999]),
        ("two_step", [1000, 501], [999, 500]),
        ("four_step", [1000, 750, 500, 250], [999, 749, 499, 249]),
        ("eight_step", list(range(1000, 0, -125)), list(range(999, 0, -125))),
    ],
)
def test_fixed_steps_practise_a_few_levels_alone_in_every_kind_of_model(
    kind: str, levels: list[int], table_levels: list[int]
) -> None:
    for table, expected in ((FLUX, levels), (SD1, table_levels)):
        drawn = Counter(_draws(table, timestep_type=kind, min_denoising_steps=990,
                               content_or_style="style"))  # fmt: skip
        assert sorted(drawn, reverse=True) == expected
        assert all(n == pytest.approx(2000 / len(expected), rel=0.2) for n in drawn.values())


def test_an_alpha_bar_model_practises_its_own_table_evenly() -> None:
    plain = _draws(SD1)
    assert plain == Timesteps(7, 1000, 0, 999).draw(1, range(2000))
    assert all(isinstance(t, int) for t in plain)
    assert _share_above(plain, 499) == pytest.approx(0.5, abs=0.03)


@pytest.mark.proves("train.noise_scheduler")
def test_karras_names_practise_low_noise_more_often() -> None:
    assert sorted(_draws(SD1))[1000] == pytest.approx(499, abs=30)
    for name in ("k_euler", "k_lms", "k_dpmsolver", "k_dpmsolver++"):
        draws = _draws(SD1, noise_scheduler=name)
        assert sorted(draws)[1000] == pytest.approx(427, abs=30)
        assert all(0 <= t <= 999 and isinstance(t, int) for t in draws)


# -- positions


@pytest.mark.proves("train.content_or_style")
@pytest.mark.parametrize(("bias", "mean"), [("content", 750), ("style", 250), ("balanced", 500)])
def test_the_bias_moves_the_mean_to_noise_or_to_detail(bias: str, mean: float) -> None:
    for table in (FLUX, SD1):
        draws = _draws(table, 4000, timestep_type="linear", content_or_style=bias)
        assert fmean(draws) == pytest.approx(mean, abs=15)
        eighth = sum(t > 875 for t in draws) / 4000
        if bias == "content":
            assert eighth == pytest.approx(0.5, abs=0.03)


@pytest.mark.proves("train.content_or_style_reg")
def test_regularization_batches_have_a_bias_of_their_own() -> None:
    timesteps = _built(FLUX, timestep_type="linear", content_or_style_reg="style")
    plain = timesteps.draw(1, range(2000), shape=LATENTS)
    regularizing = timesteps.draw(1, range(2000), shape=LATENTS, reg=True)
    assert fmean(plain) == pytest.approx(500, abs=20)
    assert fmean(regularizing) == pytest.approx(250, abs=20)
    follows = _built(FLUX, timestep_type="linear", content_or_style="content")
    assert follows.draw(1, range(9), shape=LATENTS) == follows.draw(
        1, range(9), shape=LATENTS, reg=True
    )


@pytest.mark.proves("train.min_denoising_steps", "train.max_denoising_steps")
def test_the_range_counts_from_pure_noise() -> None:
    linear: dict[str, Any] = {"timestep_type": "linear"}
    clean = _draws(FLUX, **linear, min_denoising_steps=900, max_denoising_steps=999)
    noisy = _draws(FLUX, **linear, min_denoising_steps=0, max_denoising_steps=100)
    assert max(clean) <= 100
    assert min(noisy) >= 900
    assert set(_draws(FLUX, 9, **linear, min_denoising_steps=250, max_denoising_steps=250)) == {750}
    bent = _draws(FLUX, **linear, min_denoising_steps=500, content_or_style="content")
    assert max(bent) <= 500
    # of random levels the range is one of shares: the noisiest tenth
    tenth = _draws(FLUX, min_denoising_steps=0, max_denoising_steps=100)
    assert min(tenth) >= 1000 / (1 + 2.718281828459045 ** -NormalDist().inv_cdf(0.9)) - 1e-6
    table = _draws(SD1, min_denoising_steps=900)
    assert (min(table), max(table)) == (0, 99)


@pytest.mark.proves("train.num_train_timesteps")
def test_a_shorter_list_has_coarser_levels() -> None:
    draws = _draws(FLUX, timestep_type="linear", num_train_timesteps=4)
    assert set(draws) == {1000, 667, 334}
    assert set(_draws(SD1, num_train_timesteps=4)) == {750, 500, 250, 0}
    shifted = _draws(FLUX, timestep_type="shift", num_train_timesteps=5)
    assert sorted({round(t, 1) for t in shifted}) == [385.9, 652.9, 849.4, 1000]
    assert len(set(_draws(SD1, noise_scheduler="k_euler", num_train_timesteps=6))) == 6


def test_bounds_that_cross_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"min_denoising_steps.*above"):
        Timesteps(1, 1000, 10, 9)
    assert formulas.index_range(-5, 5000, 1000) == (0, 999)
    with pytest.raises(ValueError, match="above"):
        formulas.index_range(10, 9, 1000)
    assert formulas.position(0.9999999999999999, 0, 999) == 999
    assert formulas.position(0.0, 3, 9, "style") == 9


@pytest.mark.parametrize("kind", ["linear", "sigmoid", "shift"])
def test_every_expert_draws_from_its_own_part_of_the_noise(kind: str) -> None:
    timesteps = _built(FLUX, timestep_type=kind)
    high = timesteps.draw(1, range(500), (0.875, 1.0), LATENTS)
    low = timesteps.draw(1, range(500), (0.0, 0.875), LATENTS)
    assert min(high) >= 875
    assert max(high) > 940
    assert max(low) <= 875
    assert min(low) < 250
    with pytest.raises(ConfigError, match="experts"):
        _built(FLUX, timestep_type="one_step").draw(1, [0], (0.0, 0.5), LATENTS)


def test_a_slot_draws_the_same_whatever_is_beside_it() -> None:
    for kind in ("sigmoid", "shift", "eight_step"):
        timesteps = _built(FLUX, timestep_type=kind)
        together = timesteps.draw(4, [3, 4, 5], shape=LATENTS)
        assert [timesteps.draw(4, [slot], shape=LATENTS)[0] for slot in (3, 4, 5)] == together
        assert timesteps.draw(5, [3, 4, 5], shape=LATENTS) != together


# -- next sample


@pytest.mark.proves("train.next_sample_timesteps")
def test_the_list_of_next_sample_is_as_long_as_asked() -> None:
    timesteps = _built(FLUX, timestep_type="next_sample", next_sample_timesteps=5)
    draws = timesteps.draw(1, range(500), shape=LATENTS)
    levels = [1000 * sigma for sigma in FLUX.shift.levels(5, 1024)]
    assert set(draws) == set(levels[:3])
    assert timesteps.after(levels[:3], LATENTS) == levels[1:4]


# -- weights


def _weight(t: float, **options: Any) -> float:
    train = Train.model_validate(options)
    levels = formulas.level_weights(
        train.timestep_type, train.linear_timesteps, train.linear_timesteps2
    )
    assert levels is not None
    return LevelWeight(levels, "cpu").of(torch.tensor([t])).item()


@pytest.mark.proves("train.timestep_type")
def test_weighted_has_the_measured_curve_and_mean_one() -> None:
    table = formulas.weighted_weights()
    assert len(table) == 1000
    assert fmean(table) == pytest.approx(1.0)
    weighted = {"timestep_type": "weighted"}
    for position, measured in ((0, 0.906), (124, 1.523), (500, 0.925), (999, 0.447)):
        assert _weight(1000 - position, **weighted) == pytest.approx(measured, abs=0.04)
    assert _weight(666.5, **weighted) == pytest.approx(
        (_weight(666, **weighted) + _weight(667, **weighted)) / 2
    )
    assert _draws(FLUX, 50, **weighted) == _draws(FLUX, 50, timestep_type="linear")


@pytest.mark.proves("train.linear_timesteps")
def test_the_bell_has_its_closed_form() -> None:
    bell = {"linear_timesteps": True}
    table = torch.exp(-2 * ((torch.arange(1000) - 500.0) / 1000) ** 2)
    table = (table - table.min()) * 1000 / (table - table.min()).sum()
    for position in (0, 1, 250, 500, 750, 999):
        found = _weight(1000.0 - position, **bell)
        assert found == pytest.approx(table[position].item(), abs=1e-4)
    assert _weight(1000, **bell) == 0
    assert _weight(500, **bell) == pytest.approx(1.580, abs=1e-3)
    assert fmean(formulas.bell_weights()) == pytest.approx(1.0)
    assert _draws(FLUX, 50, **bell) == _draws(FLUX, 50, timestep_type="linear")
    assert _weight(124, **bell, timestep_type="weighted") == _weight(124, timestep_type="weighted")


@pytest.mark.proves("train.linear_timesteps2")
def test_half_a_bell_keeps_its_height_at_low_noise() -> None:
    both = {"linear_timesteps": True, "linear_timesteps2": True}
    for options in ({"linear_timesteps2": True}, both):
        assert _weight(250, **options) == _weight(500, **options) == _weight(1, **options)
        assert _weight(750, **options) == _weight(750, linear_timesteps=True)
    assert fmean(formulas.bell_weights(half=True)) == pytest.approx(1.289, abs=1e-3)
    assert _draws(FLUX, 50, linear_timesteps2=True) == _draws(FLUX, 50, timestep_type="linear")


# -- what the app draws


@pytest.mark.parametrize("bias", ["balanced", "content", "style"])
def test_the_drawn_density_matches_the_draws(bias: str) -> None:
    levels = formulas.linear_levels(1000)
    shares = formulas.density(levels, 200, 999, 8, bias)
    assert sum(shares) == pytest.approx(1.0)
    draws = _draws(FLUX, 4000, timestep_type="linear", min_denoising_steps=200,
                   content_or_style=bias)  # fmt: skip
    counted = Counter(min(int(t * 8 / 1000), 7) for t in draws)
    for place, share in enumerate(shares):
        assert counted[place] / 4000 == pytest.approx(share, abs=0.03)
