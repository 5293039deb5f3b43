"""The engine's training step beside the plain loop, in one process, over the same tensors.

`python -m tests.bench.step_pairs CONFIG WORK [PAIRS]` prints one JSON object: the aten calls of a
step of each by name, and the CPU seconds of interleaved pairs of 50 steps. One thread. The engine's
side is all that its loop does for a step: the step, recording it, status, looking for commands.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import torch
import yaml
from torch.utils._python_dispatch import TorchDispatchMode

from engine.assembly.optimization import build_optimization
from engine.data.loader import DataSource
from engine.families import family_for
from engine.jobs import Session
from engine.jobs.train import TrainingJob
from engine.loop import Loop, Plan
from engine.orders import Orders
from engine.report import Recorder, Report
from engine.worker import read_config
from schema.run.commands import CommandInbox
from schema.run.events import EventWriter
from schema.run.layout import RunFolder
from schema.run.metrics import MetricsWriter
from schema.run.status import State, StatusWriter
from tests.bench.plain_loop import PlainLoop

BLOCK = 50
COUNTED = 4


class Calls(TorchDispatchMode):
    """Counts the operations that reach a device, forward and backward, by name."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.counts[str(func.overloadpacket)] += 1
        return func(*args, **(kwargs or {}))


class NoKeeper:
    """Nothing is saved while steps are measured."""

    def save(self, step: int, *, weights: bool = True) -> str:
        return "nowhere"

    def finish(self, step: int) -> None:
        pass


class Engine:
    """The trainer's loop over the config's data; `run(count)` does so many steps more."""

    def __init__(self, folder: RunFolder) -> None:
        events = EventWriter(folder, "worker")
        orders = Orders(CommandInbox(folder, events))
        self.status = StatusWriter(folder, state=State.PREPARING)
        self.report = Report(folder, self.status, events, orders)
        job_file = read_config(folder)
        process = job_file.config.process[0]
        job = TrainingJob(Session(folder, job_file, process, self.report))
        family = family_for(process.model.arch).open(
            process.model, process.train, job.device, job.dtype
        )
        source = DataSource(process, family, job.seed)
        source.prepare()
        if source.caches_text:
            family.free_text_encoders()
        trained = job._load(family, source)
        self.step = job._step(
            family, source, trained, build_optimization(trained, job.train), job._accelerator()
        )
        self.step.begin(0)
        self.metrics = MetricsWriter(folder.metrics, 0)
        self.recorder = Recorder(
            self.metrics,
            self.report,
            job.device,
            steps=10**6,
            log_every=process.logging.log_every,
            overflows_are_normal=False,
        )
        self.done = 0
        batch = source.batch(1, 0)
        self.latents, self.text = batch.latents, batch.conditioning

    def run(self, count: int) -> None:
        """As the loop does it, without an end."""
        plan = Plan(steps=self.done + count)
        loop = Loop(
            plan,
            self.step,
            recorder=self.recorder,
            report=self.report,
            keeper=NoKeeper(),
            preview=None,
            saved_at=self.done + count,
        )
        loop.run(self.done)
        self.done += count


def main(config: Path, work: Path, pairs: int) -> dict[str, Any]:
    """Count, then time."""
    torch.set_num_threads(1)
    folder = RunFolder.create(work, endless(config), "bench", base=config.parent)
    engine = Engine(folder)
    assert engine.latents is not None
    assert engine.text is not None
    process = read_config(folder).config.process[0].model_dump()
    model = Path(process["model"]["name_or_path"])
    plain = PlainLoop(model, process, engine.latents, engine.text.parts["text"])
    engine.run(3)
    for _ in range(3):
        plain.step()
    found = {"engine": counted(lambda: [engine.step(1000 + i) for i in range(COUNTED)])}
    found["plain"] = counted(lambda: [plain.step() for _ in range(COUNTED)])
    found["pairs"] = [pair(engine, plain, swap=bool(i % 2)) for i in range(pairs)]
    engine.metrics.close()
    engine.status.close(state=State.FINISHED)
    return found


def endless(config: Path) -> str:
    """The config without an end, on the CPU, with everything encoded before: as the loop has it."""
    data = yaml.safe_load(config.read_text())
    process = data["config"]["process"][0]
    process["device"] = "cpu"
    process["train"] |= {"steps": 10**6, "cache_text_embeddings": True}
    for dataset in process["datasets"]:
        dataset |= {"cache_latents": True, "caption_dropout_rate": 0.0}
    return yaml.safe_dump(data)


def counted(steps: Any) -> dict[str, float]:
    """Calls by name, of one step."""
    with Calls() as calls:
        steps()
    return {name: count / COUNTED for name, count in sorted(calls.counts.items())}


def pair(engine: Engine, plain: PlainLoop, *, swap: bool) -> tuple[float, float]:
    """CPU seconds of 50 steps of each."""

    def ours() -> float:
        gc.collect()
        begin = time.process_time()
        engine.run(BLOCK)
        return time.process_time() - begin

    def theirs() -> float:
        gc.collect()
        begin = time.process_time()
        for _ in range(BLOCK):
            plain.step()
        return time.process_time() - begin

    if swap:
        second = theirs()
        return ours(), second
    first = ours()
    return first, theirs()


if __name__ == "__main__":
    result = main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
    json.dump(result, sys.stdout)
