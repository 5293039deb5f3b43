"""Whole screens, compared as text to stored ones (`FINETUI_GOLDEN=write` stores them anew)."""

from __future__ import annotations

import pytest

from schema.run.registry import register
from tests.tui.dashboard.screens import SIZES, hold_time, opened, same_as_golden, shows, until
from tests.tui.fake_nvml import Card, FakeNvml
from tests.tui.fake_run import BEGUN, FakeRun


@pytest.fixture
def run(tmp_path, monkeypatch):
    made = FakeRun(tmp_path)
    for _ in range(12):
        made.train(500)
        made.sample(made.step)
        made.save(made.step)
    made.tell("warning", message="caption missing for img_0041.png, used default_caption")
    made.train(120)
    made.status(updated=made.now)
    hold_time(monkeypatch, made)
    register(made.folder)
    return made


def name(view, size):
    return f"{view}_{size[0]}x{size[1]}"


@pytest.mark.parametrize("size", SIZES)
async def test_the_dashboard_of_a_run(run, size):
    cards = [Card()] if size[0] == 80 else [Card(), Card(load=75, heat=65)]
    async with opened(run.folder, size, cards=cards) as (app, pilot):
        await until(pilot, shows(app, "RUNNING", "└0", "step 6120", "H200"))
        if size[0] > 80:
            await until(pilot, shows(app, "000006000_1.png", "▀▀▀▀▀"))
        if size[0] == 200:
            await until(pilot, shows(app, "─ grad_norm", "other runs", "none"))
        await until(pilot, lambda: not _busy(app))
        same_as_golden(app, name("run", size))


def _busy(app):
    """Whether a picture or a curve is still on its way."""
    body = app.screen.dashboard
    drawn = body._rows("samples").text.splitlines()
    return any(not curves for curves in body.snapshot.curves.values()) or any(
        line.strip() == "…" for line in drawn
    )


@pytest.mark.parametrize("size", SIZES[:2])
async def test_the_dashboard_of_a_failed_run_without_gpu(run, size):
    run.folder.log.write_text(
        "loading unet\nTraceback (most recent call last):\n"
        '  File "engine/loop.py", line 1\nRuntimeError: loss is NaN at step 6120\n'
    )
    reason = "loss is NaN at step 6120; the last checkpoint is state/step_000006000"
    run.tell("exit", code=3, signal=None, reason=reason)
    run.status("failed", error=reason, updated=run.now)
    async with opened(run.folder, size, nvml=FakeNvml(absent=True)) as (app, pilot):
        await until(pilot, shows(app, "FAILED: loss is NaN", "no NVIDIA GPU", "└0"))
        if size[0] > 80:
            await until(pilot, shows(app, "▀▀▀▀▀"))
        same_as_golden(app, name("failed", size))


@pytest.mark.parametrize("size", SIZES)
async def test_the_sample_gallery(run, size):
    async with opened(run.folder, size, mode="samples") as (app, pilot):
        await until(pilot, shows(app, "24 pictures", "▸6000", "▀▀▀▀▀"))
        await until(pilot, lambda: "…" not in app.screen.query_one("#grid").text)
        if size[0] >= 160:  # its caption may hold a "…" of its own: the path is of any length
            await until(pilot, lambda: "▀▀▀▀▀" in app.screen.query_one("#preview").text)
        app.screen._follower.folder = run.folder
        app.screen.resting = lambda: "the path of the picture"
        app.screen.redraw_frame()
        if size[0] < 160:
            await pilot.pause()
            same_as_golden(app, name("samples", size))


@pytest.mark.parametrize("size", SIZES)
async def test_the_list_of_runs(run, tmp_path, size):
    for at, (other, state, lr) in enumerate(
        [("lora_cat", "finished", 3e-4), ("lora_cat_2", "failed", 1e-3), ("styles", "paused", 1e-4)]
    ):
        made = FakeRun(tmp_path, other, lr=lr, begun=BEGUN - 90_000 * (at + 1))
        made.train(500)
        error = "CUDA out of memory" if state == "failed" else None
        made.status(state, error=error, updated=run.now)
        register(made.folder)
    async with opened(run.folder, size, mode="jobs") as (app, pilot):
        await until(pilot, shows(app, "4 runs, 2 at work", "lora_cat_2", "OOM"))
        await pilot.press("space", "down", "space", "d")
        await until(pilot, shows(app, "configs of the marked runs", "train.lr"))
        app.screen.resting = lambda: "the folder of the run"
        app.screen.redraw_frame()
        await pilot.pause()
        same_as_golden(app, name("jobs", size))
