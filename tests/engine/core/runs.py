"""Whole runs for tests: a config on the tiny model, run in this process or as a real worker.

`run_here` is the worker's own code without its process: fast, for what happens in a run. `Worker`
is `python -P -m engine.worker` itself, for signals, kills and what outlives a process.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from schema.run.events import EventTail, read_events
from schema.run.layout import RunFolder
from schema.run.metrics import MetricsReader
from schema.run.status import read_status

DEADLINE = 60.0


def make_config(
    name: str, folder: Path, model: Path, pictures: Path, **changes: Any
) -> dict[str, Any]:
    """A small LoRA run; `changes` are by option path with `__` for dots (`train__lr=1e-3`)."""
    process: dict[str, Any] = {
        "type": "sd_trainer",
        "training_folder": str(folder),
        "device": "cpu",
        "training_seed": 7,
        "model": {"name_or_path": str(model), "arch": "sd1"},
        "network": {"type": "lora", "linear": 4, "alpha": 4},
        "train": {
            "steps": 6,
            "batch_size": 2,
            "lr": 1e-3,
            "gradient_checkpointing": False,
            "disable_sampling": True,
        },
        "datasets": [
            {
                "folder_path": str(pictures),
                "resolution": 64,
                "cache_latents": True,
                "num_workers": 0,
            }
        ],
        "sample": {
            "sample_every": 0,
            "width": 64,
            "height": 64,
            "sample_steps": 2,
            "prompts": ["a red circle"],
        },
        "save": {"save_every": 0, "dtype": "float32"},
        "logging": {"log_every": 1},
    }
    for path, value in changes.items():
        *sections, key = path.split("__")
        place = process["datasets"][0] if sections == ["datasets"] else process
        for section in () if sections == ["datasets"] else sections:
            place = place.setdefault(section, {})
        place[key] = value
    return {"job": "extension", "config": {"name": name, "process": [process]}}


def lay_out(config: dict[str, Any]) -> RunFolder:
    """The run's folder with this config; one that exists keeps everything else."""
    name = config["config"]["name"]
    path = Path(config["config"]["process"][0]["training_folder"]) / name
    text = json.dumps(config)
    if not path.exists():
        return RunFolder.create(path, text, name)
    folder = RunFolder(path)
    folder.config.write_text(text, "utf-8")
    return folder


def run_here(folder: RunFolder) -> int:
    """The worker's job in this process; its exit code."""
    from engine import worker
    from engine.orders import Orders
    from engine.report import Report
    from schema.run.commands import CommandInbox
    from schema.run.events import EventWriter
    from schema.run.status import StatusWriter

    events = EventWriter(folder, "worker")
    orders = Orders(CommandInbox(folder, events, every=0.0))
    with StatusWriter(folder, on_beat=orders.look) as status:
        return worker.Worker(Report(folder, status, events, orders)).run()


def finished(new_run: Callable[..., RunFolder], name: str = "run", **changes: Any) -> RunFolder:
    """Lay a run out, or change its config, and run it here to a good end."""
    folder = new_run(name, **changes)
    assert run_here(folder) == 0, read_status(folder)
    return folder


def state_of(folder: RunFolder, step: int, part: str = "trained") -> dict[str, Any]:
    """The tensors of one part of a checkpoint."""
    return _tensors(folder.state_step(step) / f"{part}.safetensors")


def weights_file(folder: RunFolder, step: int | None = None) -> dict[str, Any]:
    """The tensors of the weights saved for people; the final ones for None."""
    return _tensors(folder.step_file(step))


def _tensors(path: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    found: dict[str, Any] = load_file(path)
    return found


def equal(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether all tensors are the same, bit for bit."""
    return one.keys() == other.keys() and all(bool((one[k] == other[k]).all()) for k in one)


class Worker:
    """A real worker process; its output goes to log.txt as under the supervisor."""

    def __init__(self, folder: RunFolder, **environment: str) -> None:
        self.folder = folder
        self._tail = EventTail(folder)
        self.events: list[dict[str, Any]] = []
        with folder.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "engine.worker", str(folder.path)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | {"PYTHONPATH": str(Path.cwd())} | environment,
                start_new_session=True,
            )

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first event like that; fails when the worker ends or a minute passes without it."""
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline:
            alive = self.process.poll() is None
            for event in self._tail.poll():
                self.events.append(event)
                if wanted(event):
                    return event
            assert alive, f"the worker ended with {self.process.returncode}:\n{self.log()}"
            time.sleep(0.005)
        raise AssertionError(f"not within {DEADLINE} s:\n{self.log()}")

    def signal(self, number: int) -> None:
        """Send a signal to the worker alone."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """As `kill -9`."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(DEADLINE)

    def wait(self) -> int:
        """The exit code, once it has ended."""
        return self.process.wait(DEADLINE)

    def log(self) -> str:
        """Everything it printed."""
        return self.folder.log.read_text("utf-8", "replace")


def rows(folder: RunFolder) -> dict[int, dict[str, float]]:
    """The recorded numbers that must not depend on the clock, by step."""
    clock = {"step", "time", "step_seconds", "data_seconds"}
    found = MetricsReader(folder.metrics).rows()
    return {row["step"]: {k: v for k, v in row.items() if k not in clock} for row in found}


def kinds(folder: RunFolder, kind: str) -> list[dict[str, Any]]:
    """The events of one kind, in order."""
    return [event for event in read_events(folder) if event["kind"] == kind]


def names(folder: RunFolder) -> list[str]:
    """What lies in the run's folder, hidden leftovers included."""
    return sorted(path.name for path in folder.path.iterdir())
