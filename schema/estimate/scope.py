"""The part of a config that decides what is counted on a model, and the name of its cached counts.

Batch size, resolution, optimizer and the like are left out: they change the estimate at once,
without asking the engine again. A model is known by the content of its configs (and, for a single
file, its header), so a model that was replaced on disk is counted anew.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any, Final

from schema.estimate.counts import VERSION
from schema.families import family
from schema.home import state_dir
from schema.part_files import REPOSITORY
from schema.run.files import read_json, replace_json
from schema.sections.job import TrainerProcess

TRAIN: Final = (
    "train_unet", "train_text_encoder", "train_refiner", "dtype", "attention_backend", "xformers",
    "sdp",
)  # fmt: skip
"""The options of `train:` that change weights, trained tensors or what one step keeps."""

KEPT: Final = 64
"""Cached counts; the oldest go."""
_FEW_BITS: Final[dict[str, Any]] = {
    "quantize": False, "quantize_te": None, "low_vram": False, "layer_offloading": False,
    "compile": False, "block_compile": False,
}  # fmt: skip
"""Counted as if off; the estimate takes them into account by itself."""


def model_part(process: TrainerProcess) -> TrainerProcess:
    """The same process with everything that is not counted as it would be by default."""
    train = process.train
    given = {name: getattr(train, name) for name in TRAIN if name in train.model_fields_set}
    model = process.model.model_copy(update=_FEW_BITS)
    return process.model_copy(
        update={"train": type(train).model_validate(given), "model": model}, deep=True
    )


def key_of(process: TrainerProcess, base: Path) -> str | None:
    """The name of the counts of a config; None where the model is not on this disk.

    `base` is what relative paths count from.
    """
    identity = model_identity(process.model.name_or_path, base)
    if identity is None:
        return None
    part = model_part(process)
    about: dict[str, Any] = {
        "version": VERSION,
        "files": identity,
        "model": part.model.model_dump(mode="json"),
        "network": None if part.network is None else part.network.model_dump(mode="json"),
        "prompts": [
            None if section is None else section.model_dump(mode="json")
            for section in (part.embedding, part.decorator)
        ],
        "train": {name: getattr(part.train, name) for name in TRAIN},
    }
    for name in ("vae_path", "unet_path", "te_name_or_path", "extras_name_or_path"):
        place = getattr(process.model, name, None)
        about[name] = model_identity(place, base) if place else None
    text = json.dumps(about, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def model_identity(name: str, base: Path) -> str | None:
    """A hash of a model's configs, or of a single file's header; None where it is not there."""
    path = model_path(name, base)
    if path is None:
        return None
    found = hashlib.blake2b(digest_size=16)
    try:
        for file in [path] if path.is_file() else sorted(path.rglob("*.json")):
            found.update(file.name.encode())
            found.update(_telling_part(file))
    except OSError:
        return None
    return found.hexdigest()


def _telling_part(file: Path) -> bytes:
    """Small JSON files whole; of a weights file its size, time and header."""
    status = file.stat()
    if file.suffix == ".json":
        # Tokenizers are large and say nothing about shapes.
        return file.read_bytes() if status.st_size < 2**20 else str(status.st_size).encode()
    with file.open("rb") as opened:
        start = opened.read(2**16)
    return start + f"{status.st_size} {status.st_mtime_ns}".encode()


def model_path(name: str, base: Path) -> Path | None:
    """Where a model lies here: as named, or a repository in the local Hugging Face cache."""
    path = base / Path(name).expanduser()
    if path.exists():
        return path
    if not REPOSITORY.match(name):
        return None
    cache = os.environ.get("HF_HUB_CACHE") or os.path.join(
        os.environ.get("HF_HOME") or "~/.cache/huggingface", "hub"
    )
    folder = Path(cache).expanduser() / f"models--{name.replace('/', '--')}"
    try:
        commit = (folder / "refs" / "main").read_text().strip()
    except OSError:
        return None
    snapshot = folder / "snapshots" / commit
    return snapshot if snapshot.is_dir() else None


def cache_dir() -> Path:
    """Where counts are kept."""
    return state_dir() / "estimates" / "counts"


def cached(key: str) -> dict[str, Any] | None:
    """The stored answer of `engine.ask counts`."""
    return read_json(cache_dir() / f"{key}.json")


def store(key: str, answer: dict[str, Any]) -> None:
    """Keep an answer; quietly does nothing where the state folder cannot be written."""
    place = cache_dir()
    try:
        place.mkdir(parents=True, exist_ok=True)
        replace_json(place / f"{key}.json", answer)
        files = sorted(place.glob("*.json"), key=lambda file: file.stat().st_mtime)
        for old in files[:-KEPT]:
            old.unlink(missing_ok=True)
    except OSError:
        return


def counted_here(process: TrainerProcess) -> bool:
    """Whether the engine has the family, so that it can be counted."""
    row = family(process.model.arch)
    return row is not None and row.engine
