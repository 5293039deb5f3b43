"""Checkpoints for exact resume: a folder of named parts that is whole or is not there.

A checkpoint is staged beside its final name, every file fsynced, a manifest with sizes and hashes
written last, then the folder renamed. The newest one whose files match its manifest wins; names
and times decide nothing. Parts are trees of dicts, lists, numbers and tensors: tensors go into
safetensors files, the rest into JSON. Nothing is ever unpickled.

    state/step_000000500/
        trained.safetensors  trained.json  optimizer.safetensors  ...  manifest.json
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from engine.errors import CheckpointError
from schema.atomic import sync_folder

FORMAT = 1
MANIFEST = "manifest.json"
STAGING = ".staging-"
REPLACED = ".replaced-"
PRUNED = ".pruned-"
UNKNOWN = 2**62


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint whose files were all found as its manifest says."""

    path: Path
    step: int
    manifest: dict[str, Any]

    def has(self, part: str) -> bool:
        """Whether the part was saved."""
        return part in self.manifest["parts"]

    def load(self, part: str) -> Any:
        """The tree that was saved as `part`, tensors on the CPU."""
        from safetensors.torch import load_file

        plain = json.loads((self.path / f"{part}.json").read_text("utf-8"))
        tensors = self.path / f"{part}.safetensors"
        return _join(plain, load_file(tensors) if tensors.exists() else {})


# -- writing -------------------------------------------------------------------------------


def write(target: Path, step: int, parts: Mapping[str, Any]) -> None:
    """Save the parts as the checkpoint `target`, replacing one of that name only when whole.

    Raises CheckpointError when the disk refuses; everything that was there is then untouched.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = target.parent / f"{STAGING}{target.name}"
    try:
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir()
        files = {
            path.name: _facts(path)
            for part, tree in parts.items()
            for path in _write_part(staging, part, tree)
        }
        _write_manifest(
            staging, {"format": FORMAT, "step": step, "parts": _index(files), "files": files}
        )
        _put_in_place(staging, target)
    except Exception as error:
        shutil.rmtree(staging, ignore_errors=True)
        raise CheckpointError(f"Step {step} could not be saved: {reason_of(error)}.") from error


def _write_part(folder: Path, part: str, tree: Any) -> Iterator[Path]:
    from safetensors.torch import save_file

    tensors: dict[str, Tensor] = {}
    plain = _split(tree, tensors, {})
    text = folder / f"{part}.json"
    text.write_text(json.dumps(plain), "utf-8")
    yield _synced(text)
    if tensors:
        binary = folder / f"{part}.safetensors"
        save_file(tensors, binary)
        yield _synced(binary)


def _write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    manifest["sha256"] = _own_hash(manifest)
    path = folder / MANIFEST
    path.write_text(json.dumps(manifest, indent=1), "utf-8")
    _synced(path)
    sync_folder(folder)


def _put_in_place(staging: Path, target: Path) -> None:
    """Rename; a folder of that name (a superseded or broken checkpoint) steps aside first."""
    old = target.parent / f"{REPLACED}{target.name}"
    if target.exists():
        shutil.rmtree(old, ignore_errors=True)
        os.rename(target, old)
    os.rename(staging, target)
    sync_folder(target.parent)
    shutil.rmtree(old, ignore_errors=True)


def _synced(path: Path) -> Path:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
    return path


def _facts(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return {
            "bytes": path.stat().st_size,
            "sha256": hashlib.file_digest(file, "sha256").hexdigest(),
        }


def _index(files: Mapping[str, Any]) -> dict[str, dict[str, list[str]]]:
    """part -> rank -> files. One rank until there are several."""
    parts: dict[str, dict[str, list[str]]] = {}
    for name in files:
        parts.setdefault(name.partition(".")[0], {"0": []})["0"].append(name)
    return parts


def _own_hash(manifest: Mapping[str, Any]) -> str:
    content = {key: value for key, value in manifest.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def reason_of(error: BaseException) -> str:
    """Why a file could not be read or written, without the wrapping of the library that tried."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = str(error).rstrip(".")
    # safetensors' own error only quotes the system's.
    number = re.search(r"\(os error (\d+)\)", text)
    return os.strerror(int(number[1])) if number else text


# -- finding -------------------------------------------------------------------------------


def newest_valid(state: Path, report: Callable[[str], object]) -> Checkpoint | None:
    """The whole checkpoint with the highest step, by manifest; None when none was ever made.

    `report` gets a sentence for every broken one that is passed over. Raises CheckpointError when
    there are checkpoints and all of them are broken: starting over would overwrite them.
    """
    broken = []
    for step, path in sorted(_candidates(state), reverse=True):
        fault = _fault(path)
        if fault is None:
            return Checkpoint(path, step, json.loads((path / MANIFEST).read_text("utf-8")))
        broken.append(path)
        report(f"The checkpoint {path.name} is broken ({fault}); looking for the one before it.")
    if broken:
        raise CheckpointError(
            f"No checkpoint in {state} is whole.",
            repair="Move that folder away to start over from step 0.",
        )
    return None


def _candidates(state: Path) -> list[tuple[int, Path]]:
    """Every checkpoint folder with the step its manifest tells.

    One that tells none counts as the newest: it is looked at first, reported and passed over.
    """
    if not state.is_dir():
        return []
    folders = [path for path in state.iterdir() if path.is_dir() and path.name[0] != "."]
    return [(_step_of(path), path) for path in folders]


def _step_of(path: Path) -> int:
    try:
        return int(json.loads((path / MANIFEST).read_text("utf-8"))["step"])
    except (OSError, ValueError, KeyError, TypeError):
        return UNKNOWN


def _fault(path: Path) -> str | None:
    """What is wrong with a checkpoint, or None when every file is as the manifest says."""
    try:
        manifest = json.loads((path / MANIFEST).read_text("utf-8"))
        if manifest["sha256"] != _own_hash(manifest):
            return f"{MANIFEST} was changed"
        if manifest["format"] != FORMAT:
            return f"it has format {manifest['format']}, this version reads {FORMAT}"
        return next(
            (
                f
                for name, facts in manifest["files"].items()
                if (f := _file_fault(path / name, facts))
            ),
            None,
        )
    except OSError as error:
        return f"{MANIFEST}: {reason_of(error)}"
    except (ValueError, KeyError, TypeError):
        return f"{MANIFEST} is not readable"


def _file_fault(path: Path, facts: Mapping[str, Any]) -> str | None:
    try:
        size = path.stat().st_size
        if size != facts["bytes"]:
            return f"{path.name} has {size} bytes instead of {facts['bytes']}"
        return None if _facts(path) == facts else f"{path.name} has a wrong checksum"
    except OSError as error:
        return f"{path.name}: {reason_of(error)}"


def prune(state: Path, keep: int) -> list[Path]:
    """Remove all but the `keep` newest whole checkpoints, by step; a crash in between is harmless.

    Call it right after a successful `write`. A broken checkpoint does not count as kept and goes.
    """
    kept, removed = 0, []
    for _, path in sorted(_candidates(state), reverse=True):
        if kept < keep and _looks_whole(path):
            kept += 1
        elif kept:
            removed.append(path)
    for path in removed:
        # Renamed first, so that what an interrupted removal leaves is never taken for a checkpoint.
        doomed = state / f"{PRUNED}{path.name}"
        with contextlib.suppress(OSError):
            os.rename(path, doomed)
        shutil.rmtree(doomed, ignore_errors=True)
    return removed


def _looks_whole(path: Path) -> bool:
    """The cheap half of the check: manifest and sizes, no hashing of gigabytes after each save."""
    try:
        manifest = json.loads((path / MANIFEST).read_text("utf-8"))
        sizes = {name: facts["bytes"] for name, facts in manifest["files"].items()}
        return all((path / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError, KeyError, TypeError):
        return False


def sweep(state: Path) -> None:
    """Remove what a killed save left; only the holder of the run's lock may call it.

    A checkpoint that had stepped aside for its replacement comes back when that never arrived.
    """
    if not state.is_dir():
        return
    for path in state.iterdir():
        if (
            path.name.startswith(REPLACED)
            and not (state / path.name.removeprefix(REPLACED)).exists()
        ):
            with contextlib.suppress(OSError):
                os.rename(path, state / path.name.removeprefix(REPLACED))
        elif path.name.startswith((STAGING, REPLACED, PRUNED)):
            shutil.rmtree(path, ignore_errors=True)


# -- trees ---------------------------------------------------------------------------------


def _split(
    tree: Any, tensors: dict[str, Tensor], seen: dict[tuple[Any, ...], str], at: str = ""
) -> Any:
    """JSON with references in place of tensors, which are collected by their place in the tree.

    Dicts become lists of pairs (optimizers key their state by integers), tuples are marked. Tensors
    that share memory (bitsandbytes' tables) are stored once.
    """
    if isinstance(tree, Tensor):
        tensor = tree.detach()
        same = (
            (tensor.data_ptr(), tensor.shape, tensor.dtype, tensor.device)
            if tensor.numel()
            else (at,)
        )
        name = seen.setdefault(same, at or "value")
        tensors[name] = tensor.contiguous()
        return {"tensor": name}
    if isinstance(tree, Mapping):
        pairs = [
            [key, _split(value, tensors, seen, f"{at}/{key}".lstrip("/"))]
            for key, value in tree.items()
        ]
        return {"pairs": pairs}
    if isinstance(tree, list | tuple):
        items = [
            _split(value, tensors, seen, f"{at}/{i}".lstrip("/")) for i, value in enumerate(tree)
        ]
        return {"tuple": items} if isinstance(tree, tuple) else items
    if tree is None or isinstance(tree, bool | int | float | str):
        return tree
    raise TypeError(f"{at}: a checkpoint cannot hold a {type(tree).__name__}")


def _join(plain: Any, tensors: Mapping[str, Tensor]) -> Any:
    if isinstance(plain, list):
        return [_join(value, tensors) for value in plain]
    if not isinstance(plain, dict):
        return plain
    if "tensor" in plain:
        return tensors[plain["tensor"]]
    if "tuple" in plain:
        return tuple(_join(value, tensors) for value in plain["tuple"])
    return {key: _join(value, tensors) for key, value in plain["pairs"]}
