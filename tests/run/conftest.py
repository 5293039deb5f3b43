"""Fixtures of the run tests: a laid-out folder, and supervised fake workers that never outlive
their test.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from schema.run.layout import RunFolder
from schema.run.process import ProcessId, fate
from schema.run.status import read_status
from tests.run.wait import until

FAKE_WORKER = Path(__file__).with_name("fake_worker.py")
REPOSITORY = Path(__file__).parents[2]

Supervise = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[RunFolder]:
    """A run that was laid out and never started; no worker on it outlives the test."""
    found = RunFolder.create(tmp_path / "output" / "cats", "job: extension\n", "cats")
    yield found
    kill_worker(found)


@pytest.fixture
def supervise(folder: RunFolder) -> Iterator[Supervise]:
    """Start a supervisor over a fake worker; what lives at the end of the test is killed."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*worker_arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-P", "-m", "engine.supervisor", str(folder.path)]
        command += ["--worker", sys.executable, str(FAKE_WORKER), *worker_arguments]
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def worker_of(folder: RunFolder) -> ProcessId | None:
    """The worker that the status names, if it lives."""
    worker = ProcessId.from_json(read_status(folder).get("worker"))
    return worker if worker and fate(worker) == "alive" else None


def training_worker(folder: RunFolder, step: int = 1) -> ProcessId:
    """Wait until a worker trains and has passed `step`."""

    def look() -> ProcessId | None:
        record = read_status(folder)
        far = record.get("state") == "training" and record.get("step", 0) >= step
        return worker_of(folder) if far else None

    found = until(look, what=f"a worker past step {step}")
    assert found is not None
    return found


def kill_worker(folder: RunFolder) -> None:
    """Make sure that no worker of this run is left."""
    worker = worker_of(folder)
    if worker and worker.pid != os.getpid():
        os.kill(worker.pid, signal.SIGKILL)
        until(lambda: fate(worker) == "gone", what="the killed worker to be gone")
