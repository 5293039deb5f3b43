"""Typing faster than the app opens a line: nothing of it runs as a command."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from textual import events
from textual.keys import _character_to_key
from textual.widgets import Input, TextArea

from tests.tui.driver import Screen, opened
from tui.app import FineTuiApp
from tui.widgets.statusline import Question, StatusLine


async def burst(screen: Screen, *keys: str) -> None:
    """Sends keys all at once, as a paste or a slow link does."""
    for key in keys:
        single = len(key) == 1
        name = _character_to_key(key) if single and not key.isalnum() else key
        character = key if single else {"enter": "\r"}.get(name)
        screen.app.post_message(events.Key(name, character))
    await screen.settle()


async def test_a_command_line_typed_at_once_is_a_command_line(project: Path) -> None:
    async with opened(project) as screen:
        await burst(screen, *":set train.steps 7", "enter")
        await screen.until(lambda: screen.config.draft.value("train.steps") == 7, "the value")
        assert screen.app.settings.tier == "basic"
        assert screen.config.panes.shown == "rows"


@pytest.mark.parametrize("opener", ["/", "?", ":"])
async def test_letters_after_an_opening_key_are_text(project: Path, opener: str) -> None:
    async with opened(project) as screen:
        before = screen.config.draft.document.text()
        await burst(screen, opener, *"xtv5 R")
        assert isinstance(screen.app.focused, Input)
        assert screen.app.focused.value == "xtv5 R"
        assert screen.app.current_mode == "config"
        assert screen.config.draft.document.text() == before


@pytest.mark.parametrize("path", ["train.steps", "config.name"])
async def test_a_number_typed_right_after_enter_goes_into_the_editor(
    project: Path, path: str
) -> None:
    async with opened(project) as screen:
        await screen.go(path)
        was = str(screen.config.draft.value(path))
        await burst(screen, "enter", *"345", "enter")
        assert screen.app.current_mode == "config"
        assert str(screen.config.draft.value(path)) == f"{was}345"


async def test_a_prompt_typed_right_after_enter_goes_into_its_area(project: Path) -> None:
    async with opened(project) as screen:
        await screen.go("sample.prompts[0]")
        await burst(screen, "enter", *" qxu")
        assert isinstance(screen.app.focused, TextArea)
        assert screen.app.focused.text == "a red zorble on a table qxu"


async def test_an_answer_sent_with_its_question_answers_it(project: Path) -> None:
    async with opened(project) as screen:
        said: list[str] = []
        ask = screen.app.ask
        screen.config._table["diff"] = lambda: ask(
            Question("Sure?", {"y": ("yes", lambda: said.append("yes"))})
        )
        await burst(screen, "d", "y")
        assert said == ["yes"]


async def test_a_command_begun_while_the_config_opens_is_ended_in_the_config(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tui.draft import Draft

    read, may_go_on = Draft.open, threading.Event()

    def slow(path: Path) -> Draft:
        may_go_on.wait(10)
        return read(path)

    monkeypatch.setattr(Draft, "open", slow)
    app = FineTuiApp(project, depth="true")
    async with app.run_test(size=(120, 40)) as pilot:
        screen = Screen(app, pilot)
        await screen.until(lambda: app.current_mode == "opening", "the empty view")
        await burst(screen, *":set train.")
        may_go_on.set()
        await screen.until(lambda: app.current_mode == "config", "the config")
        await screen.settle()
        await burst(screen, *"steps 7", "enter")
        await screen.until(lambda: screen.config.draft.value("train.steps") == 7, "the value")


@pytest.mark.parametrize("opener", [":", "/", "?"])
async def test_a_line_opened_over_a_question_means_no_and_is_a_line(
    project: Path, opener: str
) -> None:
    async with opened(project) as screen:
        said: list[str] = []
        screen.app.ask(Question("Sure?", {"y": ("yes", lambda: said.append("yes"))}))
        await burst(screen, opener, *"xtyR")
        assert isinstance(screen.app.focused, Input)
        assert screen.app.focused.value == "xtyR"
        assert said == []
        assert screen.config.query_one(StatusLine).question is None
