"""Rules on packages that are not always installed and on secrets that do not belong into a file."""

import re
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

from pydantic import BaseModel

from schema.rules.rule import Problem, ProcessScope, Rule, Scope, rule

OF_ANY: list[Rule] = []
RULES: list[Rule] = []

_TOKEN = re.compile(r"\bhf_[A-Za-z0-9]{30,}\b")


@rule(
    RULES,
    "error",
    "datasets[].augmentations",
    "datasets[].clip_image_augmentations",
    "logging.use_wandb",
)
def package_is_missing(scope: Scope) -> Iterator[Problem]:
    """Found out now, not when training has begun."""
    needed = [
        (f"{path}.{name}", "albumentations")
        for path, dataset in scope.datasets()
        for name in ("augmentations", "clip_image_augmentations")
        if getattr(dataset, name)
    ]
    if scope.process.logging.use_wandb:
        needed.append(("logging.use_wandb", "wandb"))
    for path, package in needed:
        if not is_installed(package):
            message = f"needs the package {package}, which is not installed: pip install {package}"
            yield Problem(path, message)


def is_installed(package: str) -> bool:
    """Whether it can be imported; a mere folder of that name (wandb makes one) is no package."""
    spec = find_spec(package)
    return spec is not None and spec.origin is not None


@rule(OF_ANY, "error", "meta", "type")
def secret_in_the_file(scope: ProcessScope) -> Iterator[Problem]:
    """A config is copied into the run's folder, and often shown to others."""
    places: tuple[tuple[Any, str], ...] = ((scope.process, ""), (scope.job.meta, "meta"))
    for value, root in places:
        for path in _secrets(value, root):
            message = "holds a Hugging Face token; set the variable HF_TOKEN and remove it here"
            yield Problem(path, message)


def _secrets(value: Any, path: str) -> Iterator[str]:
    """The paths of texts that look like a token, in what the file gives."""
    if isinstance(value, str):
        if _TOKEN.search(value):
            yield path
    elif isinstance(value, BaseModel):
        for name in value.model_fields_set:
            yield from _secrets(getattr(value, name), f"{path}.{name}" if path else name)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _secrets(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _secrets(item, f"{path}[{index}]")
