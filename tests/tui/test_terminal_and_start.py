"""The terminal's abilities, the clipboard's route, settings; a light start; any size."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from schema.home import config_dir, state_dir
from tests.tui.driver import opened
from tui import settings, terminal
from tui.draft import Draft


@pytest.mark.parametrize(
    ("environ", "depth"),
    [
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, "true"),
        ({"TERM": "tmux-256color"}, "256"),
        ({"TERM": "screen"}, "16"),
        ({"TERM": "linux"}, "16"),
        ({"TERM": "xterm-direct"}, "256"),
        ({"TERM": "xterm-256color", "COLORTERM": "24bit", "NO_COLOR": "1"}, "none"),
        ({"TERM": "xterm", "NO_COLOR": ""}, "16"),
        ({"TERM": "xterm-256color", "FINETUI_COLORS": "16"}, "16"),
    ],
)
def test_the_colour_depth_follows_the_environment(environ: dict[str, str], depth: str) -> None:
    assert terminal.color_depth(environ=environ) == depth


def test_a_tmux_that_knows_rgb_gets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "_tmux", lambda *_, **__: "256,RGB,title")
    assert terminal.color_depth(environ={"TERM": "tmux-256color", "TMUX": "/x"}) == "true"


def test_inside_tmux_the_copy_goes_through_its_buffer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[tuple[str, ...], str | None]] = []
    monkeypatch.setenv("TMUX", "/x")
    monkeypatch.setattr("shutil.which", lambda _: "/usr/bin/tmux")

    def tmux(*arguments: str, stdin: str | None = None) -> str:
        calls.append((arguments, stdin))
        return ""

    monkeypatch.setattr(terminal, "_tmux", tmux)
    words = terminal.copy("hello", pytest.fail, tmp_path / "clip.txt")
    assert "tmux" in words
    assert calls == [(("load-buffer", "-w", "-"), "hello")]
    assert (tmp_path / "clip.txt").read_text() == "hello"


def test_elsewhere_it_is_osc_52_up_to_what_terminals_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TMUX", raising=False)
    written: list[str] = []
    terminal.copy("hi", written.append, tmp_path / "clip.txt")
    assert written == ["\x1b]52;c;aGk=\a"]
    words = terminal.copy("x" * 80_000, written.append, tmp_path / "clip.txt")
    assert "too long" in words
    assert len(written) == 1


def test_the_facts_name_what_is_used() -> None:
    found = terminal.facts("256", (80, 24), "half")
    assert found["size"] == "80x24"
    assert found["colours"] == "256"
    assert found["pictures"] == "half"


def test_settings_survive_and_wrong_ones_are_named() -> None:
    own = settings.Settings(theme="light", tier="expert")
    own.save()
    assert settings.load() == own
    (config_dir() / "settings.yaml").write_text("theme: 3\nmouse: maybe\ntier: advanced\n")
    found = settings.load()
    assert found.tier == "advanced"
    assert found.theme == "dark"
    assert len(found.problems) == 2
    (config_dir() / "settings.yaml").write_text("theme: [\n")
    assert settings.load().problems


def test_the_theme_can_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINETUI_THEME", "teal-red")
    assert settings.load().theme == "teal-red"


def test_recent_configs_are_newest_first_and_gone_ones_left_out(tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.yaml" for number in range(15)]
    for file in files:
        file.write_text("x")
        settings.remember(file)
    assert settings.recent()[0] == files[-1]
    assert len(settings.recent()) == settings.RECENT_KEPT
    files[-1].unlink()
    assert settings.recent()[0] == files[-2]
    settings.forget(files[-2])
    assert files[-2] not in settings.recent()


LIGHT = """
import sys
from collections.abc import Callable
from pathlib import Path
from tui.app import FineTuiApp
from tui.views.home import HomeView
app = FineTuiApp(None, depth="256")
heavy = {"torch", "numpy", "diffusers", "engine"}
home = {"pydantic", "ruamel", "schema.catalogue"}
found = sorted(name for name in sys.modules if name.split(".")[0] in heavy or name in home)
import tui.views.config
found += sorted(name for name in sys.modules if name.split(".")[0] in heavy)
print(found)
from textual import constants
print(constants.ESCAPE_DELAY)
"""


def test_the_start_imports_nothing_heavy_and_esc_is_quick() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split("\n")[:2] == ["[]", "0.025"]


@pytest.mark.parametrize("size", [(59, 30), (100, 15), (41, 9)])
async def test_a_small_terminal_shows_plain_text_and_says_what_it_needs(
    project: Path, size: tuple[int, int]
) -> None:
    async with opened(project, size) as screen:
        text = await screen.text()
        assert "60x16" in text
        assert "project.yaml" in text


async def test_a_tiny_terminal_names_both_sizes(project: Path) -> None:
    async with opened(project, (38, 7)) as screen:
        assert "need 40x8, have 38x7" in await screen.text()


async def test_resizing_keeps_cursor_and_edits_and_moves_the_inspector(project: Path) -> None:
    async with opened(project, (120, 40)) as screen:
        await screen.go("train.lr")
        await screen.press("enter")
        await screen.type("5")
        inspector = screen.config.inspector
        for width, height in ((80, 24), (59, 20), (200, 60), (60, 16), (120, 40)):
            await screen.pilot.resize_terminal(width, height)
            await screen.settle()
            assert screen.row.path == "train.lr"
            assert screen.config.editing
        assert inspector.region.x > 60
        await screen.pilot.resize_terminal(80, 24)
        await screen.settle()
        assert inspector.region.x == 0
        await screen.press("enter")
        assert screen.config.draft.value("train.lr") == pytest.approx(0.00015)


async def test_ctrl_l_redraws_and_ctrl_c_without_a_selection_asks_to_quit(project: Path) -> None:
    async with opened(project) as screen:
        before = await screen.text()
        await screen.press("ctrl+l")
        assert await screen.text() == before
        await screen.press("ctrl+c")
        assert "Quit?" in screen.status
        await screen.press("ctrl+g")
        assert screen.app.return_value is None


async def test_a_crash_keeps_the_edits_and_puts_the_traceback_into_a_file(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []

    async def crash() -> None:
        async with opened(project) as screen:
            monkeypatch.setattr(screen.app, "panic", _noting(screen.app.panic, said))
            await screen.command("set train.steps 7")
            screen.config._table["tier"] = lambda: 1 / 0
            await screen.press("t")

    with pytest.raises(ZeroDivisionError):
        await crash()
    assert "ZeroDivisionError" in said[0]
    assert "edits are kept" in said[0]
    (file,) = (state_dir() / "crashes").iterdir()
    assert "Traceback" in file.read_text()
    assert Draft.open(project).autosaved() is not None


def _noting(panic: Callable[..., None], said: list[str]) -> Callable[..., None]:
    def note(text: str) -> None:
        said.append(text)
        panic(text)

    return note


async def test_coming_back_from_the_shell_draws_everything_again(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[object] = []
    monkeypatch.setattr("tui.screenwork.redraw", drawn.append)
    async with opened(project) as screen:
        screen.app.app_resume_signal.publish(screen.app)
        await screen.until(lambda: drawn, "the redraw")
