"""Charts as characters."""

import math
from itertools import pairwise

import pytest

from tui.views.chart_choice import ChartChoice
from tui.watch.history import BROKEN, RESTART, SAMPLE, SAVE
from tui.watch.series import NAN, Curve, Window, window
from tui.widgets.axes import LINEAR, LOG, TRIMMED, Limits, StickyLimits, choose, nice_step
from tui.widgets.canvas import ASCII, BLOCK, BRAILLE, Canvas
from tui.widgets.chart import Picture, draw, plot_dots, readout
from tui.widgets.rows import text_of, width_of

WIDTH, HEIGHT = 60, 12


def curve_of(values, width=WIDTH, dots=BRAILLE, smooth=True, label="loss"):
    view = window(len(values), plot_dots(width, dots))
    buckets = []
    for at in range(view.bucket_of(len(values)) + 1):
        part = values[at * view.per_bucket : (at + 1) * view.per_bucket]
        finite = [v for v in part if math.isfinite(v)]
        triple = (min(finite), max(finite), sum(finite) / len(finite)) if finite else (NAN,) * 3
        buckets.append(triple if part else None)
    line = [b[2] if b else NAN for b in buckets] if smooth else []
    return Curve(label, view, buckets, line, last_step=len(values))


def lines_of(picture, width=WIDTH, height=HEIGHT, scale=LINEAR):
    return [text_of(line) for line in draw(picture, width, height, StickyLimits(scale))]


def falling(count=1000):
    return [0.2 + 0.4 * math.exp(-n / 200) for n in range(count)]


@pytest.mark.parametrize("dots", [BRAILLE, BLOCK, ASCII])
@pytest.mark.parametrize(("width", "height"), [(20, 4), (60, 12), (130, 26)])
def test_a_chart_has_exactly_its_size(dots, width, height):
    rows = draw(Picture([curve_of(falling(), width, dots)], dots=dots), width, height,
                StickyLimits())  # fmt: skip
    assert len(rows) == height
    assert {width_of(line) for line in rows} == {width}


def test_a_falling_loss_falls_on_the_screen():
    lines = lines_of(Picture([curve_of(falling())]))
    first = [y for y, line in enumerate(lines[:-1]) if line[6] not in " ⠀"]
    last = [y for y, line in enumerate(lines[:-1]) if line[30] not in " ⠀"]
    assert max(first) < min(last)


def test_one_spike_among_thousands_stays_visible():
    values = [0.2] * 5000
    values[3000] = 2.0
    lines = lines_of(Picture([curve_of(values, smooth=False)]))
    marked = [x for x in range(6, WIDTH) if lines[2][x] not in " ⠀"]
    assert len(marked) == 1


def test_a_new_step_changes_only_the_last_column():
    before = lines_of(Picture([curve_of(falling(700))]))
    after = lines_of(Picture([curve_of(falling(701))]))
    changed = {x for a, b in zip(before, after, strict=True) for x in range(WIDTH) if a[x] != b[x]}
    assert len(changed) <= 1


def test_nan_is_a_gap_in_the_curve_and_kept_out_of_the_limits():
    values = [0.5] * 40
    values[20] = NAN
    view = Window(1, 0, 108)
    buckets = [(v, v, v) for v in values]
    rows = draw(Picture([Curve("loss", view, buckets)]), WIDTH, HEIGHT, StickyLimits())
    drawn = "".join(text_of(line)[6:] for line in rows[:-1])
    middle = [text_of(line)[6 + 10] for line in rows[:-1]]
    assert drawn.strip(" ⠀")
    # Step 21 is the left dot of cell 10: only the right one is set.
    assert {char for char in middle if char not in " ⠀"} <= {"⢸", "⠈", "⠐", "⠠", "⢀"}


def test_an_infinite_value_alone_draws_nothing_and_does_not_fail():
    view = Window(1, 0, 108)
    lines = lines_of(Picture([Curve("loss", view, [(NAN, NAN, NAN)], [NAN])]))
    assert len(lines) == HEIGHT


def test_the_smoothed_line_lies_over_the_band():
    view = Window(1, 3, 108)
    buckets = [(0.1, 0.9, 0.5)] * 50
    rows = draw(Picture([Curve("loss", view, buckets, [0.5] * 50)]), WIDTH, HEIGHT, StickyLimits())
    roles = {role for line in rows for _, role in line}
    assert {"chart-raw", "chart-smooth"} <= roles
    middle = next(line for line in rows if any(role == "chart-smooth" for _, role in line))
    assert not any(role == "chart-raw" for _, role in middle)


def test_overlaid_runs_have_colours_of_their_own_and_no_band():
    curves = [curve_of(falling()), curve_of([v + 0.1 for v in falling()], label="other")]
    rows = draw(Picture(curves), WIDTH, HEIGHT, StickyLimits())
    roles = {role for line in rows for _, role in line}
    assert {"chart-smooth", "chart-2", "chart-raw"} <= roles


def test_marks_stand_on_the_step_axis():
    marks = [(100, SAMPLE), (300, SAVE), (400, SAMPLE), (400, SAVE), (600, RESTART), (700, BROKEN)]
    axis = lines_of(Picture([curve_of(falling(800))], marks))[-1]
    places = {char: axis.index(char) for char in "┬┴┼╫×"}
    assert list(places) == sorted(places, key=places.get)
    assert axis.startswith("     └0")


def test_marks_that_would_crowd_the_axis_are_left_out_but_restarts_are_not():
    marks = [(n, SAVE) for n in range(0, 800, 10)] + [(400, RESTART)]
    axis = lines_of(Picture([curve_of(falling(800))], marks))[-1]
    assert "┴" not in axis
    assert "╫" in axis


def test_the_cursor_is_a_line_through_the_plot_in_its_own_role():
    rows = draw(Picture([curve_of(falling())], cursor=500), WIDTH, HEIGHT, StickyLimits())
    under = [role for line in rows[:-1] for text, role in line if role == "cursor-text"]
    assert len(under) == HEIGHT - 1


def test_an_empty_chart_says_why():
    lines = lines_of(Picture(empty="loading the model"))
    assert any("loading the model" in line for line in lines)


def test_the_ascii_set_keeps_to_ascii():
    marks = [(100, SAMPLE), (300, SAVE), (600, RESTART)]
    picture = Picture([curve_of(falling(800), dots=ASCII)], marks, cursor=400, dots=ASCII)
    assert all(line.isascii() for line in lines_of(picture))


def test_a_steep_line_has_no_gaps():
    canvas = Canvas(2, 5)
    canvas.line(0, 0, 3, 19, "x")
    filled = set()
    for column in range(4):
        for y in range(20):
            cell = canvas._layers["x"][(y // 4) * 2 + column // 2]
            if cell & BRAILLE.bits[y % 4][column % 2]:
                filled.add(y)
    assert filled == set(range(20))


def test_a_dot_outside_the_canvas_is_cut_off():
    canvas = Canvas(2, 1)
    canvas.column(-1, 0, 3, "x")
    canvas.column(9, 0, 3, "x")
    canvas.column(0, -5, 99, "x")
    assert text_of(canvas.draw()[0]) == "⡇ "


@pytest.mark.parametrize(
    ("low", "high", "scale", "bottom", "top"),
    [
        (0.03, 0.71, LINEAR, 0.0, 0.8), (0.21, 0.24, LINEAR, 0.21, 0.24), (5, 5, LINEAR, 2, 8),
        (0.03, 0.71, LOG, 0.02, 1.0), (0.0, 0.5, LOG, 5e-05, 0.5), (-1, -0.2, LINEAR, -1, -0.2),
    ],
)  # fmt: skip
def test_limits_are_round_and_hold_the_values(low, high, scale, bottom, top):
    found = choose(low, high, scale)
    assert (found.bottom, found.top) == (pytest.approx(bottom), pytest.approx(top))


def test_limits_hold_still_until_a_value_leaves_them():
    limits = StickyLimits()
    first = limits.update([0.2, 0.6])
    assert limits.update([0.25, 0.55]) is first
    wider = limits.update([0.1, 0.9])
    assert wider.bottom <= 0.1
    assert wider.top >= 0.9


def test_limits_shrink_when_most_of_the_plot_has_become_empty():
    limits = StickyLimits()
    limits.update([0.0, 10.0])
    assert limits.update([0.1, 0.4]).top < 1


def test_the_trimmed_axis_leaves_outliers_outside_but_not_the_smoothed_line():
    values = [0.2 + n / 1000 for n in range(100)] + [50.0]
    assert StickyLimits(TRIMMED).update(values).top < 1
    assert StickyLimits(TRIMMED).update(values, [3.0]).top >= 3


def test_without_a_finite_value_there_are_no_limits():
    assert StickyLimits().update([NAN, math.inf]) is None
    assert StickyLimits(LOG).update([0.0, -1.0]) is None


@pytest.mark.parametrize("scale", [LINEAR, LOG])
@pytest.mark.parametrize("rows", [3, 10, 25])
def test_ticks_are_round_and_never_touch(scale, rows):
    ticks = choose(0.03, 0.71, scale).ticks(rows)
    places = sorted(ticks)
    assert len(places) >= (2 if rows > 3 else 1)
    assert all(b - a >= 2 for a, b in pairwise(places))
    assert all(float(f"{value:.3g}") == pytest.approx(value) for value in ticks.values())


def test_values_beyond_the_limits_are_beyond_the_plot():
    limits = Limits(0.1, 1.0, LOG)
    assert limits.dot(2.0, 40) == -1
    assert limits.dot(0.01, 40) == 40
    assert limits.dot(-3.0, 40) == 40
    assert limits.dot(1.0, 40) == 0
    assert limits.dot(0.1, 40) == 39


@pytest.mark.parametrize(("rough", "nice"), [(0.9, 1), (1.1, 2), (2.2, 2.5), (3, 5), (7, 10)])
def test_steps_are_round(rough, nice):
    assert nice_step(rough) == pytest.approx(nice)


def test_the_readout_gives_the_range_of_a_bucket():
    words = readout(curve_of(falling(1000)), 500)
    assert words.startswith("steps 497-512  loss .2")
    assert "ema" in words
    assert readout(curve_of(falling(20)), 5).startswith("step 5  loss .5")
    assert readout(curve_of(falling(20)), 500) == "step 500  no value"


def test_the_cursor_starts_at_the_newest_step_and_leaves_at_the_end():
    choice, curves = ChartChoice(), [curve_of(falling(1000))]
    choice.move_cursor(1, curves)
    assert choice.cursor is None
    choice.move_cursor(-1, curves)
    assert choice.cursor == 993
    choice.move_cursor(-1, curves)
    assert choice.cursor < 993
    for _ in range(3):
        choice.move_cursor(1, curves)
    assert choice.cursor is None


def test_zooms_that_would_change_nothing_are_skipped():
    choice = ChartChoice()
    assert choice.change_zoom(1, 3000) == "last 500 steps"
    assert choice.change_zoom(1, 3000) == "last 100 steps"
    assert choice.change_zoom(1, 3000) == "last 100 steps"
    choice.change_zoom(-1, 3000)
    assert choice.change_zoom(-1, 3000) == "all steps"
    assert choice.change_zoom(1, 50) == "all steps"


def test_choices_are_told_in_words():
    choice = ChartChoice()
    assert choice.title([], 0) == "loss  ema .97  linear y  all steps"
    choice.next_scale(), choice.next_smoothing()
    assert choice.title([], 3) == "loss  ema .99  log y  all steps  3 NaN"
    assert choice.next_series(["loss", "grad_norm"], 1) == "grad_norm"
    assert choice.next_series(["loss", "grad_norm"], 1) == "loss"
