"""Status and derived state: what is believed about a run, and why."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from schema.run.files import replace_json
from schema.run.layout import RunFolder
from schema.run.process import ProcessId, fate, identify, this_process
from schema.run.state import STALE_SECONDS, RunWatch, derive
from schema.run.status import RunStatus, State, StatusWriter, read_status
from tests.run.wait import until


def write(
    folder: RunFolder, worker: ProcessId | None, state: str = "training", **more: Any
) -> None:
    record = {"state": state, "step": 7, "steps": 10, "heartbeat": 1, "updated": 1000.0, **more}
    if worker:
        record |= {"worker": worker.as_json(), "pid": worker.pid, "host": worker.host}
    replace_json(folder.status, record)


@pytest.fixture
def other() -> Iterator[subprocess.Popen[bytes]]:
    """A process that lives until its input closes."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


def test_a_run_that_nobody_started_is_queued(folder: RunFolder) -> None:
    assert derive(folder).state is State.QUEUED


def test_a_living_worker_is_believed(folder: RunFolder) -> None:
    write(folder, this_process())
    status = derive(folder)
    assert (status.state, status.step, status.pid) == (State.TRAINING, 7, os.getpid())


def test_a_worker_that_is_gone_without_a_word_makes_the_run_lost(
    folder: RunFolder, other: subprocess.Popen[bytes]
) -> None:
    worker = identify(other.pid)
    write(folder, worker)
    assert derive(folder).state is State.TRAINING
    other.kill()
    until(lambda: derive(folder).state is State.LOST, within=2.0)
    status = derive(folder)
    assert "after step 7" in (status.error or "")
    assert status.eta_seconds is None


def test_a_zombie_counts_as_gone(folder: RunFolder, other: subprocess.Popen[bytes]) -> None:
    worker = identify(other.pid)
    assert worker is not None
    other.kill()
    os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
    assert fate(worker) == "gone"
    assert identify(other.pid) is None


def test_a_pid_given_out_again_is_not_mistaken_for_the_worker(folder: RunFolder) -> None:
    write(folder, replace(this_process(), start="1"))
    assert derive(folder).state is State.LOST


@pytest.mark.parametrize("state", ["finished", "failed", "interrupted"])
def test_a_last_word_is_believed_without_a_process(folder: RunFolder, state: str) -> None:
    write(folder, replace(this_process(), start="1"), state, error="why")
    status = derive(folder)
    assert status.state == state
    assert status.error == "why"
    assert status.ended


def test_a_paused_run_that_let_its_gpu_go_is_paused_without_a_process(folder: RunFolder) -> None:
    write(folder, replace(this_process(), start="1"), "paused", released=True)
    assert derive(folder).state is State.PAUSED
    write(folder, replace(this_process(), start="1"), "paused")
    assert derive(folder).state is State.LOST


def test_while_the_supervisor_lives_its_word_is_awaited(folder: RunFolder) -> None:
    write(folder, replace(this_process(), start="1"), supervisor=this_process().as_json())
    assert derive(folder).state is State.TRAINING


def test_a_worker_of_another_host_is_judged_by_its_heartbeat_not_its_clock(
    folder: RunFolder,
) -> None:
    far = replace(this_process(), host="elsewhere", boot="other")
    now = [0.0]
    watch = RunWatch(folder, clock=lambda: now[0], wall=lambda: 5000.0)
    write(folder, far, heartbeat=1)
    assert watch.status().state is State.LOST
    now[0] = 1.0
    write(folder, far, heartbeat=2)
    assert watch.status().state is State.TRAINING
    now[0] = 1.0 + STALE_SECONDS - 0.1
    assert watch.status().state is State.TRAINING
    now[0] = 1.0 + STALE_SECONDS + 0.1
    assert watch.status().state is State.LOST


def test_after_a_reboot_the_run_is_lost(folder: RunFolder) -> None:
    write(folder, replace(this_process(), boot="the boot before"))
    assert derive(folder).state is State.LOST


def test_a_status_of_a_later_version_is_read_as_far_as_it_goes(folder: RunFolder) -> None:
    write(folder, this_process(), "levitating", unheard_of=1)
    assert derive(folder).state is State.PREPARING


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"worker": 3}', '{"worker": {"pid": "x"}}']
)
def test_a_broken_status_never_raises(folder: RunFolder, text: str) -> None:
    folder.status.write_text(text)
    assert isinstance(derive(folder), RunStatus)


def test_the_first_status_stands_before_the_writer_is_used(folder: RunFolder) -> None:
    with StatusWriter(folder, steps=10):
        status = derive(folder)
        assert (status.state, status.steps, status.pid) == (State.PREPARING, 10, os.getpid())


def test_the_heartbeat_goes_on_by_itself_and_calls_its_listener(folder: RunFolder) -> None:
    beats = threading.Semaphore(0)
    with StatusWriter(folder, on_beat=beats.release, beat_seconds=0.01):
        before = read_status(folder)["heartbeat"]
        assert beats.acquire(timeout=10)
        until(lambda: read_status(folder)["heartbeat"] > before + 2)


def test_a_change_of_state_shows_before_the_next_beat(folder: RunFolder) -> None:
    with StatusWriter(folder, beat_seconds=3600.0) as writer:
        writer.update(state=State.CACHING)
        until(lambda: derive(folder).state is State.CACHING)


def test_closing_leaves_the_last_word_in_one_line(folder: RunFolder) -> None:
    writer = StatusWriter(folder, beat_seconds=3600.0)
    writer.close(state=State.FAILED, error="it broke\n  in two")
    status = derive(folder)
    assert (status.state, status.error) == (State.FAILED, "it broke in two")


def test_a_word_that_no_status_has_is_a_mistake_of_ours(folder: RunFolder) -> None:
    with StatusWriter(folder) as writer, pytest.raises(TypeError, match="colour"):
        writer.update(colour="red")


def test_a_resumed_run_keeps_its_progress_until_the_worker_says_more(folder: RunFolder) -> None:
    StatusWriter(folder, step=5, steps=10).close(state=State.INTERRUPTED)
    with StatusWriter(folder):
        assert (derive(folder).state, derive(folder).step) == (State.PREPARING, 5)


def test_speed_is_of_training_alone_and_the_time_left_counts_previews_too(
    folder: RunFolder,
) -> None:
    now = [0.0]
    writer = StatusWriter(folder, clock=lambda: now[0], beat_seconds=3600.0, steps=100)
    writer.update(state=State.TRAINING, step=0)
    writer._write()
    for second, (step, state) in enumerate(
        [(10, State.TRAINING), (20, State.TRAINING), (20, State.SAMPLING), (20, State.SAMPLING)], 1
    ):
        now[0] = float(second)
        writer.update(step=step, state=state)
        writer._write()
    now[0] = 5.0
    writer.update(state=State.TRAINING, step=20)
    writer._write()
    now[0] = 6.0
    writer.update(step=30)
    writer._write()
    status = derive(folder)
    assert status.steps_per_second == pytest.approx(10.0)
    assert status.eta_seconds == pytest.approx(6.0 / 30 * 70)
    writer.close()


def test_a_pause_does_not_count_into_the_time_left(folder: RunFolder) -> None:
    now = [0.0]
    writer = StatusWriter(folder, clock=lambda: now[0], beat_seconds=3600.0, steps=100)
    for second, step, state in [
        (0.0, 0, State.TRAINING),
        (10.0, 10, State.TRAINING),
        (10.0, 10, State.PAUSED),
        (1000.0, 10, State.PAUSED),
        (1010.0, 10, State.TRAINING),
        (1020.0, 20, State.TRAINING),
    ]:
        now[0] = second
        writer.update(state=state, step=step)
        writer._write()
        if state is State.PAUSED:
            assert derive(folder).eta_seconds == pytest.approx(90.0), "the clock stands still too"
    assert derive(folder).eta_seconds == pytest.approx(80.0)
    writer.close()


def test_a_status_that_cannot_be_written_is_counted_not_raised(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with StatusWriter(folder, beat_seconds=3600.0) as writer:
        monkeypatch.setattr("schema.run.status.replace_json", full)
        writer._write()
        assert writer.lost == 1
        monkeypatch.undo()


def test_the_json_has_the_promised_fields(folder: RunFolder) -> None:
    promised = "name folder pid host state step steps loss lr steps_per_second eta_seconds device"
    promised += " memory started updated error process"
    assert set(promised.split()) <= derive(folder).as_json().keys()
