"""The command line: completion, set, go, theme, unknown commands; the help panel."""

from __future__ import annotations

from pathlib import Path

import pytest

from schema.home import state_dir
from tests.tui.driver import opened
from tui.fuzzy import score
from tui.keys import Key
from tui.palette import Command, Completion, completions, find, ranked
from tui.views.help import help_lines
from tui.widgets.commandline import Choices


def nothing(_: str) -> None: ...


COMMANDS = [
    Command("set", "give a value", nothing, "OPTION", lambda text: [Completion(f"{text}x", "w")]),
    Command("section.next", "next section", nothing),
    Command("q", "quit", nothing, aliases=("quit",)),
    Command("theme", "colours", nothing, off="not now"),
]


def test_commands_are_found_by_name_and_alias() -> None:
    command, rest = find(COMMANDS, "quit now")
    assert command is COMMANDS[2]
    assert rest == "now"
    assert find(COMMANDS, "nonsense") == (None, "")


def test_the_line_completes_commands_then_their_arguments() -> None:
    assert [one.text for one in completions(COMMANDS, "se")] == ["set ", "section.next"]
    assert completions(COMMANDS, "set tra") == [Completion("set trax", "w")]


def test_a_command_that_is_off_stays_in_the_list_with_its_reason() -> None:
    (found,) = completions(COMMANDS, "theme")
    assert found.off == "not now"


def test_what_is_no_command_is_asked_elsewhere() -> None:
    found = completions(COMMANDS, "lr", lambda text: [Completion(f"set {text} ")])
    assert found == [Completion("set lr ")]


@pytest.mark.parametrize(
    ("query", "better", "worse"),
    [("set", "set", "reset"), ("ne", "next", "section.next"), ("ne", "section.next", "line")],
)
def test_starts_of_words_rank_first(query: str, better: str, worse: str) -> None:
    good, bad = score(query, better), score(query, worse)
    assert good is not None
    assert bad is None or good > bad


def test_letters_that_are_not_there_fit_nothing() -> None:
    assert score("xyz", "theme") is None
    assert ranked(COMMANDS, "zzz") == []


async def test_set_from_the_command_line_sets_and_goes_to_the_field(project: Path) -> None:
    async with opened(project) as screen:
        await screen.command("set lr 1e-3")
        assert screen.config.draft.value("train.lr") == pytest.approx(1e-3)
        assert screen.row.path == "train.lr"
        await screen.command("set flip_x on")
        assert screen.config.draft.value("datasets[0].flip_x") is True
        await screen.command("set train.steps many")
        assert "number" in screen.status
        await screen.command("set nonsense 3")
        assert "no option" in screen.status


async def test_set_completes_options_choices_and_the_present_value(project: Path) -> None:
    async with opened(project) as screen:
        await screen.press(":")
        await screen.type("set optimizer")
        texts = [one.text for one in screen.app.screen.query_one(Choices).items]
        assert "set train.optimizer " in texts
        await screen.press("tab")
        texts = [one.text for one in screen.app.screen.query_one(Choices).items]
        assert "set train.optimizer adafactor" in texts
        await screen.press("ctrl+g")
        await screen.until(lambda: not screen.app.screen.query("#commandline"), "the line is gone")


async def test_typing_the_name_of_an_option_offers_to_set_it(project: Path) -> None:
    async with opened(project) as screen:
        await screen.press(":")
        await screen.type("min_snr")
        texts = [one.text for one in screen.app.screen.query_one(Choices).items]
        assert "set train.min_snr_gamma " in texts


async def test_reset_and_go_from_the_command_line(project: Path) -> None:
    async with opened(project) as screen:
        await screen.command("reset lr_scheduler")
        assert not screen.config.draft.is_set("train.lr_scheduler")
        await screen.command("go sampler")
        assert screen.row.path == "sample.sampler"


async def test_an_unknown_command_names_the_nearest(project: Path) -> None:
    async with opened(project) as screen:
        await screen.command("them")
        assert "theme?" in screen.status


async def test_theme_switches_at_once_and_is_remembered(project: Path) -> None:
    async with opened(project) as screen:
        await screen.command("theme light")
        assert screen.app.look.name == "light"
        assert screen.app.theme == "light"
        await screen.command("theme nonsense")
        assert "there are" in screen.status
        assert screen.app.look.name == "light"
    async with opened(project) as screen:
        assert screen.app.look.name == "light"


async def test_keys_can_be_run_as_commands_and_off_ones_say_why(project: Path) -> None:
    async with opened(project) as screen:
        await screen.go("train.steps")
        await screen.command("increase")
        await screen.settle()
        assert screen.config.draft.value("train.steps") == 2100
        await screen.command("redo")
        assert "nothing to redo" in screen.status


async def test_the_help_panel_shows_the_keys_of_the_view_first_and_filters(project: Path) -> None:
    async with opened(project) as screen:
        await screen.press("?")
        text = await screen.text()
        assert "Marks:" in text
        await screen.type("undo")
        text = await screen.text()
        assert "undo" in text
        assert "next section" not in text
        await screen.press("?")
        await screen.until(lambda: not screen.app.screen.query("#help"), "the panel is gone")
        assert screen.app.screen.focused is screen.config.option_list


async def test_the_terminal_facts_and_the_mouse_switch(project: Path) -> None:
    async with opened(project) as screen:
        await screen.command("terminal")
        assert "clipboard" in await screen.text()
        await screen.press("ctrl+g")
        await screen.command("mouse")
        assert "off" in screen.status
        assert screen.app.settings.mouse is False


async def test_values_and_paths_are_copied_and_the_route_is_named(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TMUX", raising=False)
    async with opened(project) as screen:
        await screen.go("train.steps")
        await screen.press("y")
        assert "OSC 52" in screen.status
        await screen.press("Y")
        assert (state_dir() / "clipboard.txt").read_text() == "train.steps"


def test_long_words_of_a_key_go_on_in_the_next_line_of_the_help() -> None:
    words = "watch the run; marked runs are laid over it"
    lines = help_lines("", [Key("job.open", "enter", words, "jobs")], "watch", 40)
    keys = [(left, right) for kind, left, right in lines if kind == "key"]
    assert [left for left, _ in keys] == ["enter", ""]
    assert " ".join(right for _, right in keys) == words
    assert all(len(right) <= 40 - 15 for _, right in keys)


@pytest.mark.parametrize("line", ["set train.steps 80", "w", "go train.lr"])
async def test_a_command_of_the_config_says_elsewhere_where_it_works(
    project: Path, line: str
) -> None:
    async with opened(project) as screen:
        await screen.press("5")
        await screen.command(line)
        assert "config view" in screen.status
