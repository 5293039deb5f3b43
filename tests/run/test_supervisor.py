"""Supervisor and worker as real processes: what each signal, kill and exit leaves behind."""

import os
import signal
import subprocess
import sys
from typing import Any

import pytest

from engine.supervisor import describe
from schema.run.commands import send, wait
from schema.run.events import read_events
from schema.run.layout import RunFolder
from schema.run.lock import RunLock, RunLocked, holder_of
from schema.run.metrics import MetricsReader
from schema.run.process import fate
from schema.run.state import derive
from schema.run.status import State
from tests.run.conftest import FAKE_WORKER, REPOSITORY, Supervise, training_worker
from tests.run.terminal import Terminal
from tests.run.wait import until


def exit_event(folder: RunFolder) -> dict[str, Any]:
    def look() -> list[dict[str, Any]]:
        return [event for event in read_events(folder) if event["kind"] == "exit"]

    return until(look, what="the exit record")[-1]


def test_a_worker_that_finishes_leaves_a_finished_run_and_an_exit_record(
    folder: RunFolder, supervise: Supervise
) -> None:
    supervisor = supervise("--steps", "5")
    assert supervisor.wait(20) == 0
    status = derive(folder)
    assert (status.state, status.step, status.error) == (State.FINISHED, 5, None)
    assert (exit_event(folder)["code"], exit_event(folder)["signal"]) == (0, None)
    assert [row["step"] for row in MetricsReader(folder.metrics).rows()] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_the_supervisor_reaches_the_worker_once(
    folder: RunFolder, supervise: Supervise, number: signal.Signals
) -> None:
    supervisor = supervise()
    training_worker(folder)
    supervisor.send_signal(number)
    assert supervisor.wait(20) == 0
    assert derive(folder).state is State.INTERRUPTED
    assert exit_event(folder)["code"] == 0


def test_a_killed_worker_is_recorded_with_its_signal_and_a_reason(
    folder: RunFolder, supervise: Supervise
) -> None:
    supervisor = supervise()
    worker = training_worker(folder, step=3)
    os.kill(worker.pid, signal.SIGKILL)
    assert supervisor.wait(20) == 128 + signal.SIGKILL
    assert exit_event(folder)["signal"] == "SIGKILL"
    status = derive(folder)
    assert status.state is State.FAILED
    assert status.step >= 3
    assert "SIGKILL" in (status.error or "")
    assert "memory" in (status.error or "")


def test_a_killed_supervisor_leaves_the_worker_training_and_the_status_right(
    folder: RunFolder, supervise: Supervise
) -> None:
    supervisor = supervise()
    worker = training_worker(folder)
    supervisor.kill()
    supervisor.wait(10)
    here = derive(folder).step
    until(lambda: derive(folder).step > here + 3, what="training to go on")
    assert derive(folder).state is State.TRAINING
    with pytest.raises(RunLocked):
        RunLock.take(folder.lock)
    stop = send(folder, "stop")
    answer = wait(folder, stop, 10)
    assert answer is not None
    assert answer.status == "done"
    until(lambda: fate(worker) == "gone", what="the worker to end")
    assert derive(folder).state is State.INTERRUPTED


def test_when_both_are_killed_the_run_is_lost(folder: RunFolder, supervise: Supervise) -> None:
    supervisor = supervise()
    worker = training_worker(folder)
    supervisor.kill()
    supervisor.wait(10)
    os.kill(worker.pid, signal.SIGKILL)
    until(lambda: derive(folder).state is State.LOST, within=2.0, what="the run to count as lost")
    assert "without a word" in (derive(folder).error or "")
    RunLock.take(folder.lock).close()


def test_a_second_supervisor_on_the_same_folder_is_refused(
    folder: RunFolder, supervise: Supervise
) -> None:
    supervise()
    worker = training_worker(folder)
    second = supervise()
    assert second.wait(20) == 75
    assert second.stderr is not None
    assert b"already at work" in second.stderr.read()
    assert derive(folder).pid == worker.pid


def test_a_second_worker_on_the_same_folder_is_refused(
    folder: RunFolder, supervise: Supervise
) -> None:
    supervisor = supervise()
    training_worker(folder)
    command = [sys.executable, str(FAKE_WORKER), str(folder.path)]
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    second = subprocess.run(command, env=env, capture_output=True, timeout=20, check=False)
    assert second.returncode == 75
    holder = holder_of(folder.lock)
    assert holder is not None
    assert holder.pid == supervisor.pid


def test_the_reason_of_a_failure_is_the_last_line_of_the_log(
    folder: RunFolder, supervise: Supervise
) -> None:
    supervisor = supervise("--say", "RuntimeError: the disk is on fire", "--exit", "3")
    assert supervisor.wait(20) == 3
    status = derive(folder)
    assert status.state is State.FAILED
    assert status.error == "exit code 3: RuntimeError: the disk is on fire"
    assert "the disk is on fire" in folder.log.read_text()


def test_a_crash_in_a_library_is_named(folder: RunFolder, supervise: Supervise) -> None:
    supervisor = supervise("--say", "loading kernels", "--kill", str(int(signal.SIGSEGV)))
    assert supervisor.wait(20) == 128 + signal.SIGSEGV
    assert "SIGSEGV: a library crashed" in exit_event(folder)["reason"]
    assert "loading kernels" in (derive(folder).error or "")


def test_a_kill_for_lack_of_memory_is_told_from_one_by_hand(folder: RunFolder) -> None:
    assert "because memory (RAM) ran out" in describe(-9, folder, True).reason
    assert "by someone or" in describe(-9, folder, False).reason


def test_a_worker_that_cannot_be_started_fails_the_run_with_a_reason(folder: RunFolder) -> None:
    command = [sys.executable, "-P", "-m", "engine.supervisor", str(folder.path)]
    command += ["--worker", "/no/such/program"]
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    assert subprocess.run(command, env=env, capture_output=True, timeout=20).returncode == 3
    assert derive(folder).state is State.FAILED
    assert "could not be started" in (derive(folder).error or "")


def test_closing_the_terminal_leaves_the_training_running(folder: RunFolder) -> None:
    code = (
        "import subprocess, sys, signal\n"
        "subprocess.Popen(sys.argv[1:], start_new_session=True, stdin=subprocess.DEVNULL)\n"
        "signal.pause()\n"
    )
    command = [sys.executable, "-P", "-m", "engine.supervisor", str(folder.path)]
    command += ["--worker", sys.executable, str(FAKE_WORKER)]
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    shell = Terminal([sys.executable, "-c", code, *command], env)
    worker = training_worker(folder)
    shell.hang_up()
    assert shell.exit_code() == -signal.SIGHUP
    here = derive(folder).step
    until(lambda: derive(folder).step > here + 3, what="training to go on")
    assert derive(folder).state is State.TRAINING
    os.kill(worker.pid, signal.SIGTERM)
    assert exit_event(folder)["code"] == 0


def test_a_command_left_over_from_an_earlier_session_is_refused_not_applied(
    folder: RunFolder, supervise: Supervise
) -> None:
    old = send(folder, "stop")
    supervise()
    training_worker(folder, step=3)
    answer = wait(folder, old, 5)
    assert answer is not None
    assert (answer.status, derive(folder).state) == ("refused", State.TRAINING)


def test_a_command_whose_worker_was_killed_while_obeying_is_never_applied_again(
    folder: RunFolder, supervise: Supervise
) -> None:
    first = supervise("--die-obeying", "save")
    training_worker(folder)
    save = send(folder, "save")
    first.wait(20)
    answer = wait(folder, save, 5)
    assert answer is not None
    assert answer.status == "refused"
    supervise()
    training_worker(folder, step=1)
    last = send(folder, "sample")
    assert wait(folder, last, 10) is not None
    assert (folder.path / "obeyed").read_text().split() == ["save", "sample"]
    assert not list(folder.control.iterdir())


def test_pausing_shows_and_resuming_goes_on(folder: RunFolder, supervise: Supervise) -> None:
    supervise()
    training_worker(folder)
    assert wait(folder, send(folder, "pause"), 10) is not None
    until(lambda: derive(folder).state is State.PAUSED, what="the pause to show")
    assert wait(folder, send(folder, "resume"), 10) is not None
    until(lambda: derive(folder).state is State.TRAINING, what="training to show")


def test_relative_paths_count_from_where_the_run_was_launched(
    folder: RunFolder, supervise: Supervise
) -> None:
    supervise("--steps", "1").wait(20)
    started = [event for event in read_events(folder) if event["kind"] == "started"]
    assert folder.about()["base"] in [event.get("directory") for event in started]


def test_the_machine_is_sampled_while_the_worker_works(
    folder: RunFolder, supervise: Supervise
) -> None:
    supervise()
    training_worker(folder)

    def sampled() -> list[str]:
        return MetricsReader(folder.telemetry).series()

    names = until(sampled, what="the first sample")
    assert {"cpu", "ram", "ram_total"} <= set(names)
