"""Where the panes go at every size."""

import pytest

from tui.views.run_layout import FRAME_ROWS, PANES, arrange

SIZES = [(60, 16), (60, 24), (80, 16), (80, 24), (100, 50), (109, 30), (110, 24), (120, 40),
         (159, 45), (160, 50), (160, 40), (200, 60), (300, 90)]  # fmt: skip


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("gpus", [0, 1, 2, 4, 8, 16])
@pytest.mark.parametrize("banner", [False, True])
def test_the_panes_fill_the_body_and_never_overlap(size, gpus, banner):
    width, height = size
    layout = arrange(width, height, gpus, banner=banner)
    covered = set()
    for region in layout.zones.values():
        cells = {(x, y) for x in range(region.x, region.right)
                 for y in range(region.y, region.bottom)}  # fmt: skip
        assert cells
        assert not covered & cells
        covered |= cells
    assert len(covered) == width * (height - FRAME_ROWS)


@pytest.mark.parametrize("size", SIZES)
def test_the_chart_has_six_rows_at_least(size):
    assert arrange(*size, 1).size("chart")[1] >= 6


def test_80x24_is_as_drawn():
    layout = arrange(80, 24, 1)
    heights = {name: layout.size(name)[1] for name in layout.zones}
    assert heights == {"gpu": 1, "chart.rule": 1, "chart": 11, "numbers": 1, "log.rule": 1,
                       "log": 5, "strip": 1}  # fmt: skip


def test_120x40_has_pictures_and_200x60_two_more_charts():
    assert {"metrics", "samples", "log"} <= arrange(120, 40, 2).zones.keys()
    wide = arrange(200, 60, 1)
    assert {"chart2", "chart3", "jobs", "samples"} <= wide.zones.keys()
    assert wide.size("metrics")[0] == 70


def test_the_order_of_dropping_is_samples_numbers_log():
    has = {height: set(arrange(80, height, 1).zones) for height in range(16, 25)}
    assert all("log" in zones and "chart" in zones for zones in has.values())
    sizes = [arrange(80, height, 1).size("log")[1] for height in range(16, 40)]
    assert sizes == sorted(sizes)


def test_many_gpus_take_one_line_where_room_is_short():
    assert arrange(80, 24, 8).size("gpu")[1] == 1
    assert arrange(120, 40, 8).size("gpu")[1] == 2
    assert arrange(200, 60, 8).size("gpu")[1] == 9
    assert arrange(120, 40, 4).size("gpu")[1] == 5


@pytest.mark.parametrize("pane", PANES)
def test_a_maximised_pane_has_the_body(pane):
    layout = arrange(80, 24, 1, maximised=pane)
    assert layout.size(pane) == (80, 20)
    assert set(layout.zones) == {pane, f"{pane}.rule"}


@pytest.mark.parametrize("size", [(59, 24), (80, 15), (20, 5)])
def test_a_terminal_that_is_too_small_leaves_everything_to_the_frame(size):
    assert arrange(*size, 1).zones == {}
