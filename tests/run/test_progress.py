"""What a run looks like without a screen."""

import io
from dataclasses import replace
from typing import Any

import pytest

from schema.run.layout import RunFolder
from schema.run.process import this_process
from schema.run.status import RunStatus, State
from tests.run.test_state import write
from tui.commands import ps
from tui.progress import Progress, clock_words, closing_words, describe

STATUS = RunStatus(
    "cats", "/runs/cats", state=State.TRAINING, step=50, steps=200, loss=0.12345, eta_seconds=75.0
)


class Screen(io.StringIO):
    """A stream that says whether it is a terminal, and in which encoding."""

    def __init__(self, live: bool, encoding: str = "utf-8") -> None:
        super().__init__()
        self._live, self._encoding = live, encoding

    def isatty(self) -> bool:
        return self._live

    @property
    def encoding(self) -> str:
        return self._encoding


def test_the_line_has_state_share_loss_speed_and_time_left() -> None:
    line = Progress(Screen(True)).line(replace(STATUS, steps_per_second=2.5))
    for part in ("training", "50/200  25%", "loss 0.1235", "2.50 steps/s", "1:15 left"):
        assert part in line
    assert line.count("━") == 6


def test_a_terminal_without_unicode_gets_plain_characters() -> None:
    assert Progress(Screen(True, "ascii")).line(STATUS).isascii()


def test_a_silent_worker_is_named() -> None:
    assert "no sign of life for 31 s" in Progress(Screen(True)).line(
        replace(STATUS, silent_seconds=31.0)
    )


def test_a_file_gets_a_line_when_the_state_changes_and_now_and_then() -> None:
    now, stream = [0.0], Screen(False)
    progress = Progress(stream, clock=lambda: now[0])
    for second in range(31):
        now[0] = float(second)
        progress.show(STATUS)
    progress.show(replace(STATUS, state=State.SAVING))
    assert stream.getvalue().count("\n") == 4
    assert "\r" not in stream.getvalue()


def test_a_terminal_gets_one_line_that_is_drawn_over() -> None:
    stream = Screen(True)
    progress = Progress(stream)
    progress.show(STATUS)
    progress.show(STATUS)
    progress.say("step 50: saved")
    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().count("\r\x1b[K") == 3


def test_a_terminal_that_is_gone_ends_the_words_not_the_watching() -> None:
    stream = Screen(True)
    stream.close()
    progress = Progress(stream)
    progress.show(STATUS)
    progress.say("still here")


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ({"kind": "sample", "step": 4, "path": "samples/a.png"}, "step 4: sample samples/a.png"),
        ({"kind": "checkpoint", "step": 4, "path": "x"}, "step 4: saved x"),
        ({"kind": "warning", "message": "odd"}, "warning: odd"),
        ({"kind": "resumed", "step": 7}, "goes on after step 7"),
        (
            {"kind": "command", "name": "save", "status": "refused", "message": "no"},
            "save: refused, no",
        ),
        ({"kind": "command", "name": "save", "status": "done"}, None),
        ({"kind": "something new"}, None),
    ],
)
def test_events_are_told_in_a_line_or_not_at_all(event: dict[str, Any], words: str | None) -> None:
    assert describe(event) == words


def test_the_last_words_say_where_to_look(folder: RunFolder) -> None:
    failed = replace(STATUS, state=State.FAILED, error="it broke")
    assert "it broke" in closing_words(folder, failed)
    assert str(folder.log) in closing_words(folder, failed)
    finished = replace(STATUS, state=State.FINISHED)
    assert str(folder.path) in closing_words(folder, finished)
    folder.step_file(None).touch()
    assert "cats.safetensors" in closing_words(folder, finished)


def test_times_are_written_as_clocks_do() -> None:
    assert [clock_words(seconds) for seconds in (0, 59.6, 61, 3725)] == [
        "0:00",
        "1:00",
        "1:01",
        "1:02:05",
    ]


def test_ps_looks_twice_before_it_calls_a_run_of_another_host_lost(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = replace(this_process(), host="elsewhere")
    write(folder, far, heartbeat=1)
    monkeypatch.setattr(ps, "known_runs", lambda: [folder])
    monkeypatch.setattr(ps, "_look_again_later", lambda: None)
    assert [status.state for status in ps.statuses()] == [State.LOST]
    monkeypatch.setattr(ps, "_look_again_later", lambda: write(folder, far, heartbeat=2))
    assert [status.state for status in ps.statuses()] == [State.TRAINING]
