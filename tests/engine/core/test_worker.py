"""The worker as a real process: signals, kills, exact resume, commands, the lock."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from schema.run import commands
from schema.run.files import read_json
from schema.run.layout import RunFolder
from schema.run.process import identify
from schema.run.status import read_status
from tests.engine.core.conftest import NewRun
from tests.engine.core.runs import DEADLINE, Worker, kinds, names, rows, run_here

EVERYTHING: dict[str, Any] = {
    # Every part that has a memory, at once.
    "train__steps": 12,
    "train__gradient_accumulation": 2,
    "train__train_text_encoder": True,
    "train__text_encoder_lr": 2e-4,
    "train__ema_config": {"use_ema": True, "ema_decay": 0.8},
    "train__lr_scheduler": "cosine",
    "train__min_snr_gamma": 5.0,
    "train__noise_offset": 0.05,
    "train__disable_sampling": False,
    "network__dropout": 0.2,
    "datasets__caption_dropout_rate": 0.3,
    "datasets__shuffle_tokens": True,
    "datasets__cache_latents": False,
    "datasets__num_workers": 2,
    "datasets__random_crop": True,
    "save__save_every": 4,
    "save__max_step_saves_to_keep": 0,
}


def _bytes_of(folder: RunFolder, step: int) -> dict[str, bytes]:
    """The binary content of a checkpoint and the weights beside it."""
    state = sorted(folder.state_step(step).glob("*.safetensors"))
    return {path.name: path.read_bytes() for path in state}


@pytest.mark.parametrize(
    ("moment", "goes_on_after"), [("checkpoint of 4", {4}), ("saving step 8", {4, 8})]
)
def test_a_run_killed_at_a_boundary_or_in_a_save_goes_on_bit_for_bit(
    new_run: NewRun, moment: str, goes_on_after: set[int]
) -> None:
    """12 straight steps without previews, against kill -9 and a resume with them."""
    straight = new_run("straight", **EVERYTHING)
    assert run_here(straight) == 0
    killed = new_run("killed", **EVERYTHING, sample__sample_every=3)
    with Worker(killed) as worker:
        worker.until(
            lambda event: moment in (event.get("detail"), f"{event['kind']} of {event.get('step')}")
        )
        worker.kill()
    with Worker(killed) as worker:
        assert worker.wait() == 0, worker.log()
    assert kinds(killed, "resumed")[0]["step"] in goes_on_after
    assert rows(killed) == rows(straight)
    assert list(rows(killed)) == list(range(1, 13))
    for step in (8, 12):
        assert _bytes_of(killed, step) == _bytes_of(straight, step)
    final = [folder.step_file(12).name for folder in (killed, straight)]
    assert final[0] in names(killed)
    assert final[1] in names(straight)


def test_a_signal_finishes_the_step_saves_everything_and_exits_0(new_run: NewRun) -> None:
    folder = new_run(train__steps=100_000)
    with Worker(folder) as worker:
        worker.until(lambda event: event.get("state") == "training")
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0, worker.log()
    status = read_status(folder)
    assert status["state"] == "interrupted"
    assert status["error"] is None
    step = status["step"]
    assert max(rows(folder), default=0) == step
    assert "stopped by SIGTERM" in worker.log()
    assert "Traceback" not in worker.log()
    if step:  # the signal may have come before the first step was done
        progress = read_json(folder.state_step(step) / "progress.json")
        assert progress is not None
        assert folder.step_file(step).name in names(folder)
    assert not any(name.startswith(".") for name in names(folder))


LISTENER = """
import time
from engine.worker import listen
listen(lambda why: print(why, flush=True))
print("ready", flush=True)
while True:
    sum(range(10**7))  # the main thread is inside one long call nearly all the time
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_one_signal_asks_and_a_second_one_exits_now(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", LISTENER],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path.cwd())},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        process.send_signal(number)  # an echo of the same wish
        assert process.stdout.readline() == f"stopped by {number.name}\n"
        assert process.poll() is None
        while process.poll() is None:
            process.send_signal(number)
            select.select([], [], [], 0.05)
        assert process.returncode == 130


def test_commands_are_acknowledged_once_and_do_what_they_say(new_run: NewRun) -> None:
    folder = new_run(train__steps=100_000, train__disable_sampling=False)

    def order(name: str) -> commands.Acknowledgement:
        answer = commands.wait(folder, commands.send(folder, name), DEADLINE)
        assert answer is not None, f"{name} was not answered"
        return answer

    with Worker(folder) as worker:
        worker.until(lambda event: event.get("state") == "training")
        assert order("pause").status == "done"
        assert kinds(folder, "state")[-1]["state"] == "paused"
        assert order("pause").message.startswith("paused after step"), "it stands still already"
        steps = read_status(folder)["step"]
        saved = order("save")
        assert saved.status == "done"
        assert folder.step_file(_step_in(saved.message)).exists()
        before = set(folder.samples.glob("*.jpg"))
        assert order("sample").status == "done"
        assert len(set(folder.samples.glob("*.jpg")) - before) == 1
        assert steps <= _step_in(saved.message)
        assert kinds(folder, "state")[-1]["state"] == "paused"
        assert order("resume").status == "done"
        worker.until(lambda event: event.get("state") == "training")
        assert order("stop").status == "done"
        assert worker.wait() == 0, worker.log()
    answers = [event["id"] for event in kinds(folder, "command")]
    assert len(answers) == len(set(answers)) == 6
    assert read_status(folder)["state"] == "interrupted"
    assert not list(folder.control.iterdir())


def _step_in(message: str) -> int:
    return int("".join(c for c in message.partition(".")[0] if c.isdigit())[-9:])


def test_it_shows_life_and_answers_while_the_libraries_load(
    new_run: NewRun, tmp_path: Path
) -> None:
    """torch is replaced by one whose import takes forever: heartbeat and commands work anyway."""
    slow = tmp_path / "slow"
    (slow / "torch").mkdir(parents=True)
    gate = tmp_path / "gate"
    (slow / "torch" / "__init__.py").write_text(
        "import os, time\n"
        f"while not os.path.exists({str(gate)!r}):\n    time.sleep(0.01)\n"
        "raise ImportError('it was never torch')\n"
    )
    folder = new_run()
    path = f"{slow}:{Path.cwd()}"
    with Worker(folder, PYTHONPATH=path) as worker:
        pause = commands.wait(folder, commands.send(folder, "pause"), DEADLINE)
        assert pause is not None
        assert pause.status == "done"
        status = read_status(folder)
        assert status["state"] == "preparing"
        assert status["pid"] == worker.process.pid
        first = status["heartbeat"]
        deadline = time.monotonic() + DEADLINE
        while read_status(folder)["heartbeat"] < first + 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert read_status(folder)["heartbeat"] >= first + 2
        gate.touch()
        assert worker.wait() == 3
    assert "it was never torch" in read_status(folder)["error"]


def test_a_second_worker_on_the_same_run_is_refused(new_run: NewRun) -> None:
    folder = new_run(train__steps=100_000)
    with Worker(folder) as worker:
        worker.until(lambda event: event["kind"] == "started")
        with Worker(folder) as second:
            assert second.wait() == 3
        assert "already at work" in worker.log()
        assert identify(worker.process.pid) is not None
        assert json.loads(folder.status.read_text())["pid"] == worker.process.pid


def test_a_folder_that_is_no_run_is_wrong_usage(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "engine.worker", str(tmp_path)],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path.cwd())},
        check=False,
    )
    assert done.returncode == 2
    assert "usage" in done.stderr
    assert not list(tmp_path.iterdir())
