"""The launch view refuses with all findings, starts with one key; the home view opens things."""

from __future__ import annotations

from pathlib import Path

import pytest

from schema.document import Document
from schema.run.layout import RunFolder
from schema.run.registry import register
from tests.tui.driver import CONFIG, Screen, Starter, opened
from tui import preflight
from tui.views.home import HomeView
from tui.views.launch import LaunchView


async def at_launch(screen: Screen, starter: Starter | None = None) -> LaunchView:
    """The launch view, its look done."""
    await screen.press("L")
    await screen.until(lambda: isinstance(screen.app.screen, LaunchView), "the view")
    view = screen.app.screen
    assert isinstance(view, LaunchView)
    view.starter = starter or Starter()
    await screen.until(lambda: view.found is not None and not view.busy, "the look")
    return view


def no_run_view(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> list[RunFolder]:
    """Notes the runs that would be opened."""
    seen: list[RunFolder] = []

    async def open_run(folder: RunFolder) -> None:
        seen.append(folder)

    monkeypatch.setattr(screen.app, "open_run", open_run)
    return seen


async def test_launch_shows_every_finding_and_refuses_while_there_are_errors(
    project: Path,
) -> None:
    project.write_text(CONFIG.replace("steps: 2000", "steps: many").replace("lr:", "lrr:"))
    async with opened(project) as screen:
        starter = Starter()
        view = await at_launch(screen, starter)
        text = await screen.text()
        assert "Found: 2 errors" in text
        assert "2 errors must be repaired first" in text
        await screen.press("enter")
        assert "must be repaired" in screen.status
        await screen.press("L")
        assert "must be repaired" in screen.status
        assert not starter.plans
        assert view.why_not("start-now") is not None


async def test_enter_on_a_finding_goes_to_its_field(project: Path) -> None:
    project.write_text(CONFIG.replace("steps: 2000", "steps: many"))
    async with opened(project) as screen:
        await at_launch(screen)
        await screen.press("down", "enter")
        await screen.until(lambda: screen.app.current_mode == "config", "the config")
        assert screen.row.path == "train.steps"


async def test_one_key_starts_and_opens_the_run(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(project) as screen:
        starter = Starter()
        await at_launch(screen, starter)
        text = await screen.text()
        assert "Start training" in text
        assert "finetui run" in text
        assert "2,000 x 4 images" in text
        seen = no_run_view(screen, monkeypatch)
        await screen.press("L")
        await screen.until(lambda: seen, "the run")
        assert starter.plans[0].name == "first_light"
        assert seen[0].path == project.parent / "output" / "first_light"


async def test_unsaved_edits_are_part_of_the_run(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(project) as screen:
        await screen.command("set train.steps 5")
        starter = Starter()
        await at_launch(screen, starter)
        assert "unsaved edits" in await screen.text()
        seen = no_run_view(screen, monkeypatch)
        await screen.press("enter")
        await screen.until(lambda: seen, "the run")
        assert "steps: 5" in starter.plans[0].text
    assert project.read_text() == CONFIG


async def test_an_existing_run_is_continued_or_another_name_is_taken(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    RunFolder.create(project.parent / "output" / "first_light", CONFIG, "first_light")
    async with opened(project) as screen:
        starter = Starter()
        view = await at_launch(screen, starter)
        assert view.found is not None
        assert [choice.kind for choice in view.found.choices] == ["continue", "other-name"]
        assert "first_light-2" in await screen.text()
        seen = no_run_view(screen, monkeypatch)
        await screen.press("down", "enter")
        await screen.until(lambda: seen, "the run")
        assert starter.plans[0].name == "first_light-2"
        assert not starter.plans[0].continues


async def test_a_run_that_cannot_go_on_with_new_values_only_offers_a_new_name(
    project: Path,
) -> None:
    other = CONFIG.replace("linear: 16", "linear: 8")
    RunFolder.create(project.parent / "output" / "first_light", other, "first_light")
    found = preflight.look(Document.parse(CONFIG), project, project.parent)
    kinds = {choice.kind: choice for choice in found.choices}
    assert kinds["continue"].off is not None
    assert "network.linear" in kinds["continue"].off
    assert kinds["other-name"].off is None


async def test_changed_learning_rate_goes_on_only_when_it_is_asked_for(project: Path) -> None:
    other = CONFIG.replace("lr: 1e-4", "lr: 2e-4")
    RunFolder.create(project.parent / "output" / "first_light", other, "first_light")
    found = preflight.look(Document.parse(CONFIG), project, project.parent)
    choice = found.choices[0]
    assert choice.label == "Continue with the new values"
    assert choice.off is None
    assert any("train.lr" in finding.message for finding in found.findings)


async def test_n_takes_another_name_for_this_start(project: Path) -> None:
    async with opened(project) as screen:
        view = await at_launch(screen)
        await screen.command("name second")
        await screen.until(lambda: "second" in screen.drawn(), "the new name")
        assert view.found is not None
        assert "--name second" in view.found.command
        assert view.draft.value("config.name") == "first_light"


def test_free_names_count_up(project: Path) -> None:
    document = Document.parse(CONFIG)
    (project.parent / "output" / "first_light-2").mkdir(parents=True)
    assert preflight.free_name(document, project.parent, "first_light") == "first_light-3"
    assert preflight.free_name(document, project.parent, "first_light-2") == "first_light-3"


async def test_home_lists_configs_runs_presets_and_the_demo(project: Path) -> None:
    folder = RunFolder.create(project.parent / "output" / "old_run", CONFIG, "old_run")
    register(folder)
    async with opened(project):
        pass
    async with opened(None) as screen:
        await screen.until(lambda: "old_run" in screen.drawn(), "the runs")
        text = await screen.text()
        for word in ("project.yaml", "Character LoRA", "Demo", "enter open"):
            assert word in text
        await screen.press("enter")
        await screen.until(lambda: screen.app.current_mode == "config", "the config")
        assert screen.config.draft.path == project


async def test_home_says_which_key_to_press_when_it_is_empty() -> None:
    async with opened(None) as screen:
        await screen.until(lambda: "looking" not in screen.drawn(), "the runs")
        text = await screen.text()
        assert "W asks some questions" in text
        assert "open a config and press L" in text
        for mode, word in (("3", "No run is open"), ("1", "No config is open")):
            await screen.press(mode)
            assert word in await screen.text()


async def test_a_line_can_be_taken_off_the_list_without_deleting_anything(project: Path) -> None:
    async with opened(project):
        pass
    async with opened(None) as screen:
        view = screen.app.screen
        assert isinstance(view, HomeView)
        await screen.press("x")
        assert "project.yaml" not in await screen.text()
        assert project.exists()


async def test_a_file_that_cannot_be_opened_is_said(tmp_path: Path) -> None:
    async with opened(tmp_path / "nothing.yaml") as screen:
        assert screen.app.current_mode == "home"
        assert "No such file" in screen.status
