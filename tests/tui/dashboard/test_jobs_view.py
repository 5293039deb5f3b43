"""The list of runs."""

from __future__ import annotations

import pytest

from schema.run.registry import register
from tests.tui.dashboard.screens import opened, screen, shows, until
from tests.tui.fake_run import BEGUN, FakeRun
from tui.views import job_rows
from tui.views.run import RunView
from tui.widgets.rows import text_of, width_of


@pytest.fixture
def runs(tmp_path):
    made = []
    for at, (name, state, lr) in enumerate(
        [("newest", "training", 1e-4), ("middle", "paused", 3e-4), ("oldest", "finished", 1e-3)]
    ):
        run = FakeRun(tmp_path, name, lr=lr, begun=BEGUN - 1000 * at)
        run.train(100)
        run.status(state)
        register(run.folder)
        made.append(run)
    return made


def commands(run):
    return [path.name.split("-", 1)[1] for path in run.folder.control.glob("*.json")]


async def test_all_known_runs_are_listed_newest_first(runs):
    async with opened(runs[0].folder, mode="jobs") as (app, pilot):
        await until(pilot, shows(app, "3 runs, 2 at work"))
        names = [line.split()[1] for line in screen(app).splitlines()[2:5]]
        assert names == ["newest", "middle", "oldest"]


async def test_enter_watches_the_run_under_the_cursor(runs):
    async with opened(runs[0].folder, mode="jobs") as (app, pilot):
        await until(pilot, shows(app, "oldest"))
        await pilot.press("end", "enter")
        await until(pilot, lambda: isinstance(app.screen, RunView))
        assert app.current_run == runs[2].folder


async def test_marked_runs_are_laid_over_the_one_that_is_watched(runs):
    async with opened(runs[0].folder, (120, 40), mode="jobs") as (app, pilot):
        await until(pilot, shows(app, "oldest"))
        await pilot.press("space", "space", "home", "enter")
        await until(pilot, lambda: isinstance(app.screen, RunView))
        await until(pilot, shows(app, "all steps  middle"))


async def test_stop_asks_and_reaches_only_the_chosen_run(runs):
    async with opened(runs[0].folder, mode="jobs") as (app, pilot):
        await until(pilot, shows(app, "oldest"))
        await pilot.press("down", "X")
        await until(pilot, shows(app, "Stop middle at step 100?"))
        await pilot.press("y")
        await until(pilot, lambda: commands(runs[1]) == ["stop.json"])
        assert commands(runs[0]) == []


async def test_pause_goes_on_where_a_run_is_paused(runs):
    async with opened(runs[0].folder, mode="jobs") as (app, pilot):
        await until(pilot, shows(app, "oldest"))
        await pilot.press("p", "down", "p")
        await until(pilot, lambda: commands(runs[1]) == ["resume.json"])
        await until(pilot, lambda: commands(runs[0]) == ["pause.json"])


async def test_what_has_ended_takes_no_orders(runs):
    async with opened(runs[0].folder, mode="jobs") as (app, pilot):
        await until(pilot, shows(app, "oldest"))
        await pilot.press("end", "X")
        await until(pilot, shows(app, "oldest has ended"))


async def test_configs_of_marked_runs_are_compared_below(runs):
    async with opened(runs[0].folder, mode="jobs") as (app, pilot):
        await until(pilot, shows(app, "oldest"))
        await pilot.press("d")
        await until(pilot, shows(app, "mark two runs"))
        await pilot.press("space", "space", "d")
        await until(pilot, shows(app, "train.lr", "0.0001", "0.0003"))
        await pilot.press("q")
        await until(pilot, lambda: "train.lr" not in screen(app))


async def test_no_more_than_four_are_marked(runs, tmp_path):
    for at in range(3):
        run = FakeRun(tmp_path, f"more{at}", begun=BEGUN - 9000)
        run.status("finished")
        register(run.folder)
    async with opened(runs[0].folder, mode="jobs") as (app, pilot):
        await until(pilot, shows(app, "6 runs"))
        await pilot.press(*["space"] * 5)
        await until(pilot, shows(app, "4 runs can be compared"))
        await pilot.press("home", "space")
        assert len(app.screen.marked) == 3


async def test_the_cursor_stays_on_its_run_when_a_new_one_comes(runs, tmp_path):
    async with opened(runs[0].folder, mode="jobs") as (app, pilot):
        await until(pilot, shows(app, "oldest"))
        await pilot.press("down")
        run = FakeRun(tmp_path, "brand_new", begun=BEGUN + 9000)
        run.status()
        register(run.folder)
        app.screen._watcher.look_now()
        await until(pilot, shows(app, "brand_new"))
        assert app.screen.chosen.folder == runs[1].folder


async def test_without_runs_the_way_to_one_is_named(tmp_path):
    run = FakeRun(tmp_path)
    async with opened(run.folder, mode="jobs") as (app, pilot):
        await until(pilot, shows(app, "No run was started on this machine yet"))
        await pilot.press("X", "p", "d", "space", "enter", "0", "y", "up")
        await pilot.pause()


@pytest.mark.parametrize("width", [60, 72, 80, 96, 110, 120, 200])
def test_every_width_has_a_name_a_state_and_a_step(width):
    headings = [name for name, _ in job_rows.columns(width)]
    assert headings[:3] == ["name", "state", "step"]
    assert width_of(job_rows.head(width)) == width
    assert text_of(job_rows.head(width)).split()[0] == "name"
