"""What a run's config says that the dashboard shows: how often it saves and samples, its prompts.

Read once per look at the file, in the follower's thread, straight from the YAML: the config of a
run of another version may not pass our checks, and watching must work all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True)
class RunFacts:
    """The few settings that the dashboard names; None where the config does not say."""

    save_every: int | None = None
    sample_every: int | None = None
    steps: int | None = None
    images_per_step: int | None = None
    prompts: tuple[str, ...] = ()
    trigger_word: str = ""
    cfg: float | None = None
    sample_steps: int | None = None


def read_facts(config: Path) -> RunFacts:
    """The facts in a config file; what cannot be read is left out."""
    return facts_of(_mapping(load_yaml(config)))


def load_yaml(path: Path) -> Any:
    """The YAML in a file as plain values, or None when it cannot be read."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 (it is safe)
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return None


def facts_of(config: Mapping[str, Any]) -> RunFacts:
    """The facts in a loaded config."""
    processes = _mapping(config.get("config")).get("process")
    process = _mapping(processes[0] if isinstance(processes, list) and processes else None)
    train, sample = _mapping(process.get("train")), _mapping(process.get("sample"))
    batch, accumulated = (
        _number(train.get("batch_size")),
        _number(train.get("gradient_accumulation")),
    )
    return RunFacts(
        save_every=_number(_mapping(process.get("save")).get("save_every")),
        sample_every=_number(sample.get("sample_every")),
        steps=_number(train.get("steps")),
        images_per_step=batch * (accumulated or 1) if batch else None,
        prompts=_prompts(sample),
        trigger_word=str(process.get("trigger_word") or ""),
        cfg=sample.get("guidance_scale"),
        sample_steps=_number(sample.get("sample_steps")),
    )


def _prompts(sample: Mapping[str, Any]) -> tuple[str, ...]:
    items, texts = sample.get("samples"), sample.get("prompts")
    if isinstance(items, list) and items:
        return tuple(str(_mapping(item).get("prompt", item)) for item in items)
    return tuple(str(text) for text in texts) if isinstance(texts, list) else ()


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _number(value: Any) -> int | None:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
