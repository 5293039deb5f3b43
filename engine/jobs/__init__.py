"""The kinds of processes a job may name: process type -> the module that runs it.

A module has `run(session) -> bool`: True when the process was done, False when it was stopped
before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from engine.errors import ConfigError
from engine.report import Report
from schema.run.layout import RunFolder
from schema.sections.job import JobFile, Process

JOBS: dict[str, str] = {"sd_trainer": "engine.jobs.train"}


@dataclass(frozen=True)
class Session:
    """What a process is given to work with."""

    folder: RunFolder
    job: JobFile
    process: Process
    report: Report
    told: frozenset[str] = frozenset()
    """Paths within the process that `check` has said something about."""


def job_for(process_type: str) -> Callable[[Session], bool]:
    """What runs this type of process; imported when it is asked for."""
    if process_type not in JOBS:
        raise ConfigError("type", f"{process_type!r} cannot be run; known are {', '.join(JOBS)}.")
    run: Callable[[Session], bool] = import_module(JOBS[process_type]).run
    return run
