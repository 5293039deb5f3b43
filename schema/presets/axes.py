"""The three axes of the presets, read from small YAML files: family, goal, memory class.

A file holds facts (what a family costs, what a goal needs) and values that go into the config as
they are, each with its reason. Light on purpose: the home view lists goals when the app starts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from importlib import resources
from typing import Any, Final, Literal

import yaml

Trained = Literal["network", "model", "adapter"]
Table = Mapping[str, Mapping[str, Any]]
"""Option path -> `value`, `why` and, optionally, `needs` (capabilities of the family)."""

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_RATES: Final[Mapping[str, float]] = {"network": 1e-4, "model": 1e-5, "adapter": 1e-5}


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilySheet:
    """What a family costs and is usually trained with; the defaults are those of a large model.

    `billions` are weights of the denoiser, `encoder_billions` of the text encoders together.
    `gib_per_megapixel` is what one picture keeps for the backward pass, in 16 bits, without and
    with gradient checkpointing (bytes of saved tensors, counted on the meta device).
    """

    arch: str
    billions: float = 12.0
    encoder_billions: float = 5.0
    gib_per_megapixel: tuple[float, float] = (28.5, 2.1)
    rates: Mapping[str, float] = field(default_factory=lambda: _RATES)
    trains_text_encoder: bool = False
    guidance: float = 4.0
    steps: int = 25
    note: str | None = None
    values: Table = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What is to be taught.

    `pictures` is the number that the preset is meant for. Each picture is seen about `views`
    times, all together between `least` and `most` times. `essential` are paths without which the
    goal makes no sense: where one of them waits for the engine, so does the goal. `adapters` are
    adapter types in order of preference, of which the family must take one.
    """

    name: str
    order: int
    label: str
    teaches: str
    help: str
    pictures: int
    views: int
    least: int
    most: int
    rank: int
    quick: bool = False
    head: tuple[str, ...] = ()
    run_name: str = "my_run"
    trains: Trained = "network"
    process: str = "sd_trainer"
    trigger: str | None = None
    default_caption: str | None = None
    text_encoder: bool = False
    adapters: tuple[str, ...] = ()
    preview_control: tuple[str, ...] = ()
    prompts: tuple[str, ...] = ()
    probe: str | None = None
    essential: tuple[str, ...] = ()
    values: Table = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryClass:
    """How much memory the GPU has, in GiB, and which GPUs are like that."""

    name: str
    gib: float
    label: str
    help: str
    values: Table = field(default_factory=dict)


@cache
def goals() -> Mapping[str, Goal]:
    """The goals by name, in their order."""
    read = [_goal(name, data) for name, data in _files("goals").items()]
    return {goal.name: goal for goal in sorted(read, key=lambda goal: goal.order)}


@cache
def memory_classes() -> Mapping[str, MemoryClass]:
    """The memory classes by name, the smallest first."""
    read = [MemoryClass(name=name, **data) for name, data in _files("memory").items()]
    return {one.name: one for one in sorted(read, key=lambda one: one.gib)}


@cache
def family_sheet(arch: str) -> FamilySheet:
    """What is known about a family; a family without a file counts as a large one."""
    data = dict(_files("families").get(arch, {}))
    if "gib_per_megapixel" in data:
        plain, checkpointed = data["gib_per_megapixel"]
        data["gib_per_megapixel"] = (float(plain), float(checkpointed))
    data["rates"] = {**_RATES, **data.get("rates", {})}
    return FamilySheet(arch=arch, **data)


def _goal(name: str, data: Mapping[str, Any]) -> Goal:
    lists = {one.name for one in fields(Goal) if str(one.type).startswith("tuple")}
    given: dict[str, Any] = {
        key: tuple(value) if key in lists else value for key, value in data.items()
    }
    given["run_name"] = given.pop("name")
    return Goal(name=name, **given)


@cache
def _files(axis: str) -> Mapping[str, Mapping[str, Any]]:
    """The files of an axis by their names."""
    folder = resources.files(__package__).joinpath(axis)
    return {
        entry.name.removesuffix(".yaml"): _read(entry.read_text(encoding="utf-8"))
        for entry in folder.iterdir()
        if entry.name.endswith(".yaml")
    }


def _read(text: str) -> Mapping[str, Any]:
    data: Mapping[str, Any] = yaml.load(text, _LOADER)  # noqa: S506 - a safe loader either way
    return data
