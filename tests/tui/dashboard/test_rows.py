"""Rows of spans, what changed between them, and how little of it is sent."""

import io

import pytest
from rich.console import Console
from rich.segment import Segment
from textual import _compositor
from textual.app import App
from textual.strip import Strip

from tui.widgets import partial
from tui.widgets.rows import (
    MERGE_GAP,
    Rows,
    changed_spans,
    fit,
    joined,
    row,
    rule,
    spread,
    text_of,
    width_of,
)


def test_a_row_is_cut_with_an_ellipsis_and_filled_with_blanks():
    line = row("abc", ("defg", "warning"))
    assert text_of(fit(line, 5)) == "abcd…"
    assert text_of(fit(line, 9)) == "abcdefg  "
    assert text_of(fit(line, 3)) == "ab…"
    assert fit(line, 0) == ()


@pytest.mark.parametrize("width", range(1, 12))
def test_a_row_with_wide_characters_has_exactly_its_width(width):
    assert width_of(fit(row("日本語", ("テスト", "muted")), width)) == width


def test_the_right_part_is_kept_whole():
    assert text_of(spread(row("a long name"), row("42"), 8)) == "a lon…42"


def test_a_rule_carries_its_title_and_meets_other_lines():
    assert text_of(rule("log", 12)) == "─ log ──────"
    assert text_of(rule("log", 12, joint=(9, "┼"))) == "─ log ───┼──"
    assert text_of(rule("", 4)) == "────"
    assert width_of(rule("a title that is too long", 10)) == 10


def test_only_differing_cells_are_changed():
    before, after = row("step 6118  loss .2"), row("step 6119  loss .2")
    assert changed_spans(before, after) == [(8, 9)]
    assert changed_spans(before, before) == []


def test_near_changes_are_sent_as_one_and_far_ones_are_not():
    gap = "x" * MERGE_GAP
    assert changed_spans(row(f"a{gap}b"), row(f"A{gap}B")) == [
        (0, 1),
        (1 + MERGE_GAP, 2 + MERGE_GAP),
    ]
    near = gap[1:]
    assert changed_spans(row(f"a{near}b"), row(f"A{near}B")) == [(0, 1 + MERGE_GAP)]


def test_a_change_of_colour_is_a_change():
    assert changed_spans(row(("ab", "muted")), row(("ab", "warning"))) == [(0, 2)]


def test_a_wide_character_changes_both_its_cells():
    assert changed_spans(row("x日y"), row("x本y")) == [(1, 3)] or changed_spans(
        row("x日y"), row("x本y")
    ) == [(1, 2)]


def test_neighbours_of_one_role_become_one_span():
    assert joined(row("a", "b", ("c", "muted"), ("d", "muted"))) == (("ab", ""), ("cd", "muted"))


class _Update:
    def __init__(self, strips, spans, ends):
        self.chops, self.spans, self.chop_ends = strips, spans, ends


def test_a_partial_update_sends_the_changed_cells_alone():
    strip = Strip([Segment("0123456789")], 10)
    console = Console(file=io.StringIO(), color_system=None)
    sent = partial.render_segments(_Update([{0: strip}], [(0, 4, 6)], [[10]]), console)
    assert sent == "\x1b[1;5H45"


def test_a_partial_update_over_two_widgets_sends_a_part_of_each():
    left, right = Strip([Segment("abcde")], 5), Strip([Segment("fghij")], 5)
    console = Console(file=io.StringIO(), color_system=None)
    update = _Update([{0: left, 5: right}], [(0, 3, 7)], [[5, 10]])
    assert partial.render_segments(update, console) == "\x1b[1;4Hde\x1b[1;6Hfg"


def test_this_textual_is_the_one_the_correction_is_for():
    assert partial.install()
    assert _compositor.ChopsUpdate.render_segments is partial.render_segments


def test_an_unknown_textual_is_left_alone(monkeypatch):
    class Other:
        def render_segments(self, console, more):
            return ""

    monkeypatch.setattr(_compositor, "ChopsUpdate", Other)
    assert not partial.install()


class _App(App):
    look = None

    def compose(self):
        yield Rows(id="rows")


async def test_showing_the_same_rows_again_repaints_nothing(monkeypatch):
    app = _App()
    async with app.run_test(size=(20, 3)) as pilot:
        rows = app.query_one(Rows)
        asked = []
        monkeypatch.setattr(rows, "refresh", lambda *regions, **_: asked.append(regions))
        rows.show([row("step 1"), row("loss 2")])
        rows.show([row("step 1"), row("loss 2")])
        assert len(asked) == 1
        rows.show([row("step 1"), row("loss 3")])
        (region,) = asked[-1]
        assert tuple(region) == (5, 1, 1, 1)
        assert rows.text == "step 1\nloss 3"
        await pilot.pause()
