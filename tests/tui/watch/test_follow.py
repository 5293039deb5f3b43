"""Following a run that real writers wrote."""

from __future__ import annotations

import math
import shutil
from queue import Queue

import pytest

from schema.run.commands import CommandInbox
from schema.run.status import State
from tests.tui.fake_run import FakeRun
from tui.watch.follow import (
    TAIL_STEPS,
    ChartRequest,
    CommandSent,
    RunFollower,
    Snapshot,
    Trouble,
    step_words,
)
from tui.watch.history import BROKEN, RESTART


@pytest.fixture
def run(tmp_path):
    return FakeRun(tmp_path)


@pytest.fixture
def follow(run):
    """Starts a follower; `get(test)` waits for a snapshot that passes the test."""
    started = []

    def start(**options):
        news = Queue()
        follower = RunFollower(run.folder, news.put, every=60, **options)
        started.append(follower)

        def get(test=lambda snapshot: True):
            while True:
                found = news.get(timeout=5)
                if isinstance(found, Snapshot) and test(found):
                    return found

        follower.news, follower.get = news, get
        follower.start()
        return follower

    yield start
    for follower in started:
        follower.stop()
        follower.join(5)


def test_a_run_of_100_000_steps_is_there_at_once_and_whole(run, follow):
    for step in range(1, 100_001):
        run.metrics.record(step, {"loss": 0.2 + 1 / step}, at=run.begun + step)
    run.metrics.close()
    run.status()
    follower = follow()
    follower.ask(chart=ChartRequest("loss", 148, 0, 0.97))
    snapshot = follower.get(lambda s: "chart" in s.curves)
    curve = snapshot.curves["chart"][0]
    assert curve.last_step == 100_000
    assert len(curve.buckets) == math.ceil(100_000 / 1024)
    assert all(bucket is not None for bucket in curve.buckets)
    assert snapshot.smooth_loss == pytest.approx(0.2, abs=0.001)


def test_the_log_begins_with_the_last_steps_and_goes_on_without_repeating(run, follow):
    run.train(500)
    run.status()
    follower = follow()
    first = follower.get()
    steps = [line.step for line in first.lines]
    assert steps == list(range(500 - TAIL_STEPS + 1, 501))
    run.train(3)
    follower.look_now()
    assert [line.step for line in follower.get().lines] == [501, 502, 503]
    follower.look_now()
    assert follower.get().lines == []


def test_steps_and_events_stand_in_the_order_of_their_times(run, follow):
    run.train(5)
    run.save(5)
    run.train(5)
    run.status()
    words = [line.text.split("  ")[0] for line in follow().get().lines]
    assert words[4:7] == ["step 5", "saved dog_flux_000000005.safetensors (164M)", "step 6"]


def test_a_resume_supersedes_what_lay_past_the_checkpoint(run, follow):
    run.train(600)
    run.status()
    follower = follow()
    follower.ask(chart=ChartRequest("loss", 148))
    follower.get(lambda s: "chart" in s.curves)
    run.restart(500)
    run.train(20)
    follower.look_now()
    snapshot = follower.get()
    assert (500, RESTART) in snapshot.marks
    assert snapshot.curves["chart"][0].last_step == 520


def test_nan_is_counted_and_marked_where_it_lies(run, follow):
    def break_some(step, values):
        if step in (100, 300):
            values["loss"] = math.nan
        if step == 101:
            values["loss"] = math.inf

    run.train(400, change=break_some)
    run.status()
    snapshot = follow().get()
    assert snapshot.broken == 3
    assert [step for step, kind in snapshot.marks if kind == BROKEN] == [100, 101, 300]
    assert math.isfinite(snapshot.smooth_loss)


def test_a_command_reaches_the_worker_and_its_answer_comes_back(run, follow):
    run.train(5)
    run.status()
    follower = follow()
    follower.get()
    follower.command("pause")
    sent = follower.news.get(timeout=5)
    assert isinstance(sent, CommandSent)
    inbox = CommandInbox(run.folder, every=0)
    (command,) = inbox.poll()
    assert (command.name, command.id) == ("pause", sent.id)
    inbox.acknowledge(command, "done", "paused after step 5")
    snapshot = follower.get(lambda s: s.answers)
    assert snapshot.answers[0].id == sent.id
    assert snapshot.answers[0].message == "paused after step 5"


def test_a_folder_that_cannot_be_written_is_said(run, follow, monkeypatch):
    def full(*_args, **_more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tui.watch.follow.commands.send", full)
    run.status()
    follower = follow()
    follower.get()
    follower.command("save")
    sent = follower.news.get(timeout=5)
    assert sent == CommandSent("", "save", "No space left on device")


def test_a_run_that_failed_says_why_with_its_last_words(run, follow):
    run.train(5)
    run.folder.log.write_text("loading\nTraceback\nRuntimeError: CUDA out of memory\n")
    run.tell("exit", code=3, signal=None, reason="exit code 3: CUDA out of memory")
    run.status("failed", error="CUDA out of memory")
    snapshot = follow().get()
    assert snapshot.status.state is State.FAILED
    assert snapshot.reason == "CUDA out of memory"
    assert snapshot.last_words[-1] == "RuntimeError: CUDA out of memory"


def test_a_vanished_process_is_lost(run, follow):
    run.train(5)
    run.status(alive=False)
    snapshot = follow().get()
    assert snapshot.status.state is State.LOST
    assert "gone" in snapshot.reason


def test_overlaid_runs_share_one_window(run, tmp_path, follow):
    other = FakeRun(tmp_path, "other")
    other.train(3000)
    run.train(500)
    run.status()
    follower = follow(others=[other.folder])
    follower.ask(chart=ChartRequest("loss", 148, 0, 0.9))
    own, theirs = follower.get(lambda s: "chart" in s.curves).curves["chart"]
    assert own.window == theirs.window
    assert theirs.label == "other"
    assert (own.last_step, theirs.last_step) == (500, 3000)


def test_the_loss_chart_has_it_as_a_further_curve_with_a_name(run, follow):
    for step in range(1, 13):
        values = {"val/loss": 0.4, "val/low": 0.2, "val/high": 0.8} if step == 4 else {}
        run.metrics.record(step, {"loss": 1.0, **values}, at=run.begun + step)
    run.metrics.close()
    run.status()
    follower = follow()
    follower.ask(chart=ChartRequest("loss", 24), other=ChartRequest("val/loss", 24))
    curves = follower.get(lambda s: {"chart", "other"} <= s.curves.keys()).curves
    assert [curve.label for curve in curves["chart"]] == ["loss", "validation"]
    (alone,) = curves["other"]
    assert alone.buckets[3] == pytest.approx((0.2, 0.8, 0.4))


def test_a_run_that_has_not_begun_is_shown_all_the_same(run, follow):
    follower = follow()
    follower.ask(chart=ChartRequest("loss", 148))
    snapshot = follower.get(lambda s: "chart" in s.curves)
    assert snapshot.status.state is State.QUEUED
    assert snapshot.curves["chart"][0].buckets == ()
    assert snapshot.smooth_loss is None


def test_telemetry_of_the_supervisor_is_read(run, follow):
    run.measure(gpus=2)
    run.status()
    telemetry = follow().get().telemetry
    assert telemetry["gpu1.util"] == 78.0
    assert telemetry["cpu"] == 12.0


def test_a_look_that_fails_is_told_and_the_next_one_works(run, follow, monkeypatch):
    run.status()
    follower = follow()
    follower.get()
    eyes = follower._eyes
    monkeypatch.setattr(eyes._metrics, "poll", lambda: 1 / 0)
    follower.look_now()
    assert follower.news.get(timeout=5) == Trouble("the run could not be read: division by zero")
    monkeypatch.undo()
    follower.look_now()
    assert follower.get().status.state is State.TRAINING


def test_a_folder_that_vanishes_does_not_end_the_watching(run, follow):
    run.train(5)
    run.status()
    follower = follow()
    follower.get()
    shutil.rmtree(run.folder.path)
    follower.look_now()
    assert follower.get().status.state is State.QUEUED


def test_two_watchers_see_the_same(run, follow):
    run.train(50)
    run.status()
    one, two = follow().get(), follow().get()
    assert one.values == two.values
    assert one.lines == two.lines


def test_a_run_of_another_host_is_not_taken_for_a_local_one(run, follow):
    run.status(host="elsewhere")
    assert not follow().get().here


def test_a_hung_step_is_a_stall_but_a_paused_run_is_not(run, monkeypatch):
    from tui.watch import follow as module

    now = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    run.train(5)
    run.status()
    eyes = module._Eyes(run.folder, [])
    assert eyes.look({}).stalled is None
    now[0] += 60
    run.status()
    assert eyes.look({}).stalled == pytest.approx(60, abs=1)
    run.status("paused")
    assert eyes.look({}).stalled is None


def test_a_step_line_leaves_out_what_was_not_recorded():
    assert step_words({"step": 3, "loss": 0.5}) == "step 3  loss .5000"
    assert step_words({"step": 3, "lr/unet": 1e-4, "step_seconds": 0.5}) == (
        "step 3  lr 1e-4  0.50 s"
    )
