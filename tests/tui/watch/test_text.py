"""Numbers in few characters."""

import math

import pytest

from tui.watch import text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "-"), (0, "0"), (0.214, ".2140"), (-0.5, "-.5000"), (1.31, "1.310"),
        (12.5, "12.50"), (999.96, "1000"), (4321.0, "4321"), (1e-4, "1.0e-4"), (3e5, "3.0e5"),
        (math.nan, "NaN"), (math.inf, "inf"), (-math.inf, "-inf"),
    ],
)  # fmt: skip
def test_a_number_has_four_digits(value, shown):
    assert text.short_number(value) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "-"), (-1, "-"), (math.inf, "-"), (0, "0s"), (59.4, "59s"), (59.6, "1m00s"),
        (99, "1m39s"), (10_620, "2h57m"), (3599.6, "1h00m"), (273_600, "3d04h"),
    ],
)  # fmt: skip
def test_a_duration_names_its_two_largest_units(seconds, shown):
    assert text.duration(seconds) == shown


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (None, "-"), (17, "17B"), (164 * 2**20, "164M"), (61.2 * 2**30, "61.2G"),
        (139 * 2**30, "139G"), (1.5 * 2**40, "1.50T"), (900, "900B"),
    ],
)  # fmt: skip
def test_a_size_has_three_digits(amount, shown):
    assert text.size(amount) == shown


@pytest.mark.parametrize(
    ("per_second", "shown"),
    [
        (1.31, "1.31 it/s"),
        (0.25, "4.00 s/it"),
        (None, "- it/s"),
        (0, "- it/s"),
        (52.1, "52.1 it/s"),
    ],
)
def test_slow_training_is_told_in_seconds_per_step(per_second, shown):
    assert text.speed(per_second) == shown


@pytest.mark.parametrize(
    ("steps", "shown"),
    [(0, "0"), (850, "850"), (2000, "2k"), (6050, "6050"), (6100, "6.1k"), (20_500, "20.5k"),
     (1_200_000, "1.2M")],
)  # fmt: skip
def test_step_labels_are_exact_and_short(steps, shown):
    assert text.count(steps) == shown


def test_both_ends_of_a_long_path_stay():
    short = text.shorten("/home/me/runs/dog_flux/samples/000000500_0.png", 24)
    assert len(short) == 24
    assert short.startswith("/home/me/ru")
    assert short.endswith("0500_0.png")
    assert text.shorten("abc", 3) == "abc"
    assert text.shorten("abc", 1) == "…"


def test_shares_have_a_constant_width():
    assert {len(text.percent(part)) for part in (0, 0.05, 0.5, 1.0, None, math.nan)} == {4}


@pytest.mark.parametrize(
    ("value", "shown"), [(0.5, "0.5"), (20.0, "20"), (1e-5, "1e-5"), (1.5e-4, "1.5e-4"), (0, "0")]
)
def test_axis_numbers_have_no_useless_zeros(value, shown):
    assert text.axis_number(value) == shown
