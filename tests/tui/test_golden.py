"""Golden text screens at the three sizes: what a person would see, line by line.

`FINETUI_GOLDEN=write python -m pytest tests/tui/test_golden.py` writes them anew.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.widgets import Input

from tests.tui.driver import SIZES, Screen, check_golden, opened
from tui.form.textpane import TextPane
from tui.views.launch import LaunchView

pytestmark = pytest.mark.usefixtures("steady")
Act = Callable[[Screen], Awaitable[None]]


async def form(screen: Screen) -> None:
    """A section with changed, erroneous and default fields."""
    await screen.command("set train.steps 3k")
    await screen.command("set train.batch_size many")
    await screen.go("train.batch_size")


async def half_typed(screen: Screen) -> None:
    """An editor open on a value that is not one yet."""
    await screen.go("train.lr")
    await screen.press("enter")
    screen.config.query_one("#inspector Input", Input).value = "1e"


async def choices(screen: Screen) -> None:
    """The list of samplers with a word on each."""
    await screen.go("sample.sampler")
    await screen.press("enter")


async def search(screen: Screen) -> None:
    """Results from several sections."""
    await screen.press("/")
    await screen.type("cache")


async def yaml(screen: Screen) -> None:
    """The file as it would be saved."""
    await screen.command("set train.steps 3k")
    await screen.go("train.steps")
    await screen.press("v")
    await screen.until(lambda: "steps: 3000" in screen.drawn(), "the line of the field")
    pane = screen.config.query_one(TextPane)
    ends = "▁▂▃▄▅▆▇"  # of the scrollbar's thumb, which is drawn a moment later
    await screen.until(
        lambda: not pane.max_scroll_y or any(end in screen.drawn() for end in ends), "the scrollbar"
    )


async def palette(screen: Screen) -> None:
    """The command line with its completions."""
    await screen.press(":")
    await screen.type("set lr")


async def help_panel(screen: Screen) -> None:
    """Prose and keys."""
    await screen.press("?")


async def launch(screen: Screen) -> None:
    """Everything fine but a warning."""
    await screen.press("L")
    view = screen.app.screen
    assert isinstance(view, LaunchView)
    await screen.until(lambda: view.found is not None and not view.busy, "the look")


async def refused(screen: Screen) -> None:
    """Launch with errors."""
    await screen.command("set train.steps many")
    await screen.command("set sample.width 3")
    await launch(screen)


SCREENS: tuple[Act, ...] = (
    form, half_typed, choices, search, yaml, palette, help_panel, launch, refused,
)  # fmt: skip
# At 200x60 only what is laid out differently there.
CASES = [
    pytest.param(act, size, id=f"{act.__name__}_{size[0]}x{size[1]}")
    for act in SCREENS
    for size in SIZES
    if size[0] < 200 or act in (form, search, launch)
]


@pytest.mark.parametrize(("act", "size"), CASES)
async def test_the_screen_looks_as_stored(
    act: Act, size: tuple[int, int], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A path of fixed length on screen, whatever the temporary folder is called.
    monkeypatch.chdir(project.parent)
    async with opened(Path("project.yaml"), size) as screen:
        await act(screen)
        check_golden(f"{act.__name__}_{size[0]}x{size[1]}", await screen.text())


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_an_empty_home_looks_as_stored(size: tuple[int, int]) -> None:
    async with opened(None, size) as screen:
        await screen.until(lambda: "looking" not in screen.drawn(), "the runs")
        check_golden(f"home_{size[0]}x{size[1]}", await screen.text())
