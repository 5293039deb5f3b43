"""The part of `check` that looks at assistant adapters: there, and of the kind that is said?"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from schema.part_files import REPOSITORY
from schema.places import is_file, is_folder, path_of
from schema.rules.rule import Problem
from schema.sections.train import Train

_PATH: Final = "train.adapter_assist_name_or_path"
_CLASSES: Final = {"t2i": "T2IAdapter", "control_net": "ControlNetModel"}
"""What diffusers calls the kinds of assistants, in the config of a saved one."""


def assistant_problems(train: Train) -> Iterator[Problem]:
    """What is wrong with the assistant adapter that the config names."""
    place = train.adapter_assist_name_or_path
    if place is None:
        return
    folder = path_of(place)
    if not is_folder(folder):
        if is_file(folder) or not REPOSITORY.fullmatch(place):
            message = f"{folder} is not a folder of diffusers, with config.json and weights"
            yield Problem(_PATH, message, None, "error", "assistant-missing")
        return
    found = _class_in(folder / "config.json")
    wanted = _CLASSES[train.adapter_assist_type]
    if found == wanted:
        return
    kind = next((kind for kind, name in _CLASSES.items() if name == found), None)
    if kind is not None:
        message = f"{folder} is a {found}, not a {wanted}"
        yield Problem(
            "train.adapter_assist_type", message, kind, "error", "assistant-of-other-kind"
        )
    else:
        message = f"{folder} is no {wanted}: its config.json says {found or 'nothing of the kind'}"
        yield Problem(_PATH, message, None, "error", "assistant-unknown")


def _class_in(config: Path) -> str | None:
    """The class that a saved module of diffusers names."""
    try:
        found = json.loads(config.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    name = found.get("_class_name") if isinstance(found, dict) else None
    return name if isinstance(name, str) else None
