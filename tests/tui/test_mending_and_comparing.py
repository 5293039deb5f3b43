"""Suggestions applied by key, in the form and on the launch screen; the comparison; the jump
overlay; the undo list after a crash; how the app looks, by flag and by file."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from schema.home import config_dir
from schema.run.layout import RunFolder
from schema.run.registry import register
from tests.tui.driver import CONFIG, SIZES, Screen, check_golden, opened
from tui import settings
from tui.cli import main
from tui.draft import Draft
from tui.form.jump import labels
from tui.form.mending import NOTHING
from tui.theme import load
from tui.views.launch import LaunchView

FAULTY = CONFIG.replace("lr: 1e-4", "lrr: 1e-4").replace("batch_size: 4", 'batch_size: "4"')


@pytest.fixture
def faulty(project: Path) -> Path:
    project.write_text(FAULTY)
    return project


async def test_a_applies_the_suggestion_under_the_cursor_and_u_takes_it_back(faulty: Path) -> None:
    async with opened(faulty) as screen:
        draft = screen.config.draft
        assert screen.config.go("train.batch_size")
        assert "apply" in await screen.text()
        await screen.press("a")
        assert draft.value("train.batch_size") == 4
        assert "train.batch_size = 4" in screen.status
        await screen.press("a")
        assert screen.status.endswith(NOTHING)
        await screen.press("u")
        assert draft.value("train.batch_size") == "4"


async def test_a_works_in_the_list_of_problems(faulty: Path) -> None:
    async with opened(faulty) as screen:
        await screen.press("E")
        rows = screen.config.option_list
        at = next(y for y, row in enumerate(rows.rows) if row.path == "train.lrr")
        rows.jump_to(at)
        await screen.press("a")
        assert screen.config.draft.value("train.lr") == pytest.approx(1e-4)
        assert screen.config.node.id == "#problems"
        assert "train.lrr" not in [row.path for row in rows.rows]


async def test_A_applies_all_that_is_safe_as_one_step(faulty: Path) -> None:
    async with opened(faulty) as screen:
        await screen.press("A")
        draft = screen.config.draft
        assert draft.document.history() == ["mend 2 findings"]
        assert draft.value("train.batch_size") == 4
        assert draft.count("error") == 0
        await screen.press("u")
        assert draft.document.text() == FAULTY


async def test_the_launch_screen_mends_too(faulty: Path) -> None:
    async with opened(faulty) as screen:
        await screen.press("L")
        view = screen.app.screen
        assert isinstance(view, LaunchView)
        await screen.until(lambda: view.found is not None and not view.busy, "the look")
        draft = view.draft
        at = next(y for y, row in enumerate(view.option_list.rows) if row.path == "train.lrr")
        view.option_list.jump_to(at)
        await screen.press("a")
        assert draft.value("train.lr") == pytest.approx(1e-4)
        await screen.until(lambda: not view.busy, "the second look")
        await screen.press("A")
        assert draft.value("train.batch_size") == 4
        await screen.until(lambda: not view.busy, "the third look")
        await screen.press("u")
        assert draft.value("train.batch_size") == "4"
        await screen.press("1")
        await screen.until(lambda: screen.app.current_mode == "config", "the form")
        assert screen.config.go("train.batch_size")
        assert screen.row.mark == "!"


async def test_enter_takes_one_value_of_the_other_side_and_D_those_of_a_section(
    project: Path,
) -> None:
    async with opened(project) as screen:
        draft = screen.config.draft
        for line in ("train.steps 7", "train.batch_size 9", "network.linear 8"):
            await screen.command(f"set {line}")
        await screen.press("d")
        await screen.until(lambda: screen.config.compare.open, "the comparison")
        rows = {row.path: (row.value, row.note) for row in screen.config.option_list.rows}
        assert rows["train.steps"] == ("7", "2000")
        assert "3 differ" in await screen.text()
        at = [row.path for row in screen.config.option_list.rows].index("train.steps")
        screen.config.option_list.jump_to(at)
        await screen.press("enter")
        assert draft.value("train.steps") == 2000
        await screen.press("u", "D")
        assert (draft.value("train.steps"), draft.value("train.batch_size")) == (2000, 4)
        assert draft.value("network.linear") == 8
        await screen.press("u", "d")
        assert draft.value("train.steps") == 7
        assert screen.config.panes.plain


async def test_a_run_and_a_file_can_be_the_other_side(project: Path, tmp_path: Path) -> None:
    run = tmp_path / "output" / "older"
    run.mkdir(parents=True)
    (run / "config.yaml").write_text(CONFIG.replace("lr: 1e-4", "lr: 3e-4"))
    folder = RunFolder(run)
    folder.run_json.parent.mkdir(parents=True, exist_ok=True)
    folder.run_json.write_text(json.dumps({"name": "older"}))
    register(folder)
    async with opened(project) as screen:
        await screen.command(f"compare file {run / 'config.yaml'}")
        await screen.until(lambda: screen.config.compare.open, "the comparison")
        (row,) = [row for row in screen.config.option_list.rows if row.kind == "compare"]
        assert (row.path, row.value, row.note) == ("train.lr", "0.0001", "0.0003")
        await screen.press("enter")
        assert screen.config.draft.value("train.lr") == pytest.approx(3e-4)
        assert "Nothing differs" in await screen.text()
        await screen.command("compare run older")
        await screen.until(lambda: "run older" in screen.drawn(), "the run")
        await screen.command("compare file /no/such/file")
        await screen.until(lambda: "No such file" in screen.status, "the reason")
        await screen.command("compare preset none")
        assert "no preset" in screen.status
        await screen.command("compare with what")
        assert "preset NAME" in screen.status


async def test_before_there_is_a_file_the_comparison_says_so(project: Path) -> None:
    async with opened(project) as screen:
        await screen.app.show_draft(Draft.new(CONFIG))
        await screen.until(lambda: screen.config.draft.path is None, "the new config")
        await screen.press("d")
        assert "There is no file yet" in await screen.text()


def test_labels_are_short_and_none_begins_another() -> None:
    assert labels(3) == ["a", "s", "d"]
    for count in (1, 26, 27, 60, 676):
        made = labels(count)
        assert len(set(made)) == count
        assert not any(one != other and other.startswith(one) for one in made for other in made)


def focus_of(screen: Screen) -> object:
    return screen.app.focused


def visible(screen: Screen, widget: object) -> dict[int, str]:
    """Lines of a widget with the letters that lead there."""
    return {y: name for name, (of, y) in screen.config.jump.targets.items() if of is widget}


async def test_f_then_letters_go_to_a_field_or_a_section(project: Path) -> None:
    async with opened(project, (200, 60)) as screen:
        await screen.go("train.steps")
        await screen.press("f")
        view = screen.config
        to = visible(screen, view.sidebar)
        at = next(y for y, node in enumerate(view.nodes) if node.id == "network")
        await screen.type(to[at])
        assert view.node.id == "network"
        assert focus_of(screen) is view.sidebar
        await screen.press("f")
        to = visible(screen, view.option_list)
        at = max(to)
        await screen.type(to[at])
        assert view.option_list.cursor == at
        assert focus_of(screen) is view.option_list
        await screen.press("f", "ctrl+g")
        assert not view.jump.targets
        assert focus_of(screen) is view.option_list
        await screen.press("f", "1")
        assert screen.app.current_mode == "config"


async def test_the_undo_list_comes_back_after_a_crash(project: Path) -> None:
    earlier = Draft.open(project)
    earlier.set("train.steps", 10)
    earlier.set("train.steps", 20)
    earlier.set("network.linear", 4)
    earlier.undo()
    assert earlier.autosave()
    os.utime(earlier.kept.file, (2e9, 2e9))
    async with opened(project) as screen:
        await screen.press("r")
        draft = screen.config.draft
        assert "2 steps to undo" in screen.status
        assert draft.value("train.steps") == 20
        await screen.press("ctrl+r")
        assert draft.value("network.linear") == 4
        await screen.press("u", "u")
        assert draft.value("train.steps") == 10
        await screen.press("u")
        assert draft.document.text() == CONFIG
        assert not draft.unsaved


def test_a_copy_without_a_history_comes_back_as_one_step(project: Path) -> None:
    earlier = Draft.open(project)
    earlier.set("train.steps", 10)
    earlier.autosave()
    earlier.kept.history.write_text("{broken")
    later = Draft.open(project)
    assert later.restore(earlier.document.text()) == 1
    assert later.value("train.steps") == 10
    assert later.undo() == "restore unsaved edits"
    earlier.forget_autosaved()
    assert not earlier.kept.history.exists()


def own_theme(accent: str) -> None:
    folder = settings.theme_folder()
    folder.mkdir(parents=True, exist_ok=True)
    shipped = Path(__file__).parents[2] / "themes" / "dark.yaml"
    lines = [
        f"  accent: '{accent}'" if line.strip().startswith("accent:") else line
        for line in shipped.read_text().splitlines()
    ]
    (folder / "mine.yaml").write_text("\n".join(lines))


async def test_a_theme_is_followed_while_its_file_is_edited(project: Path) -> None:
    own_theme("#112233")
    async with opened(project) as screen:
        await screen.command("theme mine")
        assert screen.app.look.colors["accent"] == "#112233"
        own_theme("#445566 ".strip() + "  # warmer")
        own_theme("#445566")
        os.utime(settings.theme_folder() / "mine.yaml", (2e9, 2e9))
        await screen.until(lambda: screen.app.look.colors["accent"] == "#445566", "the new colour")
        (settings.theme_folder() / "mine.yaml").write_text("colors: {accent: nonsense}")
        await screen.until(lambda: "mine.yaml:1" in screen.status, "the complaint")
        assert screen.app.look.colors["accent"] == "#445566"


def test_a_theme_of_the_environment_is_not_written_into_the_settings(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FINETUI_THEME", "light")
    loaded = settings.load()
    assert loaded.theme == "light"
    loaded.tier = "expert"
    loaded.save()
    assert "theme: dark" in (config_dir() / "settings.yaml").read_text()
    assert load(loaded.theme).name == "light"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--theme", "nonsense", "options"], "no theme 'nonsense'"),
        (["--colors=many"], "one of auto"),
        (["--theme"], "needs a value"),
    ],
)
def test_wrong_looks_are_refused(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert words in capsys.readouterr().err


def test_looks_go_before_anything_else(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FINETUI_THEME", "")
    monkeypatch.setenv("FINETUI_COLORS", "")
    assert main(["--theme", "light", "--colors=16", "--version"]) == 0
    assert os.environ["FINETUI_THEME"] == "light"
    assert os.environ["FINETUI_COLORS"] == "16"
    assert "finetui" in capsys.readouterr().out


async def comparison(screen: Screen) -> None:
    for line in ("train.steps 7", "network.linear 8", "train.max_grad_norm 2"):
        await screen.command(f"set {line}")
    await screen.press("d")
    await screen.until(lambda: screen.config.compare.open, "the comparison")


@pytest.mark.usefixtures("steady")
@pytest.mark.parametrize("size", SIZES)
async def test_the_comparison_looks_as_stored(project: Path, size: tuple[int, int]) -> None:
    async with opened(project, size) as screen:
        await comparison(screen)
        check_golden(f"compare_{size[0]}x{size[1]}", await screen.text())


@pytest.mark.usefixtures("steady")
@pytest.mark.parametrize("size", SIZES)
async def test_the_jump_letters_look_as_stored(project: Path, size: tuple[int, int]) -> None:
    async with opened(project, size) as screen:
        await screen.go("train.steps")
        await screen.press("f")
        check_golden(f"jump_{size[0]}x{size[1]}", await screen.text())
