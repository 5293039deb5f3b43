"""Bars, sparklines, and the GPU panel in all its states."""

import math

import pytest

from tests.tui.fake_nvml import Card, FakeNvml
from tui.watch.gpu import NO_GPU, Host, Nvml
from tui.widgets.gauge import bar, gpu_rows, host_row, sparkline
from tui.widgets.rows import text_of, width_of

HOST = Host(0.12, 88 * 2**30, 128 * 2**30)


def panel(cards, width=80, room=1, host=HOST, **options):
    readings = Nvml(FakeNvml(cards)).read()
    return [text_of(line) for line in gpu_rows(readings.gpus, readings.why, host, width, room,
                                               **options)]  # fmt: skip


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "····"), (1, "████"), (0.5, "██··"), (0.53125, "██▏·"), (None, "····"), (7, "████"),
     (math.nan, "····"), (-1, "····")],
)  # fmt: skip
def test_a_bar_is_drawn_in_eighths(share, text):
    assert text_of(tuple(bar(share, 4, "gpu-ok"))) == text


def test_a_plain_bar_is_ascii():
    assert text_of(tuple(bar(0.5, 4, "gpu-ok", plain=True))) == "##.."


def test_a_sparkline_spans_its_own_values_and_skips_broken_ones():
    assert sparkline([0, 1, 2, 3], 4) == "▁▃▆█"
    assert sparkline([1, math.nan, 1], 5) == "  ▁ ▁"
    assert sparkline([], 3) == "   "
    assert sparkline([0, 1], 2, plain=True).isascii()


def test_one_gpu_is_one_line_with_all_its_numbers():
    (line,) = panel([Card()])
    for words in ("0 H200", "util", "78%", "61.2G/139G", "64°C", "612W"):
        assert words in line
    assert len(line) <= 80


@pytest.mark.parametrize("width", [60, 80, 109, 120, 160, 200])
def test_the_line_fits_every_width(width):
    (line,) = panel(
        [
            Card(),
        ][:1],
        width,
    )
    assert len(line) <= width


def test_eight_gpus_become_one_line_where_there_is_no_room():
    (line,) = panel([Card(load=10 * n, heat=60 + n) for n in range(8)], 120, 4)
    assert line.startswith(" 8 GPUs")
    assert "35%" in line
    assert "max  67°C" in line
    assert "4896W" in line
    assert len(line) <= 120


def test_eight_gpus_are_eight_lines_where_there_is():
    assert len(panel([Card() for _ in range(8)], 200, 8)) == 8


def test_a_card_without_reading_is_counted_in_the_summary():
    (line,) = panel([Card(), *[Card(used=None, load=None, heat=None, milliwatts=None)] * 5], 120, 1)
    assert "5 without reading" in line


def test_a_value_that_fails_is_a_dash():
    (line,) = panel([Card(milliwatts=None)])
    assert "-W" in line
    assert "78%" in line


def test_a_card_that_is_gone_says_so():
    readings = FakeNvml([Card(), Card()])
    reader = Nvml(readings)
    reader.read()
    readings.cards[1].lost = True
    found = reader.read()
    lines = [text_of(line) for line in gpu_rows(found.gpus, found.why, HOST, 80, 2)]
    assert "78%" in lines[0]
    assert "gone" in lines[1]


def test_without_a_gpu_cpu_and_ram_take_its_place():
    (line,) = panel([])
    assert NO_GPU in line
    assert "cpu" in line
    assert "12%" in line
    assert "88.0G/128G" in line


def test_without_any_reading_only_the_reason_is_left():
    assert panel([], host=None) == [f" {NO_GPU}"]


def test_heat_is_told_by_colour_and_number():
    readings = Nvml(FakeNvml([Card(heat=90)])).read()
    (line,) = gpu_rows(readings.gpus, "", HOST, 80, 1)
    assert (" 90°C", "gpu-hot") in line


def test_the_host_line_names_swap_only_when_it_is_used():
    assert "swap" not in text_of(host_row(HOST, 120, None))
    swapping = Host(0.1, 1, 2, swap_used=2**30)
    line = text_of(host_row(swapping, 120, 412 * 2**30))
    assert "swap 1.0G" in line
    assert "disk 412G free" in line
    assert width_of(host_row(None, 80, None)) < 80
