"""Writing models whole or not at all: staged beside the place, brought to the disk, one rename.

A crash or a full disk leaves what was there before. Floating-point weights are cast on the way, a
tensor at a time. Adapter layers inside the modules are left out: their base weights are saved.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from engine.errors import CheckpointError
from engine.families import clip
from schema.atomic import sync_folder


@contextlib.contextmanager
def staged(path: Path) -> Iterator[Path]:
    """A place beside ``path`` to write a file or folder to, which then takes its place.

    Raises CheckpointError when the disk is full or the folder is not writable.
    """
    place = path.with_name(f".{path.name}.partial")
    _remove(place)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield place
        _put_in_place(place, path)
    except (OSError, RuntimeError) as fault:  # safetensors and torch report a full disk as these
        _remove(place)
        raise CheckpointError(f"{path} could not be written: {fault}") from fault


def _put_in_place(place: Path, path: Path) -> None:
    """One rename; a folder that is in the way steps aside first and goes when the new one is in."""
    for file in [place, *place.rglob("*")]:
        _settle(file)
    aside = path.with_name(f".{path.name}.old")
    _remove(aside)
    if path.is_dir():
        path.rename(aside)
    place.replace(path)
    sync_folder(path.parent)
    _remove(aside)


def _settle(path: Path) -> None:
    """On the disk, and readable for whoever may read a new file (safetensors writes 0600)."""
    if path.is_dir():
        sync_folder(path)
        return
    if path.stat().st_nlink > 1:  # another folder's file, linked: not ours to change
        return
    mask = os.umask(0)
    os.umask(mask)
    path.chmod(0o666 & ~mask)
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def base_state(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """The weights of a module without the adapter that may sit on it."""
    for name, tensor in module.state_dict().items():
        if ".lora_" not in name:
            yield name.replace(".base_layer.", "."), tensor


def cast_state(state: Iterable[tuple[str, Tensor]], dtype: torch.dtype) -> dict[str, Tensor]:
    """Contiguous CPU tensors by name, floating-point ones in ``dtype``."""
    return {
        name: tensor.detach().to("cpu", dtype if tensor.is_floating_point() else None).contiguous()
        for name, tensor in state
    }


def write_component(folder: Path, module: Any, dtype: torch.dtype) -> None:
    """A diffusers module with its config."""
    folder.mkdir()
    write_json(folder / "config.json", config_of(module))
    state = cast_state(base_state(module), dtype)
    save_file(state, folder / "diffusion_pytorch_model.safetensors", metadata={"format": "pt"})


def write_clip(folder: Path, encoder: Any, dtype: torch.dtype) -> None:
    """A CLIP text encoder as every version of transformers reads it."""
    folder.mkdir()
    write_json(folder / "config.json", clip.config_for_file(encoder))
    state = cast_state(clip.file_state(base_state(encoder)), dtype)
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})


def config_of(module: Any) -> dict[str, Any]:
    """A diffusers module's config, without the folder of the machine that trained."""
    config: dict[str, Any] = json.loads(module.to_json_string())
    config.pop("_name_or_path", None)
    return config


def link_files(place: Path, folder: Path) -> None:
    """The files of a component under another name, without taking their space twice.

    Saved weights are only ever replaced, never written into, so sharing them is safe. A cache's
    symbolic links are followed, because the cache may be emptied.
    """
    folder.mkdir()
    for file in sorted(p for p in place.iterdir() if p.is_file()):
        real, target = file.resolve(), folder / file.name
        try:
            os.link(real, target)
        except OSError:  # another disk, or one without links
            shutil.copyfile(real, target)


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """A JSON object, sorted, so that equal ones are equal files."""
    path.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n", encoding="utf-8")
