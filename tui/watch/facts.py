"""What a run's config says that the dashboard shows: how often it saves and samples.

Read once per look at the file, in the follower's thread, straight from the YAML: the config of a
run of another version may not pass our checks, and watching must work all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True)
class RunFacts:
    """The few settings that the dashboard names; None where the config does not say."""

    save_every: int | None = None
    sample_every: int | None = None
    images_per_step: int | None = None
    cfg: float | None = None
    sample_steps: int | None = None


Default = Callable[[str], Any]
"""The default of an option path."""


def nothing(_path: str) -> Any:
    """No option has a default."""
    return None


def declared(path: str) -> Any:
    """The declared default of an option. The first call imports the options: a quarter second."""
    from schema.catalogue import find

    option = find(path)
    return None if option is None else option.default


def read_facts(config: Path, default: Default = nothing) -> RunFacts:
    """The facts in a config file; what it leaves out has its default, what is null is off."""
    return facts_of(_mapping(load_yaml(config)), default)


def load_yaml(path: Path) -> Any:
    """The YAML in a file as plain values, or None when it cannot be read."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 (it is safe)
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return None


def facts_of(config: Mapping[str, Any], default: Default = nothing) -> RunFacts:
    """The facts in a loaded config."""
    processes = _mapping(config.get("config")).get("process")
    process = _mapping(processes[0] if isinstance(processes, list) and processes else None)

    def number(path: str) -> int | None:
        section, _, key = path.partition(".")
        values = _mapping(process.get(section))
        return _number(values[key] if key in values else default(path))

    sample = _mapping(process.get("sample"))
    batch, accumulated = number("train.batch_size"), number("train.gradient_accumulation")
    return RunFacts(
        save_every=number("save.save_every"),
        sample_every=number("sample.sample_every"),
        images_per_step=batch * (accumulated or 1) if batch else None,
        cfg=sample.get("guidance_scale"),
        sample_steps=number("sample.sample_steps"),
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _number(value: Any) -> int | None:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
