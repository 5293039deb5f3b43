"""The measuring itself."""

import sys
from pathlib import Path

from tests.bench.measure import child_seconds, compare, first_text_seconds, python, ratio_of


def test_the_median_ratio_lies_in_its_interval_and_outliers_do_not_move_it() -> None:
    rows = [(1.1, 1.0)] * 19 + [(50.0, 1.0)]
    found = ratio_of(rows)
    assert found.median == 1.1
    assert found.low <= found.median <= found.high < 2


def test_the_sides_take_turns() -> None:
    calls: list[str] = []
    compare(lambda: calls.append("a") or 1.0, lambda: calls.append("b") or 1.0, 2, warm=0)
    assert calls == ["a", "b", "b", "a"]


def test_the_cost_of_a_child_is_its_processor_time_not_its_waiting() -> None:
    work = python("sum(i * i for i in range(4_000_000))")
    wait = python("import threading; threading.Event().wait(0.4)")
    assert child_seconds(work) > child_seconds(wait)


def test_the_first_text_is_seen_on_a_pty(tmp_path: Path) -> None:
    code = "import sys, shutil; print('size', shutil.get_terminal_size().columns); input()"
    assert first_text_seconds([sys.executable, "-c", code], "size", tmp_path) > 0
