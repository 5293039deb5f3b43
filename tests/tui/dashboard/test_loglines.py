"""The log pane: following, scrolling, filtering."""

import pytest
from textual.app import App

from tui.watch.history import ERROR, INFO, WARNING, LogLine
from tui.widgets.loglines import KEPT, LogView, MemoryLog


class _App(App):
    def __init__(self):
        super().__init__()
        self.look = None

    def compose(self):
        yield LogView(id="log")


def lines(count, start=0, level=INFO):
    return [LogLine(0, level, f"line {n}", raw=True) for n in range(start, start + count)]


@pytest.fixture
async def log(monkeypatch):
    monkeypatch.setattr(LogView, "style_of", lambda self, role: __import__("rich").style.Style())
    app = _App()
    async with app.run_test(size=(40, 5)) as pilot:
        view = app.query_one(LogView)
        view.source = MemoryLog(view.deliver)
        view.request()
        await pilot.pause()
        yield view


def shown(view):
    return [line.strip() for line in view.text.splitlines()]


async def test_the_end_is_followed(log):
    log.source.add(lines(20))
    assert shown(log) == [f"line {n}" for n in range(15, 20)]
    assert log.title == "following"


async def test_scrolling_up_leaves_the_end_and_counts_what_comes(log):
    log.source.add(lines(20))
    log.move(-1)
    assert not log.following
    log.source.add(lines(3, 20))
    assert shown(log)[-1] == "line 19"
    assert "3 new, end follows" in log.title
    log.to_end()
    assert shown(log)[-1] == "line 22"
    assert log.following


async def test_moving_past_the_end_follows_again(log):
    log.source.add(lines(20))
    log.page(-1)
    log.page(5)
    assert log.following


async def test_the_first_line_can_be_reached(log):
    log.source.add(lines(20))
    log.to_start()
    assert shown(log)[0] == "line 0"
    log.move(-5)
    assert log.current_text().strip() == "line 0"


async def test_a_filter_keeps_what_matches_and_counts_it(log):
    log.source.add(lines(120))
    log.filter("line 1\\d$")
    assert shown(log) == [f"line {n}" for n in range(15, 20)]
    assert "/line 1\\d$/ 10 lines" in log.title
    log.filter("")
    assert shown(log)[-1] == "line 119"


async def test_a_wrong_pattern_is_said_while_it_is_typed(log):
    log.source.add(lines(3))
    log.filter("(")
    assert "not a pattern" in shown(log)[0]


async def test_levels_cycle(log):
    log.source.add([*lines(1), *lines(1, 1, WARNING), *lines(1, 2, ERROR)])
    assert log.next_level() == "warnings and errors"
    assert shown(log) == ["line 1", "line 2"]
    assert log.next_level() == "errors"
    assert shown(log) == ["line 2"]
    assert log.next_level() == "all lines"
    assert len(shown(log)) == 3


async def test_only_so_many_lines_are_kept_and_the_newest_stay(log):
    log.source.add(lines(KEPT + 10))
    log.source.add(lines(1, KEPT + 10))
    assert log.window.total == KEPT
    assert shown(log)[-1] == f"line {KEPT + 10}"


async def test_the_line_under_the_cursor_can_be_copied(log):
    assert log.current_text() == ""
    log.source.add(lines(20))
    assert log.current_text().strip() == "line 19"
    log.move(-3)
    assert log.current_text().strip() == "line 17" or log.current_text().strip() == "line 16"


async def test_an_empty_log_says_so(log):
    log.source.add([])
    log.request()
    assert shown(log) == ["nothing yet"]
