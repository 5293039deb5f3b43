"""The guided set-up by its keys: questions, values with reasons, changing them, the file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from textual import events

from schema.advice import Hardware
from schema.check import check_file
from schema.document import Document
from tests.tui.driver import SIZES, Screen, check_golden, opened
from tui import settings
from tui.views import wizard
from tui.views.home import HomeView
from tui.views.wizard import WizardView

MACHINE = Hardware(gpu="RTX 3060", memory=12 * 2**30, ram=32 * 2**30, disk_free=500 * 2**30)


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with captioned pictures, on a known machine."""
    folder = tmp_path / "zorbs"
    folder.mkdir()
    for number in range(12):
        Image.new("RGB", (640, 512)).save(folder / f"{number:02}.png")
        (folder / f"{number:02}.txt").write_text(f"a zorb in scene {number}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(wizard, "read_machine", lambda folder: MACHINE)
    return tmp_path


def view_of(screen: Screen) -> WizardView:
    assert isinstance(screen.app.screen, WizardView)
    return screen.app.screen


@asynccontextmanager
async def guided(size: tuple[int, int] = (120, 40)) -> AsyncIterator[tuple[Screen, WizardView]]:
    """The first question, the machine known."""
    async with opened(None, size) as screen:
        await screen.press("W")
        await screen.until(lambda: isinstance(screen.app.screen, WizardView), "the view")
        view = view_of(screen)
        await screen.until(lambda: view.machine is not None, "the machine")
        yield screen, view


async def to_values(screen: Screen, view: WizardView, goal: str = "character") -> None:
    """Answers everything: the goal, the pictures, else the usual."""
    await to_row(screen, view, goal)
    await screen.press("enter", "enter")
    await screen.type("zorbs")
    await screen.press("enter")
    await screen.until(lambda: view.pictures is not None, "the look at the pictures")
    for _ in view.questions:
        if view.question is not None:
            await screen.press("enter")
    assert view.question is None, screen.drawn()
    await screen.press("home")


async def to_row(screen: Screen, view: WizardView, path: str) -> None:
    """The cursor on a value."""
    await screen.press("home")
    for _ in range(80):
        if view.option_list.row is not None and view.option_list.row.path == path:
            return
        await screen.press("down")
    raise AssertionError(f"no row {path}")


def advised(view: WizardView, path: str) -> object:
    return view.advice.case.sheet.value(path)


async def test_enter_leads_through_to_a_saved_config_in_the_editor(workplace: Path) -> None:
    async with guided() as (screen, view):
        await to_values(screen, view)
        assert view.answers.trigger == "zorb"
        assert "Create" in await screen.text()
        await screen.press("enter")
        await screen.until(lambda: screen.app.current_mode == "config", "the editor")
        draft = screen.config.draft
        assert draft.path == workplace / "my_character.yaml"
        assert not draft.unsaved
        assert draft.on_disk
        assert "wrote my_character.yaml" in screen.status
    file = workplace / "my_character.yaml"
    assert [f.sentence() for f in check_file(file, files=False)] == []
    document = Document.load(file)
    assert document.value("trigger_word") == "zorb"
    assert document.value("datasets[0].folder_path") == "zorbs"
    assert "your 12 pictures" in file.read_text()
    assert settings.load().tier == "basic"
    assert file in settings.recent()


async def test_it_is_reached_from_home_palette_and_key() -> None:
    async with opened(None) as screen:
        home = screen.app.screen
        assert isinstance(home, HomeView)
        for _ in home.option_list.rows:
            if home.option_list.row is None or home.option_list.row.path != "guided:":
                await screen.press("down")
        await screen.press("enter")
        await screen.until(lambda: isinstance(screen.app.screen, WizardView), "the view")
        await screen.press("q")
        await screen.until(lambda: screen.app.current_mode == "home", "home again")
        await screen.command("guided")
        await screen.until(lambda: isinstance(screen.app.screen, WizardView), "the view")


async def test_back_goes_one_question_back_and_keeps_the_answer() -> None:
    async with guided() as (screen, view):
        await screen.press("down", "enter", "enter")
        assert view.asking
        await screen.type("zor")
        await screen.press("escape")
        assert (view.step, view.asking) == (1, False)
        await screen.press("backspace")
        assert view.step == 0
        assert view.option_list.row is not None
        assert view.option_list.row.path == "character"
        await screen.press("backspace")
        assert "first question" in screen.status


async def test_what_waits_cannot_be_chosen_and_says_why() -> None:
    async with guided() as (screen, view):
        rows = {row.path: row for row in view.option_list.rows}
        off = next((path for path, row in rows.items() if row.mark == "~"), None)
        if off is None:
            return
        await to_row(screen, view, off)
        await screen.press("enter")
        assert "not in the engine yet" in screen.status
        assert view.step == 0


async def test_a_folder_is_looked_at_while_it_is_typed() -> None:
    async with guided() as (screen, _):
        await screen.press("enter", "enter")
        await screen.type("zor")
        await screen.until(lambda: "zorbs" in screen.drawn(), "the completion")
        await screen.press("tab")
        await screen.until(lambda: "12 pictures, 640x512" in screen.drawn(), "the pictures")
        await screen.until(lambda: "a zorb in scene 0" in screen.drawn(), "a caption")
        await screen.type("x")
        await screen.until(lambda: "is not there yet" in screen.drawn(), "the fault")


async def test_a_value_is_changed_and_the_rest_follows() -> None:
    async with guided() as (screen, view):
        await to_values(screen, view)
        steps = advised(view, "train.steps")
        await to_row(screen, view, "train.batch_size")
        await screen.press("enter", "ctrl+u")
        await screen.type("4")
        await screen.press("enter")
        assert advised(view, "train.batch_size") == 4
        assert int(str(advised(view, "train.steps"))) < int(str(steps))
        assert view.option_list.row is not None
        assert view.option_list.row.mark == "*"
        await screen.press("r")
        assert advised(view, "train.steps") == steps
        await screen.press("r")
        assert "as advised already" in screen.status


async def test_nonsense_is_refused_in_place() -> None:
    async with guided() as (screen, view):
        await to_values(screen, view)
        await to_row(screen, view, "network.linear")
        await screen.press("enter", "ctrl+u")
        await screen.type("many")
        assert "whole number" in await screen.text()
        await screen.press("enter")
        assert "whole number" in screen.status
        assert view.panel.editor is not None
        await screen.press("escape")
        assert not view.panel.has_class("-editing")
        assert advised(view, "network.linear") == 16


async def test_switches_and_choices_toggle() -> None:
    async with guided() as (screen, view):
        await to_values(screen, view)
        await to_row(screen, view, "train.gradient_checkpointing")
        before = advised(view, "train.gradient_checkpointing")
        await screen.press("space")
        assert advised(view, "train.gradient_checkpointing") is not before
        await screen.press("enter")
        assert advised(view, "train.gradient_checkpointing") is before
        await to_row(screen, view, "train.lr_scheduler")
        await screen.press("space")
        assert advised(view, "train.lr_scheduler") != "constant"
        await to_row(screen, view, "save.save_every")
        await screen.press("space")
        assert "only switches" in screen.status


async def test_what_does_not_go_together_is_taken_back() -> None:
    async with guided() as (screen, view):
        await to_values(screen, view)
        view.answers = replace(view.answers, pins={"train.train_text_encoder": True})
        view.show("train.dtype")
        view.values.pin("train.cache_text_embeddings", True)
        assert "does not go together" in screen.status
        assert "train.cache_text_embeddings" not in view.answers.pins


async def test_keys_typed_fast_open_the_editor_of_their_row() -> None:
    async with guided() as (screen, view):
        await to_values(screen, view)
        for key in ("down", "down", "down", "down", "down", "enter"):
            screen.app.post_message(events.Key(key, None))
        await screen.settle()
        assert view.option_list.row is not None
        assert view.option_list.row.path == "network.type"
        assert view.panel.editor is not None
        assert view.panel.editor.has_focus_within


async def test_prompts_are_changed_one_by_one() -> None:
    async with guided() as (screen, view):
        await to_values(screen, view)
        await to_row(screen, view, "sample.samples[1].prompt")
        await screen.press("enter")
        await screen.type(" at night")
        await screen.press("enter")
        prompts = advised(view, "sample.samples")
        assert isinstance(prompts, list)
        assert prompts[1]["prompt"].endswith(" at night")
        count = len(prompts)
        await to_row(screen, view, "sample.samples[1].prompt")
        await screen.press("enter", "end", "ctrl+u", "enter")
        left = advised(view, "sample.samples")
        assert isinstance(left, list)
        assert len(left) == count - 1


async def test_the_keys_of_the_values_say_where_they_work() -> None:
    async with guided() as (screen, view):
        await screen.press("ctrl+s")
        assert "page of values" in screen.status
        await screen.press("v")
        assert view.question is None
        await screen.press("v")
        assert "here they are" in screen.status
        await screen.press("r")
        assert "no value here" in screen.status


async def test_a_file_that_exists_is_left_alone(workplace: Path) -> None:
    (workplace / "my_style.yaml").write_text("mine")
    async with guided() as (screen, _):
        await screen.press("v", "ctrl+s")
        await screen.until(lambda: screen.app.current_mode == "config", "the editor")
        assert screen.config.draft.path == workplace / "my_style-2.yaml"
    assert (workplace / "my_style.yaml").read_text() == "mine"


async def test_a_folder_that_cannot_be_written_is_said(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("schema.document.write_atomic", refuse)
    async with guided() as (screen, _):
        await screen.press("v", "ctrl+s")
        assert "not saved: Permission denied" in screen.status
        assert screen.app.current_mode == "wizard"


async def test_the_next_one_begins_anew() -> None:
    async with guided() as (screen, view):
        await screen.press("down", "enter", "v", "ctrl+s")
        await screen.until(lambda: screen.app.current_mode == "config", "the editor")
        await screen.press("W")
        await screen.until(lambda: isinstance(screen.app.screen, WizardView), "the view")
        assert view_of(screen) is not view
        assert view_of(screen).step == 0


# -- golden screens


async def first(screen: Screen, view: WizardView) -> None:
    """What to teach."""
    await screen.press("down")


async def folder(screen: Screen, view: WizardView) -> None:
    """The pictures, seen while they are typed."""
    await screen.press("down", "enter", "enter")
    await screen.type("zorbs/")
    await screen.until(lambda: "a zorb in scene 2" in screen.drawn(), "the pictures")


async def values(screen: Screen, view: WizardView) -> None:
    """Values with reasons, one of them changed."""
    await to_values(screen, view)
    await to_row(screen, view, "network.linear")
    await screen.press("enter", "ctrl+u")
    await screen.type("64")
    await screen.press("enter")
    await bar(screen, view)


async def edited(screen: Screen, view: WizardView) -> None:
    """A choice being made."""
    await to_values(screen, view)
    await to_row(screen, view, "train.lr_scheduler")
    await screen.press("enter")
    await bar(screen, view)


async def bar(screen: Screen, view: WizardView) -> None:
    """The scrollbar's thumb is drawn a moment later."""
    ends = "▁▂▃▄▅▆▇"
    await screen.until(
        lambda: not view.option_list.max_scroll_y or any(end in screen.drawn() for end in ends),
        "the scrollbar",
    )
    before = ""
    while before != screen.drawn():
        before = screen.drawn()
        await screen.pilot.pause(0.1)


Act = Callable[[Screen, WizardView], Awaitable[None]]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("act", [first, folder, values, edited], ids=lambda act: act.__name__)
async def test_the_screen_looks_as_stored(act: Act, size: tuple[int, int]) -> None:
    async with guided(size) as (screen, view):
        await act(screen, view)
        check_golden(f"wizard_{act.__name__}_{size[0]}x{size[1]}", await screen.text())
