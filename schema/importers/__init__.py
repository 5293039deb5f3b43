"""Other trainers' configs turned into ours: tables of keys, with functions where these fall short.

The format is told by the content, never by the file's name. What has no equal here is listed with
the reason, at the head of the written file too. Nothing is imported from those trainers.
"""

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from schema import yaml_write
from schema.importers.companions import RefusedError, parse, read_text, refuse
from schema.importers.diffusion_pipe import read_pipe, read_pipe_dataset
from schema.importers.draft import Draft, printable
from schema.importers.kohya import flattened, read_dataset, read_main
from schema.importers.kohya_command import looks_like_command, read_command
from schema.importers.kohya_tables import SIGNATURE as KOHYA_KEYS
from schema.importers.onetrainer import read_concepts, read_onetrainer
from schema.importers.onetrainer_tables import SIGNATURE as ONETRAINER_KEYS
from schema.importers.simpletuner import read_backends, read_simpletuner
from schema.importers.simpletuner_tables import SIGNATURE as SIMPLETUNER_KEYS

__all__ = ["FORMATS", "Imported", "RefusedError", "imported"]

FORMATS: Final = ("kohya sd-scripts", "OneTrainer", "SimpleTuner", "diffusion-pipe")
"""The trainers whose configs can be read."""

_PIPE_KEYS: Final = ("dataset", "optimizer", "adapter", "micro_batch_size_per_gpu", "output_dir")


@dataclass(frozen=True, slots=True)
class Imported:
    """A config read: which trainer it is of, the draft with its notes, and the YAML text."""

    trainer: str
    draft: Draft
    text: str


def imported(path: Path) -> Imported:
    """Read a file. Raises RefusedError if it is no such config, OSError if it cannot be read."""
    trainer, draft = _read(path, read_text(path))
    config = yaml_write.document(draft.config(path.stem))
    return Imported(trainer, draft, f"{_head(path, trainer, draft)}\n{config}")


def _read(path: Path, text: str) -> tuple[str, Draft]:
    if not text.strip():
        raise refuse(path, "empty-file", "the file is empty")
    beside = path.parent
    if _is_command(text):
        command = read_command(path, text)
        return FORMATS[0], read_main(command.values, beside, command.script, command.launcher)
    data = parse(path, text)
    read = _reader(path, data)
    return read(data, beside)


def _is_command(text: str) -> bool:
    """A call of a training script; a TOML may hold the words of one as a value."""
    if text.lstrip()[:1] in ("{", "[") or not looks_like_command(text):
        return False
    try:
        tomllib.loads(text)
    except (ValueError, RecursionError):
        return True
    return False


_Reader = Callable[[Any, Path], tuple[str, Draft]]


def _reader(path: Path, data: Any) -> _Reader:
    if isinstance(data, list):
        found = _reader_of_list(data)
    else:
        found = _reader_of_table(path, data) if isinstance(data, dict) else None
    if found is None:
        trainers = ", ".join(FORMATS)
        raise refuse(path, "unknown-format", f"this is no config of {trainers}")
    return found


def _reader_of_list(data: list[Any]) -> _Reader | None:
    keys = {key for item in data if isinstance(item, dict) for key in item}
    if {"instance_data_dir", "dataset_type", "dataset_name"} & keys and "id" in keys:
        return lambda items, _: (FORMATS[2], read_backends(items))
    if {"balancing", "image", "text", "concept_stats"} & keys and "path" in keys:
        return lambda items, _: (FORMATS[1], read_concepts(items))
    return None


def _reader_of_table(path: Path, data: dict[str, Any]) -> _Reader | None:
    if "job" in data and "config" in data:
        message = f"this is a config of ours already; `finetui {path}` opens it"
        raise refuse(path, "already-ours", message)
    if "LoRA_type" in data:
        message = (
            "these are settings of kohya_ss's window; import the TOML that it wrote beside them "
            "for its training script, or the command that it prints"
        )
        raise refuse(path, "window-settings", message)
    names = {str(key).removeprefix("--") for key in data}
    if set(SIMPLETUNER_KEYS) & names:
        return lambda table, beside: (FORMATS[2], read_simpletuner(table, beside))
    model = data.get("model")
    if isinstance(model, dict) and "type" in model and set(_PIPE_KEYS) & names:
        return lambda table, beside: (FORMATS[3], read_pipe(table, beside))
    if isinstance(data.get("directory"), list):
        return lambda table, _: (FORMATS[3], read_pipe_dataset(table))
    if isinstance(data.get("datasets"), list) and (
        "general" in data or any("subsets" in item for item in data["datasets"] if item)
    ):
        return lambda table, _: (FORMATS[0], read_dataset(table))
    if len(ONETRAINER_KEYS & names) >= 2:
        return lambda table, beside: (FORMATS[1], read_onetrainer(table, beside))
    if len(KOHYA_KEYS & set(flattened(data))) >= 2:
        return lambda table, beside: (FORMATS[0], read_main(flattened(table), beside))
    return None


def _head(path: Path, trainer: str, draft: Draft) -> str:
    """The notes as comments."""
    lines = [f"Imported from {path.name}, a config of {trainer}."]
    for title, notes in (
        ("Without an equal here, and so left out:", draft.unequal),
        ("Converted, with a word on it:", draft.converted),
    ):
        if notes:
            lines += ["", title, *(f"  {note.sentence()}" for note in notes)]
    if draft.idle:
        lines += ["", "Off or at its default there, so that nothing is lost:"]
        lines += _wrapped(list(dict.fromkeys(draft.idle)))
    return "\n".join(f"# {printable(line)}".rstrip() for line in lines) + "\n"


def _wrapped(words: list[str], width: int = 90) -> list[str]:
    lines = [" "]
    for index, word in enumerate(words):
        item = word + ("," if index + 1 < len(words) else "")
        if len(lines[-1]) + len(item) >= width and lines[-1].strip():
            lines.append(" ")
        lines[-1] += f" {item}"
    return lines
