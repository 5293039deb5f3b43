"""Windows, buckets and the smoothed line."""

import math

import pytest

from tui.watch.broken import MOST, broken_steps
from tui.watch.series import NAN, Window, ema, make_curve, window


def reader_of(values):
    """Reads buckets out of `values`, whose first element is step 1; notes what was asked."""
    asked = []

    def read(first, last, buckets):
        asked.append((first, last, buckets))
        size = (last - first + 1) // buckets
        found = []
        for at in range(buckets):
            start = first + at * size
            part = [v for s, v in enumerate(values, 1) if start <= s < start + size]
            finite = [v for v in part if math.isfinite(v)]
            if not part:
                found.append(None)
            elif not finite:
                found.append((NAN, NAN, NAN))
            else:
                found.append((min(finite), max(finite), sum(finite) / len(finite)))
        return found

    return read, asked


@pytest.mark.parametrize("last", [1, 2, 40, 147, 148, 149, 1000, 6120, 100_000, 1_000_000])
def test_all_steps_fit_and_at_least_half_of_the_plot_is_used(last):
    view = window(last, 148)
    assert view.first == 1
    assert view.last >= last
    assert view.dot(last) < 148
    if last > 18:
        assert view.dot(last) >= 148 // 2 - view.dots_per_bucket


def test_a_window_does_not_change_until_its_plot_is_full():
    views = {window(last, 148) for last in range(149, 297)}
    assert views == {Window(1, 1, 148)}


def test_few_steps_are_spread_over_several_dots():
    view = window(20, 148)
    assert view.dots_per_bucket == 4
    assert view.dot(1) == 0
    assert view.dot(20) == 76


@pytest.mark.parametrize("zoom", [100, 500, 5000])
def test_a_zoomed_window_shows_at_least_the_wanted_steps_and_moves_in_jumps(zoom):
    lefts = []
    for last in range(20_000, 20_000 + zoom):
        view = window(last, 148, zoom)
        assert view.first <= last - zoom + 1 + view.per_bucket
        assert view.last >= last
        lefts.append(view.first)
    assert len(set(lefts)) <= 6


def test_buckets_start_where_the_store_starts_its_groups():
    view = window(20_000, 148, 5000)
    assert (view.first - 1) % view.per_bucket == 0


def test_ema_of_a_constant_is_the_constant_from_the_first_step():
    assert ema([3.0] * 5, 1, 0.97) == pytest.approx([3.0] * 5)


def test_ema_over_buckets_equals_ema_over_steps_for_constant_buckets():
    by_step = ema([1.0] * 8 + [2.0] * 8, 1, 0.9)
    by_bucket = ema([1.0, 2.0], 8, 0.9)
    assert by_bucket == pytest.approx([by_step[7], by_step[15]])


def test_ema_goes_on_over_gaps_and_broken_values():
    line = ema([1.0, NAN, math.inf, 1.0], 1, 0.9)
    assert line == pytest.approx([1.0] * 4)


def test_ema_says_nothing_before_the_first_value():
    line = ema([NAN, 2.0], 1, 0.9)
    assert math.isnan(line[0])
    assert line[1] == pytest.approx(2.0)


def test_a_curve_reads_only_up_to_the_last_step():
    read, asked = reader_of([0.5] * 300)
    view = window(300, 148)
    curve = make_curve("loss", view, read, 300, 0.97)
    assert asked == [(1, 300, 75)]
    assert len(curve.buckets) == len(curve.smooth) == 75


def test_a_zoomed_curve_is_smoothed_as_if_it_had_seen_the_steps_before():
    values = [1.0] * 3000 + [0.0] * 500
    read, _ = reader_of(values)
    whole = ema(values, 1, 0.97)
    view = window(3500, 1000, 500)
    curve = make_curve("loss", view, read, 3500, 0.97)
    at = view.bucket_of(3010)
    assert curve.smooth[at] == pytest.approx(whole[3009 + view.per_bucket - 1], abs=0.03)


def test_the_value_under_the_cursor_is_that_of_its_bucket():
    read, _ = reader_of([float(n) for n in range(1, 301)])
    curve = make_curve("loss", window(300, 148), read, 300)
    bucket, smooth = curve.value_at(6)
    assert bucket == (5.0, 8.0, 6.5)
    assert math.isnan(smooth)
    assert curve.value_at(5000) is None


def test_a_curve_without_steps_is_empty():
    read, asked = reader_of([])
    assert make_curve("loss", window(0, 148), read, 0).buckets == ()
    assert asked == []


def test_broken_steps_are_found_without_reading_every_step():
    wrong = {7, 5000, 5001, 99_999}
    asked = []

    def count(first, last):
        asked.append((first, last))
        return sum(first <= step <= last for step in wrong)

    assert broken_steps(1, 100_000, count) == sorted(wrong)
    assert len(asked) < 400


def test_a_run_full_of_nan_is_searched_only_until_enough_was_found():
    found = broken_steps(1, 100_000, lambda first, last: last - first + 1)
    assert found == list(range(1, MOST + 1))


def test_no_broken_step_costs_one_question():
    asked = []
    assert broken_steps(1, 1000, lambda a, b: asked.append((a, b)) or 0) == []
    assert asked == [(1, 1000)]
