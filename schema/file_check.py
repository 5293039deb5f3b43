"""The part of `check` that looks at files: the model, the datasets, the place for results."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from schema.assistant_files import assistant_problems
from schema.dataset_problems import dataset_problems
from schema.families import family
from schema.looking import Looking
from schema.model_files import model_problems, refiner_problems, vae_problems
from schema.part_files import part_problems
from schema.places import absolute, exists, is_folder, path_of
from schema.rules.rule import Problem
from schema.sections.job import JobFile, TrainerProcess
from schema.tensor_files import megabytes

_LITTLE_SPACE: Final = 1_000_000_000


def file_problems(
    job: JobFile, process: TrainerProcess, looking: Looking | None = None
) -> Iterator[Problem]:
    """Everything about files that would stop or spoil this process."""
    looking = looking or Looking()
    row = family(process.model.arch)
    if row is not None:
        yield from model_problems(
            process.model.name_or_path, row, process.model.extras_name_or_path
        )
        yield from part_problems(process, row)
        if process.model.refiner_name_or_path is not None:
            yield from refiner_problems(process.model.refiner_name_or_path, row)
        if process.model.vae_path:
            yield from vae_problems(process.model.vae_path, row)
    yield from assistant_problems(process.train)
    for index, dataset in enumerate(process.datasets):
        where, trigger = f"datasets[{index}]", process.trigger_word
        yield from dataset_problems(where, dataset, row, trigger, looking)
    yield from output_problems(process.training_folder, job.config.name)


def output_problems(training_folder: str, name: str) -> Iterator[Problem]:
    """Whether the run's folder can be made and written to."""
    folder = path_of(training_folder) / name
    place = _nearest_existing(folder)
    if not is_folder(place):
        message = f"{place} is a file, so {folder} cannot be made"
        yield Problem("training_folder", message, None, "error", "output-not-a-folder")
        return
    if not os.access(place, os.W_OK | os.X_OK):
        message = f"{place} is not writable, so no results could be saved"
        yield Problem("training_folder", message, None, "error", "output-not-writable")
        return
    try:
        free = shutil.disk_usage(place).free
    except OSError:
        return  # a disk that does not say
    if free < _LITTLE_SPACE:
        message = f"only {megabytes(free)} are free on the disk of {place}"
        yield Problem("training_folder", message, None, "warning", "disk-almost-full")


def _nearest_existing(path: Path) -> Path:
    """The path itself or the nearest parent that exists."""
    path = absolute(path)
    while not exists(path) and path != path.parent:
        path = path.parent
    return path
