"""The part of `check` that looks whether the folders and files that a process reads are there.

Datasets and models of trainers have checks of their own (`schema.file_check`); this is for what
sliders, adapters, captioners and the other processes name.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from schema.option import Section
from schema.places import exists, is_folder, path_of
from schema.rules.rule import Problem

_FOLDERS: Final = frozenset(
    {
        "adapter.image_dir", "slider.adapter_img_dir", "slider.datasets[].pair_folder",
        "slider.datasets[].pos_folder", "slider.datasets[].neg_folder", "datasets[].path",
        "caption.path_to_caption", "parent_dir", "dataset_paths",
    }
)  # fmt: skip
_FILES: Final = frozenset(
    {
        "adapter.test_img_path", "slider.prompt_file", "sample_sources", "pretrained_path",
        "input_path", "generate.prompts", "datasets[].random_triggers",
        "train.validation_config.validation_items[].image_path",
    }
)  # fmt: skip
_LISTS: Final = frozenset({"generate.prompts", "datasets[].random_triggers"})
"""Options that name a file or list the words themselves."""


def input_problems(process: Section) -> Iterator[Problem]:
    """What a process is to read and is not there."""
    yield from _in_section(process, "", "")


def _in_section(section: Section, path: str, general: str) -> Iterator[Problem]:
    for name in type(section).model_fields:
        if name in section.model_fields_set:
            yield from _in_value(getattr(section, name), f"{path}{name}", f"{general}{name}")


def _in_value(value: Any, path: str, general: str) -> Iterator[Problem]:
    if isinstance(value, Section):
        yield from _in_section(value, f"{path}.", f"{general}.")
    elif general in _FOLDERS or general in _FILES:
        for place, name in _names(value, path, general):
            fault = _fault(path_of(name), folder=general in _FOLDERS)
            if fault:
                yield Problem(place, f"{name} {fault}", severity="error", code="no-such-input")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            if isinstance(item, Section):
                yield from _in_section(item, f"{path}[{index}].", f"{general}[].")


def _names(value: Any, path: str, general: str) -> Iterator[tuple[str, str]]:
    """The names in a value, with their places: one, a list, or one text with commas."""
    if isinstance(value, list) and general not in _LISTS:
        yield from ((f"{path}[{index}]", str(item)) for index, item in enumerate(value))
    elif isinstance(value, str):
        several = general == "adapter.test_img_path"
        parts = [part.strip() for part in value.split(",")] if several else [value]
        yield from ((path, part) for part in parts if part)


def _fault(path: Path, *, folder: bool) -> str | None:
    if not exists(path):
        return "does not exist"
    if folder and not is_folder(path):
        return "is not a folder"
    if not folder and is_folder(path):
        return "is a folder, not a file"
    return None
