"""Who else watches a run: trackers, clocks, the profiler, the log with more detail."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch

from engine.accelerator import Accelerator
from engine.data.batch import Batch
from engine.data.loader import DataSource
from engine.families.base import Family
from engine.jobs import Session
from engine.report import Report
from engine.step import Step, TrainingStep
from engine.timing import ProfiledStep, TimedStep, Timers, seconds_in_words
from engine.trackers import Tracker, Trackers
from schema.run.layout import RunFolder
from schema.sections.job import TrainerProcess

PROFILE = "profile.txt"


def build_trackers(session: Session, process: TrainerProcess, done: int) -> Trackers | None:
    """The service or the database, and TensorBoard beside either; None where nothing is asked."""
    found: list[Tracker] = []
    options, folder = process.logging, session.folder
    project, name = options.project_name, options.run_name
    if options.use_wandb:
        from engine.trackers.wandb import WandbLog

        config = process.model_dump(mode="json")
        found.append(WandbLog(folder.path, _id_of(folder), project, name, config))
    if options.use_ui_logger and not options.use_wandb:
        from engine.trackers.sqlite import SqliteLog

        found.append(SqliteLog(folder.path, done))
    if process.log_dir is not None:
        from engine.trackers.tensorboard import TensorBoardLog

        found.append(TensorBoardLog(Path(process.log_dir), folder.name))
    return Trackers(found, session.report.warning) if found else None


def _id_of(folder: RunFolder) -> str:
    return str(folder.about()["id"])


def watched(
    step: TrainingStep,
    process: TrainerProcess,
    parts: tuple[Family, DataSource, Accelerator],
    report: Report,
    device: torch.device,
) -> Step:
    """The step, with clocks and the profiler around it where they are asked for."""
    found: Step = step
    if process.performance_log_every:
        timers = Timers(device)
        family, source, accelerator = parts
        for owner, method, name in (
            (source, "batch", "get_batch"),
            (family, "encode_prompts", "prepare_prompt"),
            (family, "encode_images", "prepare_latents"),
            (family, "predict", "predict"),
            (accelerator, "backward", "backward"),
            (accelerator, "update", "optimizer_step"),
        ):
            timers.wrap(owner, method, name)

        def tell(number: int, means: dict[str, float]) -> None:
            report.events.emit("timing", step=number, seconds=means)
            report.say(f"step {number}: {seconds_in_words(means)}")

        found = TimedStep(found, timers, process.performance_log_every, tell)
    if process.torch_profiler:
        found = ProfiledStep(found, report.folder.path / PROFILE)
    return found


def talk(process: TrainerProcess, source: DataSource, report: Report) -> None:
    """With `logging.verbose`: every batch in the log, and the libraries' own messages."""
    if not process.logging.verbose:
        return
    import diffusers
    import transformers

    diffusers.utils.logging.set_verbosity_info()
    transformers.utils.logging.set_verbosity_info()  # type: ignore[no-untyped-call]
    logging.getLogger().setLevel(logging.DEBUG)
    inner = source.batch

    def batch(step: int, micro: int) -> Batch:
        found = inner(step, micro)
        width, height = found.size
        names = ", ".join(Path(picture).name for picture in found.pictures)
        report.say(f"debug: step {step}.{micro}: {len(found)} of {width}x{height}: {names}")
        return found

    source.batch = batch  # type: ignore[method-assign]


def values_in_words(step: int, values: dict[str, float], timesteps: list[float]) -> str:
    """A line on everything that was recorded of a step."""
    rest: dict[str, Any] = {name: f"{value:.5g}" for name, value in values.items()}
    levels = " ".join(f"{t:g}" for t in timesteps)
    return f"debug: step {step}: timesteps {levels}; " + ", ".join(
        f"{k} {v}" for k, v in rest.items()
    )
