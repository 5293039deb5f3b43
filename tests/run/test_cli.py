"""The commands around runs, as people call them: real processes, real terminals, real Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from schema.run.events import read_events
from schema.run.layout import RunFolder
from schema.run.metrics import MetricsWriter
from schema.run.process import fate
from schema.run.registry import register
from schema.run.state import derive
from schema.run.status import State, StatusWriter
from tests.run.configs import write_config
from tests.run.conftest import FAKE_WORKER, kill_worker, training_worker
from tests.run.terminal import Terminal
from tests.run.wait import until
from tui.cli import main

DRIVER = """
import json, sys
import tui.launch
from tui.cli import main
tui.launch.WORKER = json.loads(sys.argv[1])
tui.launch.check_document = lambda document, files: document.findings
sys.exit(main(sys.argv[2:]))
"""


def command(worker: list[str], *arguments: str) -> list[str]:
    """A `finetui` command line whose runs are done by the fake worker."""
    fake = json.dumps([sys.executable, str(FAKE_WORKER), *worker])
    return [sys.executable, "-c", DRIVER, fake, *arguments]


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Path]:
    """A config; whatever was started from it is ended."""
    yield write_config(tmp_path)
    kill_worker(RunFolder(tmp_path / "output" / "cats"))


@pytest.fixture
def cats(config: Path) -> RunFolder:
    """The folder that the config's run will have."""
    return RunFolder(config.parent / "output" / "cats")


def call(worker: list[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(worker, *arguments), capture_output=True, text=True, timeout=60, check=False
    )


def test_a_run_is_watched_to_its_end_with_everything_on_stderr(config: Path) -> None:
    done = call(["--steps", "5"], "run", str(config))
    assert done.returncode == 0
    assert done.stdout == ""
    assert "finished after 5 steps" in done.stderr


def test_a_detached_run_returns_at_once_and_goes_on(config: Path, cats: RunFolder) -> None:
    done = call([], "run", str(config), "--detach")
    assert done.returncode == 0
    assert str(cats.path) in done.stderr
    worker = training_worker(cats, step=3)
    assert fate(worker) == "alive"


def test_an_invalid_config_exits_1_and_prints_each_fault_once_with_its_place(config: Path) -> None:
    config.write_text(config.read_text().replace("lr: 1e-4", "lr: -1\n        stepz: 3"))
    done = call([], "run", str(config))
    assert done.returncode == 1
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert sum("train.lr" in line for line in lines) == 1
    assert any(f"{config}:14:" in line for line in lines)
    assert any("train.stepz" in line for line in lines)
    assert "Traceback" not in done.stderr


def test_a_set_option_without_a_value_is_wrong_usage(config: Path) -> None:
    assert call([], "run", str(config), "--set", "train.steps").returncode == 2


def test_values_on_the_command_line_are_read_as_yaml(config: Path, cats: RunFolder) -> None:
    sets = ["--set", "train.lr=2e-4", "--set", "trigger_word=[x]", "--set", "config.name=dogs"]
    done = call(["--steps", "1"], "run", str(config), *sets)
    assert done.returncode == 1
    assert "trigger_word" in done.stderr
    done = call(["--steps", "1"], "run", str(config), *sets[:2], *sets[4:])
    assert done.returncode == 0
    assert "lr: 2e-4" in (cats.path.with_name("dogs") / "config.yaml").read_text() or (
        "0.0002" in (cats.path.with_name("dogs") / "config.yaml").read_text()
    )


@pytest.mark.parametrize(("worker_code", "code"), [(1, 1), (3, 3), (77, 3)])
def test_a_failed_run_exits_with_its_kind_and_one_line_of_reason(
    config: Path, worker_code: int, code: int
) -> None:
    worker = ["--say", "Traceback (most recent call last): boom", "--exit", str(worker_code)]
    done = call(worker, "run", str(config))
    assert done.returncode == code
    assert done.stderr.count("boom") == 1
    assert "log.txt" in done.stderr


def test_a_killed_worker_exits_3_with_the_signal(config: Path) -> None:
    done = call(["--kill", str(int(signal.SIGKILL))], "run", str(config))
    assert done.returncode == 3
    assert "SIGKILL" in done.stderr


def test_no_resume_refuses_what_is_there_and_the_default_continues_it(config: Path) -> None:
    assert call(["--exit", "3"], "run", str(config)).returncode == 3
    refused = call([], "run", str(config), "--no-resume")
    assert refused.returncode == 1
    assert "run-exists" in refused.stderr
    assert call(["--steps", "10"], "run", str(config)).returncode == 0
    again = call(["--exit", "3"], "run", str(config))
    assert again.returncode == 0
    assert "done all its steps" in again.stderr


def test_ctrl_c_asks_the_worker_to_stop_waits_and_exits_130(config: Path, cats: RunFolder) -> None:
    terminal = Terminal(command([], "run", str(config)))
    training_worker(cats, step=3)
    terminal.press(b"\x03")
    assert terminal.exit_code() == 130
    assert derive(cats).state is State.INTERRUPTED
    assert "stopping" in terminal.text
    stops = [event for event in read_events(cats) if event["kind"] == "command"]
    assert [(event["name"], event["status"]) for event in stops] == [("stop", "done")]


def test_a_second_ctrl_c_ends_a_worker_that_does_not_stop(config: Path, cats: RunFolder) -> None:
    terminal = Terminal(command(["--deaf"], "run", str(config)))
    worker = training_worker(cats)
    terminal.press(b"\x03")
    until(lambda: "stopping" in terminal.text)
    terminal.press(b"\x03")
    assert terminal.exit_code() == 130
    until(lambda: fate(worker) == "gone")


def test_losing_the_terminal_ends_only_the_watcher(config: Path, cats: RunFolder) -> None:
    terminal = Terminal(command([], "run", str(config)))
    worker = training_worker(cats)
    terminal.hang_up()
    assert terminal.exit_code() != 0
    here = derive(cats).step
    until(lambda: derive(cats).step > here + 3, what="training to go on")
    assert fate(worker) == "alive"
    assert derive(cats).state is State.TRAINING


def test_the_progress_line_shows_steps_loss_and_share(config: Path, cats: RunFolder) -> None:
    terminal = Terminal(command(["--steps", "30"], "run", str(config)))
    assert terminal.exit_code() == 0
    until(lambda: "30/30" in terminal.text)
    assert "100%" in terminal.text
    assert "loss" in terminal.text


def test_stop_pause_and_resume_return_when_the_worker_has_answered(
    config: Path, cats: RunFolder
) -> None:
    assert call([], "run", str(config), "--detach").returncode == 0
    training_worker(cats)
    assert main(["pause", "cats"]) == 0
    until(lambda: derive(cats).state is State.PAUSED)
    assert main(["resume", "cats"]) == 0
    assert main(["save", str(cats.path)]) == 0
    assert main(["sample", "cats"]) == 0
    assert main(["stop", "cats"]) == 0
    until(lambda: derive(cats).state is State.INTERRUPTED)
    assert (cats.path / "obeyed").read_text().split() == [
        "pause",
        "resume",
        "save",
        "sample",
        "stop",
    ]


def test_what_cannot_be_steered_is_refused_at_once(
    folder: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["stop", "nobody"]) == 2
    register(folder)
    assert main(["stop", "cats"]) == 3
    StatusWriter(folder).close(state=State.FINISHED)
    assert main(["save", "cats"]) == 3
    assert "not at work (finished)" in capsys.readouterr().err
    StatusWriter(folder).close(state=State.INTERRUPTED)
    assert main(["resume", "cats"]) == 3
    assert "`finetui run` with its config goes on" in capsys.readouterr().err
    assert list(folder.control.iterdir()) == []


def test_a_worker_that_does_not_answer_is_not_waited_for_longer_than_asked(
    folder: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    register(folder)
    with StatusWriter(folder, state=State.TRAINING):
        assert main(["save", "cats", "--timeout", "0"]) == 3
    assert "taken back" in capsys.readouterr().err
    assert list(folder.control.iterdir()) == []


def test_ps_lists_the_runs_as_json_and_as_a_table(
    folder: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ps", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    register(folder)
    with StatusWriter(folder, state=State.TRAINING, step=3, steps=10, loss=0.5):
        assert main(["ps", "--json"]) == 0
        (row,) = json.loads(capsys.readouterr().out)
        assert (row["name"], row["state"], row["step"], row["pid"]) == (
            "cats",
            "training",
            3,
            os.getpid(),
        )
        assert main(["ps"]) == 0
        assert "3/10" in capsys.readouterr().out


def test_metrics_prints_each_step_once_as_one_json_object_a_line(
    folder: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    for start, end in ((0, 8), (5, 10)):
        writer = MetricsWriter(folder.metrics, start)
        for step in range(start + 1, end + 1):
            writer.record(step, {"loss": float("nan") if step == 9 else 1 / step, "lr/unet": 1e-4})
        writer.close()
    assert main(["metrics", str(folder.path), "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["step"] for row in rows] == list(range(1, 11))
    assert rows[8]["loss"] is None
    assert rows[0].keys() == {"step", "time", "loss", "lr/unet"}
    assert main(["metrics", str(folder.path), "--json", "--from", "4", "--every", "3"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["step"] for row in rows] == [6, 9]


def test_metrics_are_json_in_a_pipe_and_have_a_column_per_series_on_a_terminal(
    folder: RunFolder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = MetricsWriter(folder.metrics, 0)
    writer.record(1, {"loss": 0.25})
    writer.close()
    assert main(["metrics", str(folder.path)]) == 0
    assert json.loads(capsys.readouterr().out)["loss"] == 0.25
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert main(["metrics", str(folder.path)]) == 0
    assert capsys.readouterr().out.split() == ["step", "loss", "1", "0.25"]


def test_watching_without_a_screen_follows_in_lines_until_the_end(
    config: Path, cats: RunFolder
) -> None:
    assert call(["--steps", "100"], "run", str(config), "--detach").returncode == 0
    done = call([], "watch", "cats", "--plain")
    assert done.returncode == 0
    assert "finished after 100 steps" in done.stderr


def test_ctrl_c_while_watching_leaves_the_run_alone(config: Path, cats: RunFolder) -> None:
    assert call([], "run", str(config), "--detach").returncode == 0
    training_worker(cats)
    terminal = Terminal(command([], "watch", "cats", "--plain"))
    until(lambda: "training" in terminal.text)
    terminal.press(b"\x03")
    assert terminal.exit_code() == 130
    assert derive(cats).state is State.TRAINING
