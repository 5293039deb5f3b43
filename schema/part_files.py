"""Are the files that a model or a network is put together from there? Paths only, no weights."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from schema.families import FamilyRow
from schema.findings import nearest
from schema.option_at import option_at
from schema.places import exists, is_folder, names_in, path_of
from schema.rules.rule import Problem
from schema.sections.job import TrainerProcess

_NAME: Final = r"[A-Za-z0-9][\w.-]*"
REPOSITORY: Final = re.compile(rf"^{_NAME}/{_NAME}$")
"""`user/model` on the Hugging Face hub."""

HUB_FILE: Final = re.compile(rf"^{_NAME}/{_NAME}/[\w./-]+\.(safetensors|ckpt|pt|bin|gguf)$")
"""`user/model/file.safetensors` on the hub."""

_ONE_FILE: Final = ("accuracy_recovery_adapter", "unconditional_lora_path")
_EITHER: Final = (
    "lora_path", "assistant_lora_path", "inference_lora_path", "refiner_name_or_path",
    "te_name_or_path", "extras_name_or_path", "unet_path",
)  # fmt: skip


def part_problems(process: TrainerProcess, row: FamilyRow) -> Iterator[Problem]:
    """What is missing of the parts that `model:` and `network:` name beside the model itself."""
    for name in (*_EITHER, *_ONE_FILE):
        place = getattr(process.model, name)
        if place is not None and row.can(_needs(name)):
            yield from _missing(f"model.{name}", place, hub_file_only=name in _ONE_FILE)
    network = process.network
    if network is not None and network.pretrained_lora_path is not None:
        path = path_of(network.pretrained_lora_path)
        if not exists(path) and not HUB_FILE.match(network.pretrained_lora_path):
            yield _problem("network.pretrained_lora_path", path)


def _needs(name: str) -> tuple[str, ...]:
    info = option_at(f"model.{name}", "sd_trainer")
    assert info is not None, name
    return info.applies_to


def _missing(where: str, place: str, *, hub_file_only: bool) -> Iterator[Problem]:
    """Nothing where a file or folder exists, or where the name may be one of the hub."""
    path = path_of(place)
    if exists(path) or HUB_FILE.match(place):
        return
    if hub_file_only and REPOSITORY.match(place) and not is_folder(path.parent):
        message = f"{place} names a repository; name the file in it: user/repo/file.safetensors"
        yield Problem(where, message, None, "error", "part-missing")
    elif hub_file_only or not REPOSITORY.match(place) or is_folder(path.parent):
        yield _problem(where, path)


def _problem(where: str, path: Path) -> Problem:
    close = nearest(path.name, names_in(path.parent))
    suggestion = str(path.parent / close) if close else None
    return Problem(where, f"{path} does not exist", suggestion, "error", "part-missing")
