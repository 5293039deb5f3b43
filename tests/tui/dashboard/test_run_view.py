"""The dashboard as a person meets it."""

from __future__ import annotations

import math
import signal
import subprocess
import sys

import pytest

from schema.run.commands import CommandInbox
from schema.run.process import identify
from tests.tui.dashboard.screens import opened, screen, shows, until
from tests.tui.fake_nvml import Card, FakeNvml
from tests.tui.fake_run import FakeRun
from tui.views.log_panel import LogPanel
from tui.widgets.chart import Chart


@pytest.fixture
def run(tmp_path):
    made = FakeRun(tmp_path)
    made.train(500)
    made.sample(500)
    made.save(500)
    made.train(120)
    made.status()
    return made


def answer(run, status="done", message=""):
    """Be the worker: answer everything that waits."""
    inbox = CommandInbox(run.folder, every=0)
    commands = inbox.poll()
    for command in commands:
        inbox.acknowledge(command, status, message)
    return [command.name for command in commands]


async def test_the_header_tells_progress_loss_speed_and_state(run):
    async with opened(run.folder) as (app, pilot):
        await until(pilot, shows(app, "RUNNING"))
        head = screen(app).splitlines()[0]
        for words in ("● dog_flux", "620/20000 3%", "loss", "1.31 it/s", "ETA 4h06m", "RUNNING"):
            assert words in head


@pytest.mark.parametrize("size", [(60, 16), (79, 23), (80, 24), (110, 30), (120, 40), (161, 50)])
async def test_every_size_shows_chart_header_and_keys(run, size):
    async with opened(run.folder, size) as (app, pilot):
        await until(pilot, shows(app, "RUNNING", "H200", "└0", "p pause"))
        assert all(len(line) <= size[0] for line in screen(app).splitlines())


async def test_resizing_rearranges_at_once_and_keeps_everything(run):
    async with opened(run.folder) as (app, pilot):
        await until(pilot, shows(app, "RUNNING", "last sample"))
        for size in ((120, 40), (200, 60), (61, 17), (120, 40), (80, 24)):
            await pilot.resize_terminal(*size)
            await until(pilot, shows(app, "RUNNING", "└0"))
            assert all(len(line) <= size[0] for line in screen(app).splitlines())
        assert "last sample" in screen(app)


async def test_a_tiny_terminal_gets_plain_lines_and_an_unusable_one_says_what_it_needs(run):
    async with opened(run.folder, (50, 14)) as (app, pilot):
        await until(pilot, shows(app, "dog_flux", "620/20000", "loss", "no samples yet"
                                 if not run else "notes"))  # fmt: skip
        await pilot.resize_terminal(38, 7)
        await until(pilot, shows(app, "need 40x8, have 38x7"))


async def test_new_steps_appear(run):
    async with opened(run.folder) as (app, pilot):
        await until(pilot, shows(app, "step 620"))
        run.train(7)
        run.status()
        app.screen._follower.look_now()
        await until(pilot, shows(app, "step 627", "627/20000"))


async def test_the_history_is_complete_after_the_app_was_opened_again(run):
    for _ in range(2):
        async with opened(run.folder, (120, 40)) as (app, pilot):
            await until(pilot, shows(app, "step 620", "└0"))
            curve = app.screen.query_one("#chart", Chart).picture.curves
            await until(pilot, lambda: app.screen.query_one("#chart", Chart).picture.curves)
            curve = app.screen.query_one("#chart", Chart).picture.curves[0]
            assert curve.last_step == 620
            assert all(bucket is not None for bucket in curve.buckets)


async def test_pause_asks_the_worker_and_shows_its_answer(run):
    async with opened(run.folder) as (app, pilot):
        await until(pilot, shows(app, "RUNNING"))
        await pilot.press("p")
        await until(pilot, lambda: list(run.folder.control.glob("*-pause.json")))
        assert "pause" in screen(app).splitlines()[-2]
        assert answer(run) == ["pause"]
        run.status("paused")
        await until(pilot, shows(app, "✓ paused", "PAUSED"))
        await pilot.press("p")
        await until(pilot, lambda: list(run.folder.control.glob("*-resume.json")))


@pytest.mark.parametrize(("key", "name"), [("s", "sample"), ("w", "save")])
async def test_sample_and_save_now(run, key, name):
    async with opened(run.folder) as (app, pilot):
        await until(pilot, shows(app, "RUNNING"))
        await pilot.press(key)
        await until(pilot, lambda: list(run.folder.control.glob(f"*-{name}.json")))
        answer(run, message=f"{name} after step 621")
        await until(pilot, shows(app, f"{name} after step 621"))


async def test_a_refusal_is_shown_with_its_reason(run):
    async with opened(run.folder) as (app, pilot):
        await until(pilot, shows(app, "RUNNING"))
        await pilot.press("w")
        await until(pilot, lambda: list(run.folder.control.glob("*-save.json")))
        answer(run, "refused", "the disk is full")
        await until(pilot, shows(app, "save refused: the disk is full"))


async def test_stop_asks_first_and_any_other_key_means_no(run):
    async with opened(run.folder) as (app, pilot):
        await until(pilot, shows(app, "RUNNING"))
        await pilot.press("X")
        await until(pilot, shows(app, "Stop dog_flux at step 620?"))
        await pilot.press("n")
        await until(pilot, lambda: "Stop dog_flux" not in screen(app))
        assert not list(run.folder.control.iterdir())
        await pilot.press("X")
        await until(pilot, shows(app, "Stop dog_flux"))
        await pilot.press("y")
        await until(pilot, lambda: list(run.folder.control.glob("*-stop.json")))


async def test_a_worker_that_hangs_can_be_killed_from_the_question(run):
    hung = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        run.status("stopping", worker=identify(hung.pid).as_json(), pid=hung.pid)
        async with opened(run.folder) as (app, pilot):
            await until(pilot, shows(app, "STOPPING"))
            await pilot.press("X")
            await until(pilot, shows(app, "kill it now"))
            await pilot.press("K")
            assert hung.wait(5) == -signal.SIGKILL
            await until(pilot, shows(app, "killed"))
    finally:
        hung.kill()
        hung.communicate()


async def test_a_run_that_has_ended_takes_no_orders(run):
    run.status("finished")
    async with opened(run.folder) as (app, pilot):
        await until(pilot, shows(app, "DONE"))
        await pilot.press("p")
        await until(pilot, shows(app, "there is no worker to tell"))
        await pilot.press("X")
        await pilot.pause()
        assert not list(run.folder.control.iterdir())


async def test_a_failure_shows_its_reason_the_last_words_and_the_key_to_the_log(run):
    run.folder.log.write_text("loading\nTraceback (most recent call last):\nRuntimeError: boom\n")
    run.tell("exit", code=3, signal=None, reason="exit code 3")
    run.status("failed", error="RuntimeError: boom")
    async with opened(run.folder) as (app, pilot):
        await until(pilot, shows(app, "! FAILED: RuntimeError: boom", "0 full log"))
        assert "log.txt ends with" in screen(app)
        await pilot.press("0")
        await until(pilot, lambda: app.screen.query(LogPanel))
        await until(pilot, shows(app, "Traceback (most recent call last):"))


async def test_running_out_of_gpu_memory_has_a_word_of_its_own(run):
    run.status("failed", error="CUDA out of memory. Tried to allocate 2 GiB")
    async with opened(run.folder) as (app, pilot):
        await until(pilot, shows(app, "OOM", "Tried to allocate 2 GiB"))


async def test_a_process_that_is_gone_is_lost(run):
    run.status(alive=False)
    async with opened(run.folder) as (app, pilot):
        await until(pilot, shows(app, "LOST", "gone without a word"))


async def test_before_the_first_step_the_activity_stands_in_the_chart(tmp_path):
    run = FakeRun(tmp_path)
    run.tell("progress", phase="caching latents", done=12, total=40)
    run.status("caching")
    async with opened(run.folder) as (app, pilot):
        await until(pilot, shows(app, "CACHING", "caching latents 12/40", "no samples yet"))


async def test_nan_is_counted_in_the_chart_title_and_marked(tmp_path):
    run = FakeRun(tmp_path)
    run.train(200, change=lambda step, values: step == 150 and values.update(loss=math.nan))
    run.status()
    async with opened(run.folder) as (app, pilot):
        await until(pilot, shows(app, "1 NaN", "×"))


# -- the machine -------------------------------------------------------------------------------


async def test_eight_gpus_share_a_line(run):
    async with opened(run.folder, cards=[Card() for _ in range(8)]) as (app, pilot):
        await until(pilot, shows(app, "8 GPUs", "max  64°C"))


async def test_a_card_that_disappears_while_it_is_watched_is_shown_as_gone(run):
    nvml = FakeNvml([Card(), Card()])
    async with opened(run.folder, (120, 40), nvml=nvml) as (app, pilot):
        await until(pilot, shows(app, "0 H200", "1 H200"))
        nvml.cards[1].lost = True
        app.screen._machine._every = 0.01
        await until(pilot, shows(app, "1 H200 gone: the driver no longer answers"))
        assert "0 H200 util" in screen(app)


async def test_without_a_gpu_cpu_and_ram_are_shown(run):
    async with opened(run.folder, nvml=FakeNvml(absent=True)) as (app, pilot):
        await until(pilot, shows(app, "no NVIDIA GPU", "cpu", "88.0G/128G"))


async def test_a_run_of_another_machine_shows_that_machines_readings(run):
    run.measure(gpus=2)
    run.status(host="elsewhere")
    async with opened(run.folder, (120, 40), nvml=FakeNvml(absent=True)) as (app, pilot):
        await until(pilot, shows(app, " 1 GPU", "78%", "612W"))


# -- the chart ---------------------------------------------------------------------------------


async def test_axis_smoothing_zoom_and_series_are_keys(run):
    async with opened(run.folder, (120, 40)) as (app, pilot):
        await until(pilot, shows(app, "linear y", "└0"))
        await pilot.press("a")
        await until(pilot, shows(app, "─ loss  ema .97  log y"))
        await pilot.press("A")
        await until(pilot, shows(app, "ema .99"))
        await pilot.press("+")
        await until(pilot, shows(app, "last 100 steps", "└500"))
        await pilot.press("-")
        await until(pilot, shows(app, "all steps"))
        await pilot.press("]")
        await until(pilot, shows(app, "─ lr/unet"))


async def test_the_cursor_reads_values_off(run):
    async with opened(run.folder, (120, 40)) as (app, pilot):
        await until(pilot, shows(app, "└0", "all steps"))
        await until(pilot, lambda: app.screen.dashboard.curves)
        await pilot.press("left", "left")
        await until(pilot, shows(app, "─ steps 6", "loss", "ema"))
        await pilot.press("right", "right", "right")
        await until(pilot, shows(app, "all steps"))


async def test_overlaid_runs_are_named_in_the_title(run, tmp_path):
    other = FakeRun(tmp_path, "rank_32")
    other.train(800)
    async with opened(run.folder, (120, 40), others=[other.folder]) as (app, pilot):
        await until(pilot, shows(app, "all steps  rank_32"))
        assert len(app.screen.query_one("#chart", Chart).picture.curves) == 2


@pytest.mark.parametrize("symbols", ["block", "ascii"])
async def test_other_symbols_can_be_chosen(run, symbols):
    async with opened(run.folder) as (app, pilot):
        app.settings.chart_symbols = symbols
        await until(pilot, shows(app, "RUNNING", "└0" if symbols == "block" else "+0"))
        app.screen.dashboard.paint()
        await pilot.pause()
        assert not any("⠀" < char <= "⣿" for char in screen(app))


# -- panes and log -----------------------------------------------------------------------------


async def test_a_pane_can_be_maximised_and_put_back(run):
    async with opened(run.folder) as (app, pilot):
        await until(pilot, shows(app, "└0", "log  following"))
        await pilot.press("z")
        await until(pilot, lambda: "log  following" not in screen(app))
        assert app.screen.query_one("#chart").size.height == 20
        await pilot.press("z")
        await until(pilot, shows(app, "log  following"))
        await pilot.press("tab", "z")
        await until(pilot, lambda: app.screen.query_one("#log").size.height == 20)


async def test_the_log_is_filtered_while_the_pattern_is_typed(run):
    async with opened(run.folder, (120, 40)) as (app, pilot):
        await until(pilot, shows(app, "step 620"))
        await pilot.press("slash", *"saved")
        await until(pilot, shows(app, "/saved/ 1 lines", "saved dog_flux_000000500"))
        await pilot.press("enter", "p")
        await until(pilot, shows(app, "pause"))
        await pilot.press("slash", "ctrl+g")
        await until(pilot, lambda: not app.screen.query("FilterLine"))


async def test_the_log_panel_opens_over_the_dashboard_scrolls_and_closes(run):
    run.folder.log.write_text("".join(f"output {n}\n" for n in range(500)))
    async with opened(run.folder) as (app, pilot):
        await until(pilot, shows(app, "RUNNING"))
        await pilot.press("0")
        await until(pilot, shows(app, "output 499", "following"))
        await pilot.press("home")
        await until(pilot, shows(app, "output 0", "line 1 of 500"))
        await pilot.press("end")
        await until(pilot, shows(app, "output 499"))
        await pilot.press("0")
        await until(pilot, lambda: not app.screen.query(LogPanel))


async def test_the_log_scrolls_and_follows_again(run):
    async with opened(run.folder) as (app, pilot):
        await until(pilot, shows(app, "step 620", "following"))
        await pilot.press("up", "up")
        await until(pilot, shows(app, "line 2"))
        await pilot.press("end")
        await until(pilot, shows(app, "following"))


async def test_levels_of_the_log(run):
    run.tell("warning", message="caption missing for img_0041.png")
    async with opened(run.folder, (120, 40)) as (app, pilot):
        await until(pilot, shows(app, "step 620", "1 warning"))
        await pilot.press("!")
        await until(pilot, shows(app, "only warnings and errors", "caption missing"))
        assert "step 620" not in screen(app)


# -- traffic -----------------------------------------------------------------------------------


async def test_a_look_that_finds_nothing_new_repaints_nothing(run, monkeypatch):
    from tui.widgets.rows import Rows

    async with opened(run.folder, (120, 40)) as (app, pilot):
        await until(pilot, shows(app, "step 620", "└0"))
        await until(pilot, lambda: app.screen.dashboard.curves)
        await pilot.pause()
        painted = []
        monkeypatch.setattr(Rows, "refresh", lambda self, *r, **_: painted.append((self.id, r)))
        app.screen.dashboard.paint()
        assert painted == []


async def test_nothing_is_drawn_while_the_terminal_lags_but_the_log_loses_no_line(run):
    async with opened(run.folder) as (app, pilot):
        await until(pilot, shows(app, "step 620"))
        view = app.screen
        view._writer_is_behind = lambda: True
        run.train(3)
        view._follower.look_now()
        log = view.dashboard.log_view
        await until(pilot, lambda: "step 623" in log.window.lines[-1][1])
        run.train(1)
        view._writer_is_behind = lambda: False
        view._follower.look_now()
        await until(pilot, shows(app, "step 622", "step 624"))


async def test_another_view_does_not_stop_the_reading(run):
    async with opened(run.folder) as (app, pilot):
        await until(pilot, shows(app, "step 620"))
        view = app.screen
        await pilot.press("5")
        await until(pilot, lambda: app.screen is not view)
        run.train(5)
        view._follower.look_now()
        await until(pilot, lambda: view.dashboard.memory._lines[-1].step == 625)
        await pilot.press("3")
        await until(pilot, shows(app, "step 625"))


async def test_a_terminal_without_focus_is_served_less_often(run):
    async with opened(run.folder) as (app, pilot):
        await until(pilot, shows(app, "RUNNING"))
        app.app_focus = False
        await pilot.pause()
        assert app.screen._follower.every == 5.0
        app.app_focus = True
        await pilot.pause()
        assert app.screen._follower.every == 1.0
