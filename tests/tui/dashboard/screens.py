"""Opening the real app on an invented run, waiting for what it shows, comparing whole screens."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from textual.pilot import Pilot

from schema.run.layout import RunFolder
from schema.run.state import RunWatch
from tests.tui.fake_nvml import Card, FakeNvml
from tests.tui.fake_run import FakeRun
from tui import views
from tui.app import FineTuiApp
from tui.views.run import RunView
from tui.watch.gpu import Host, Nvml

GOLDEN = Path(__file__).parent.parent / "golden"
HOST = Host(0.12, 88 * 2**30, 128 * 2**30)
SIZES = ((80, 24), (120, 40), (200, 60))


@asynccontextmanager
async def opened(
    folder: RunFolder, size: tuple[int, int] = (80, 24), *, cards: Sequence[Card] | None = None,
    nvml: FakeNvml | None = None, mode: str = "run", others: Sequence[RunFolder] = (),
) -> AsyncIterator[tuple[FineTuiApp, Pilot[int]]]:  # fmt: skip
    """The app with the dashboard on a run; the machine is invented too."""
    made = views.make
    machine = nvml or FakeNvml(list([Card()] if cards is None else cards))

    def make(app, name):
        if name != "run":
            return made(app, name)
        return RunView(folder, nvml=Nvml(machine), host=lambda: HOST, others=others)

    views.make = make
    app = FineTuiApp(run=folder, depth="true")
    try:
        async with app.run_test(size=size) as pilot:
            if mode != "run":
                await until(pilot, lambda: isinstance(app.screen, RunView))
                await pilot.press({"samples": "4", "jobs": "5"}[mode])
            yield app, pilot
    finally:
        views.make = made


async def until(pilot: Pilot[int], test: Callable[[], object], seconds: float = 10.0) -> None:
    """Let the app work until a condition holds.

    Raises:
        AssertionError: when it does not within the deadline; the screen is in the message.
    """
    deadline = time.monotonic() + seconds
    while not test():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s; the screen shows:\n{screen(pilot.app)}")
        await pilot.pause(0.01)
    await pilot.pause()


def screen(app: object) -> str:
    """Everything on screen, as characters."""
    rows = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in line).rstrip() for line in rows)


def shows(app: object, *words: str) -> Callable[[], bool]:
    """A condition: all these words stand on the screen."""
    return lambda: all(word in screen(app) for word in words)


def same_as_golden(app: object, name: str) -> None:
    """Compare the screen to the stored one; `FINETUI_GOLDEN=write` stores it instead.

    Raises:
        AssertionError: with the first line that differs.
    """
    found = screen(app) + "\n"
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("FINETUI_GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(found, encoding="utf-8")
        return
    wanted = path.read_text(encoding="utf-8")
    for number, (a, b) in enumerate(zip(found.splitlines(), wanted.splitlines()), 1):
        assert a == b, f"{path.name}:{number}\n  shown  {a}\n  stored {b}"
    assert found == wanted


def hold_time(monkeypatch, run: FakeRun) -> None:
    """Make everything that would differ from one test run to the next stand still."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    frozen = partial(RunWatch, clock=lambda: 0.0, wall=lambda: run.now + 1)
    monkeypatch.setattr("tui.watch.follow.RunWatch", frozen)
    monkeypatch.setattr("tui.watch.jobs.RunWatch", frozen)
    usage = type("Usage", (), {"free": 412 * 2**30})
    monkeypatch.setattr("tui.watch.follow.shutil.disk_usage", lambda _: usage)
