"""Saving, the autosaved copy and its offer, the editor outside, the quit guard, by keys."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.tui.driver import CONFIG, opened
from tui import settings
from tui.draft import Draft


async def test_quitting_with_unsaved_edits_asks_once_and_esc_stays(project: Path) -> None:
    async with opened(project) as screen:
        await screen.go("train.steps")
        await screen.press("+", "ctrl+q")
        assert "unsaved edits" in screen.status
        assert screen.app.is_running
        await screen.press("escape")
        assert "unsaved edits" not in screen.status
        assert screen.app.return_value is None


async def test_ctrl_q_twice_quits_and_the_edits_are_kept_safe(project: Path) -> None:
    async with opened(project) as screen:
        await screen.go("train.steps")
        await screen.press("+", "ctrl+q", "ctrl+q")
        assert screen.app.return_value == 0
    assert project.read_text() == CONFIG
    assert Draft.open(project).autosaved() is not None


async def test_w_at_the_guard_saves_and_quits(project: Path) -> None:
    async with opened(project) as screen:
        await screen.go("train.steps")
        await screen.press("+", "q", "w")
        assert screen.app.return_value == 0
    assert "steps: 2100" in project.read_text()


async def test_nothing_unsaved_means_ctrl_q_quits_at_once(project: Path) -> None:
    async with opened(project) as screen:
        await screen.press("ctrl+q")
        assert screen.app.return_value == 0


async def test_ctrl_q_works_inside_an_editor_too(project: Path) -> None:
    async with opened(project) as screen:
        await screen.go("config.name")
        await screen.press("enter", "ctrl+q")
        assert screen.app.return_value == 0


async def test_unsaved_edits_of_an_earlier_session_are_offered_and_restored(project: Path) -> None:
    earlier = Draft.open(project)
    earlier.set("train.steps", 77)
    earlier.autosave()
    async with opened(project) as screen:
        assert "Unsaved edits" in screen.status
        await screen.press("r")
        assert screen.config.draft.value("train.steps") == 77
        assert screen.config.draft.unsaved
        await screen.press("u")
        assert screen.config.draft.value("train.steps") == 2000


async def test_the_offer_can_be_declined_for_good(project: Path) -> None:
    earlier = Draft.open(project)
    earlier.set("train.steps", 77)
    earlier.autosave()
    async with opened(project) as screen:
        await screen.press("d")
        assert screen.config.draft.value("train.steps") == 2000
        assert not earlier.kept.file.exists()


async def test_edits_are_autosaved_when_it_is_quiet(project: Path) -> None:
    async with opened(project) as screen:
        await screen.go("train.steps")
        await screen.press("+")
        screen.config.files.flush()  # what the timer does after two quiet seconds
        assert screen.config.draft.kept.file.exists()
        assert "kept safe" in screen.status


async def test_a_folder_that_cannot_be_written_is_said_and_nothing_is_lost(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("schema.document.write_atomic", full)
    async with opened(project) as screen:
        await screen.go("train.steps")
        await screen.press("+", "ctrl+s")
        assert "No space left" in screen.status
        assert screen.config.draft.unsaved


async def test_saving_over_a_file_that_somebody_changed_asks_first(project: Path) -> None:
    async with opened(project) as screen:
        await screen.go("train.steps")
        await screen.press("+")
        project.write_text(CONFIG.replace("2000", "3000"))
        await screen.press("ctrl+s")
        assert "changed on disk" in screen.status
        assert "3000" in project.read_text()
        await screen.press("w")
        assert "2100" in project.read_text()


async def test_saving_with_errors_saves_and_says_so(project: Path) -> None:
    async with opened(project) as screen:
        await screen.command("set train.steps many")
        await screen.press("ctrl+s")
        assert "with 1 error" in screen.status
    assert "steps: many" in project.read_text()


async def test_a_new_config_asks_for_a_name_and_never_takes_an_existing_one(
    project: Path,
) -> None:
    async with opened(None) as screen:
        await screen.command("new style")
        await screen.until(lambda: screen.app.current_mode == "config", "the editor")
        await screen.press("ctrl+s")
        assert screen.app.screen.query("#commandline")
        await screen.press("ctrl+g")
        await screen.command(f"w {project}")
        assert "exists already" in screen.status
        assert project.read_text() == CONFIG
        await screen.command("w fresh.yaml")
        assert (project.parent / "fresh.yaml").exists()
        assert settings.recent()[0].name == "fresh.yaml"


async def test_the_outside_editor_changes_the_text_in_one_step_of_undo(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = project.parent / "edit.py"
    script.write_text(
        "import sys; from pathlib import Path; p = Path(sys.argv[-1])\n"
        "p.write_text(p.read_text().replace('2000', '42'))\n"
    )
    monkeypatch.setenv("VISUAL", f"{sys.executable} {script}")
    async with opened(project) as screen:
        # There is no terminal to hand over in a test.
        monkeypatch.setattr(screen.app, "suspend", _nothing)
        await screen.press("o")
        assert screen.config.draft.value("train.steps") == 42
        await screen.press("u")
        assert screen.config.draft.value("train.steps") == 2000


async def test_without_an_editor_set_the_key_says_what_to_do(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.delenv("EDITOR", raising=False)
    async with opened(project) as screen:
        await screen.press("o")
        assert "$EDITOR" in screen.status


class _nothing:
    def __enter__(self) -> None: ...
    def __exit__(self, *_: object) -> None: ...


async def test_the_offer_of_unsaved_edits_fits_80_columns(project: Path) -> None:
    earlier = Draft.open(project)
    earlier.set("train.steps", 77)
    earlier.autosave()
    async with opened(project, size=(80, 24)) as screen:
        assert "esc ask again later" in await screen.text()
