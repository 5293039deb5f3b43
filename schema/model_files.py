"""Is the base model there, whole, and of the family? Read from JSON and weight headers only.

Used by `check`; the engine's family asks again with its own loader when it opens the model.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from schema.families import FamilyRow
from schema.findings import nearest
from schema.part_files import HUB_FILE, REPOSITORY
from schema.places import absolute, exists, is_file, is_folder, names_in, not_a_file, path_of
from schema.rules.rule import Problem
from schema.tensor_files import TensorFile, fault_of, read_header
from schema.unet_files import file_parts, foreign_kind, misfit, refiner_of

SINGLE_FILES: Final = (".safetensors", ".ckpt", ".pt")
_WEIGHTS: Final = ("diffusion_pytorch_model", "model", "pytorch_model")
_PATH: Final = "model.name_or_path"
_LARGEST_JSON: Final = 200_000_000
"""Bytes; a tokenizer of a large vocabulary has 30 million."""

_ENCODERS: Final = ("text_encoder", "text_encoder_2", "text_encoder_3")
_COMFY: Final = "model.diffusion_model."
"""What ComfyUI puts in front of a denoiser's tensor names."""

_BARE: Final = {"flux": "img_in.weight"}
"""The first layer in files that hold a family's denoiser alone: who has it, and how wide it is."""


def model_problems(
    name_or_path: str, row: FamilyRow, extras: str | None = None
) -> Iterator[Problem]:
    """What is wrong with the model that `model.name_or_path` names.

    Of families that the engine does not train yet, only whether it is there. `extras` is
    `model.extras_name_or_path`.
    """
    path = path_of(name_or_path)
    if row.engine and row.can(("transformer",)) and _is_denoiser_alone(path):
        yield from _denoiser_alone(path, row, extras)
    elif is_folder(path) and row.engine:
        yield from _folder(path, row)
    elif is_file(path) and row.engine:
        yield from _file(path, row)
    elif exists(path) and not is_folder(path) and not is_file(path):
        yield _error(_PATH, "model-unknown", f"{path} {not_a_file(path)}")
    elif not exists(path):
        yield from _absent(name_or_path, path, row)


def refiner_problems(place: str, row: FamilyRow) -> Iterator[Problem]:
    """What is wrong with the refiner that `model.refiner_name_or_path` names and that is here."""
    where = "model.refiner_name_or_path"
    if row.can(("refiner",)) and exists(path_of(place)):
        for problem in model_problems(place, refiner_of(row)):
            yield replace(problem, path=where)


def vae_problems(vae_path: str, row: FamilyRow) -> Iterator[Problem]:
    """What is wrong with the VAE that `model.vae_path` names."""
    path = path_of(vae_path)
    where = "model.vae_path"
    if is_file(path):
        fault = fault_of(path)
        if fault is not None:
            yield _error(where, "model-damaged", f"{path} {fault}")
        return
    if exists(path) and not is_folder(path):
        yield _error(where, "model-unknown", f"{path} {not_a_file(path)}")
        return
    if not is_folder(path):
        if not REPOSITORY.match(vae_path):
            yield _error(where, "model-missing", f"{vae_path} does not exist", _sibling(path))
        return
    folder = path / "vae" if not exists(path / "config.json") else path
    config, problem = _json(folder / "config.json", where)
    if problem is not None:
        yield problem
        return
    yield from _weights(folder, where)
    yield from _channels(config, row, where, str(folder))


def _error(path: str, code: str, message: str, suggestion: str | None = None) -> Problem:
    return Problem(path, message, suggestion, "error", code)


def _absent(name: str, path: Path, row: FamilyRow) -> Iterator[Problem]:
    """Neither file nor folder: a repository, perhaps already in the local cache, or a mistake."""
    on_hub = REPOSITORY.match(name) or (HUB_FILE.match(name) and not row.engine)
    if not on_hub or is_folder(path.parent):
        message = f"{name} does not exist (looked in {absolute('.')})"
        if path.is_absolute():
            message = f"{name} does not exist"
        yield _error(_PATH, "model-missing", message, _sibling(path))
        return
    snapshot = _cached(name)
    if snapshot is not None:
        yield from _folder(snapshot, row) if row.engine else ()
        return
    message = f"{name} is not on this machine; it will be downloaded from Hugging Face"
    yield Problem(_PATH, message, None, "warning", "model-not-local")


def _cached(repository: str) -> Path | None:
    """The newest snapshot of a repository in the Hugging Face cache, by its published layout."""
    home = os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface"
    hub = os.environ.get("HF_HUB_CACHE") or Path(home) / "hub"
    snapshots = Path(hub) / f"models--{repository.replace('/', '--')}" / "snapshots"
    try:
        found = [folder for folder in snapshots.iterdir() if is_folder(folder)]
    except OSError:
        return None
    return max(found, key=lambda folder: folder.stat().st_mtime, default=None)


def _sibling(path: Path) -> str | None:
    """The entry of the same folder whose name is nearest to a missing one's."""
    close = nearest(path.name, names_in(path.parent))
    return str(path.parent / close) if close else None


def _folder(path: Path, row: FamilyRow) -> Iterator[Problem]:
    """A diffusers folder: its index, each component with config and weights, the family."""
    if not exists(path / "model_index.json"):
        yield _error(_PATH, "model-incomplete", *_no_index(path))
        return
    index, problem = _json(path / "model_index.json", _PATH)
    if problem is not None:
        yield problem
        return
    has = {name: part not in (None, [None, None]) for name, part in index.items()}
    encoders = {name for name in _ENCODERS if has.get(name, name in row.text_encoders)}
    if row.denoiser_folder not in index or encoders != set(row.text_encoders):
        name = f"a {index['_class_name']}" if "_class_name" in index else "another pipeline"
        yield _error(_PATH, "wrong-family", f"{path} holds {name}, not a {row.label} model")
        return
    yield from _parts_of(path, row, (row.denoiser_folder, "vae", *row.text_encoders), _PATH)


def _is_denoiser_alone(path: Path) -> bool:
    """A single file, or a folder that holds a component and no model around it."""
    component = exists(path / "config.json") and not exists(path / "model_index.json")
    return is_file(path) or (is_folder(path) and component)


def _denoiser_alone(path: Path, row: FamilyRow, extras: str | None) -> Iterator[Problem]:
    """The denoiser of a family whose other parts come from elsewhere, and that place."""
    if is_file(path):
        yield from _bare_file(path, row)
    else:
        yield from _weights(path, _PATH)
        config, problem = _json(path / "config.json", _PATH)
        yield from [problem] if problem is not None else _denoiser(config, {}, row, path)
    others = path_of(extras) if extras is not None else path.parent
    if extras is None and not exists(others / "model_index.json"):
        message = f"{path} holds the denoiser alone; name the folder of a whole {row.label} model "
        yield _error("model.extras_name_or_path", "model-incomplete", f"{message}for the rest")
    elif is_folder(others):
        parts = ("vae", *row.text_encoders)
        yield from _parts_of(others, row, parts, "model.extras_name_or_path")


def _bare_file(path: Path, row: FamilyRow) -> Iterator[Problem]:
    """A single file with the denoiser in the names of the original release."""
    if path.suffix != ".safetensors":
        message = f"{path} is neither a model folder nor a .safetensors file"
        yield _error(_PATH, "model-unknown", message)
        return
    header = read_header(path)
    names = header.shapes
    if header.fault is not None:
        yield _error(_PATH, "model-damaged", f"{path} {header.fault}")
    elif any("lora_" in name for name in names):
        yield _error(_PATH, "wrong-family", f"{path} is a LoRA, not a base model")
    elif (first := _first_layer(header, row)) is None:
        yield _error(_PATH, "wrong-family", f"{path} holds no {row.label} model")
    elif first[-1:] != (_channels_taken(row),):
        message = f"{path} is a model of {first[-1] if first else 0} channels, not {row.label}"
        yield _error(_PATH, "wrong-family", message)


def _first_layer(header: TensorFile, row: FamilyRow) -> tuple[int, ...] | None:
    name = _BARE.get(row.arch, "")
    return header.shapes.get(name, header.shapes.get(_COMFY + name))


def _channels_taken(row: FamilyRow) -> int | None:
    """What a denoiser's config gives as its channels."""
    return None if row.latent_channels is None else row.latent_channels * row.packed**2


def _parts_of(path: Path, row: FamilyRow, parts: tuple[str, ...], where: str) -> Iterator[Problem]:
    """The named components of a diffusers folder, each by itself and all together."""
    configs: dict[str, dict[str, Any]] = {}
    for part in parts:
        config, problem = _json(path / part / "config.json", where)
        if problem is not None:
            yield problem
        else:
            configs[part] = config
            yield from _weights(path / part, where)
    yield from _small_parts(path, row, where)
    yield from _family(configs, row, path)


def _no_index(path: Path) -> tuple[str, str | None]:
    """The message and suggestion for a folder that is no diffusers model."""
    entries = [path / name for name in names_in(path)]
    if not entries and not os.access(path, os.R_OK | os.X_OK):
        return f"{path} cannot be read", None
    inner = [entry for entry in entries if exists(entry / "model_index.json")]
    single = [entry for entry in entries if entry.suffix in SINGLE_FILES]
    better = inner or single
    message = f"{path} is no diffusers model: it has no model_index.json"
    return message, str(better[0]) if len(better) == 1 else None


def _small_parts(path: Path, row: FamilyRow, where: str) -> Iterator[Problem]:
    """The tokenizers and the noise schedule, which are a few small files."""
    _, problem = _json(path / "scheduler" / "scheduler_config.json", where)
    if problem is not None:
        yield problem
    for encoder, kind in zip(row.text_encoders, row.encoders, strict=False):
        yield from _tokenizer(path / encoder.replace("text_encoder", "tokenizer"), kind.name, where)


def _tokenizer(tokenizer: Path, encoder: str, where: str) -> Iterator[Problem]:
    """One file has it all, or else CLIP's vocabulary is in two, T5's in a third."""
    needed = ("spiece.model",) if "T5" in encoder else ("vocab.json", "merges.txt")
    if not exists(tokenizer / "tokenizer.json"):
        for name in needed:
            if not exists(tokenizer / name):
                message = f"{tokenizer / name} is missing"
                yield _error(where, "model-incomplete", message)
    for name in ("tokenizer.json", "vocab.json", "tokenizer_config.json"):
        if exists(tokenizer / name):
            _, problem = _json(tokenizer / name, where)
            if problem is not None:
                yield problem


def _json(path: Path, where: str) -> tuple[dict[str, Any], Problem | None]:
    """A JSON object, or what is wrong with the file."""
    try:
        fault = not_a_file(path)
        if fault is None and path.stat().st_size > _LARGEST_JSON:
            fault = "is too large for what it should hold"
        if fault is not None:
            return {}, _error(where, "model-damaged", f"{path} {fault}")
        value = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}, _error(where, "model-incomplete", f"{path} is missing")
    except OSError as error:
        reason = (error.strerror or "unknown").lower()
        return {}, _error(where, "model-damaged", f"{path} cannot be read: {reason}")
    except (ValueError, RecursionError):
        return {}, _error(where, "model-damaged", f"{path} is not valid JSON; it may be cut off")
    if not isinstance(value, dict):
        return {}, _error(where, "model-damaged", f"{path} is not a JSON object")
    return value, None


def _weights(folder: Path, where: str) -> Iterator[Problem]:
    """The weight files of one component: present, complete when sharded, and whole."""
    shards = _shards(folder)
    if shards is None:
        message = f"{folder} has no weights ({_WEIGHTS[0]}.safetensors or alike)"
        yield _error(where, "model-incomplete", message)
        return
    for file in shards:
        if not exists(file):
            yield _error(where, "model-incomplete", f"{file} is missing")
        elif (fault := fault_of(file)) is not None:
            yield _error(where, "model-damaged", f"{file} {fault}")


def _shards(folder: Path) -> list[Path] | None:
    """The files that hold a component's weights, whether they exist or not; None without any."""
    for variant in ("", ".fp16"):
        for suffix in (".safetensors", ".bin"):
            for name in _WEIGHTS:
                index = folder / f"{name}{suffix}.index{variant}.json"
                if exists(index):
                    table, _ = _json(index, "")
                    parts = table.get("weight_map")
                    named = parts.values() if isinstance(parts, dict) else ()
                    names = {part for part in named if isinstance(part, str)}
                    return [folder / part for part in sorted(names)] or [index]
                single = folder / f"{name}{variant}{suffix}"
                if exists(single):
                    return [single]
    return None


def _family(configs: dict[str, dict[str, Any]], row: FamilyRow, path: Path) -> Iterator[Problem]:
    """Whether the parts fit the family and each other."""
    denoiser = configs.get(row.denoiser_folder)
    if denoiser is not None:
        yield from _denoiser(denoiser, configs, row, path)
    if "vae" in configs:
        yield from _channels(configs["vae"], row, _PATH, str(path / "vae"))


def _denoiser(
    config: dict[str, Any], configs: dict[str, dict[str, Any]], row: FamilyRow, path: Path
) -> Iterator[Problem]:
    where = path / row.denoiser_folder
    name = config.get("_class_name", row.denoiser_class)
    if name != row.denoiser_class:
        yield _error(_PATH, "wrong-family", f"{where} is a {name}, not a {row.denoiser_class}")
        return
    expected = _channels_taken(row)
    channels = config.get("in_channels", expected)
    if channels != expected:
        kind = "an inpainting model" if channels == 9 else f"a model of {channels} channels"
        yield _error(_PATH, "wrong-family", f"{path} is {kind}, not {row.label}")
    elif row.can(("unet",)) and (fault := misfit(config, configs, row)) is not None:
        yield _error(_PATH, "wrong-family", f"{where} {fault}")


def _channels(config: dict[str, Any], row: FamilyRow, where: str, name: str) -> Iterator[Problem]:
    if not row.engine:
        return
    channels = config.get("latent_channels", row.latent_channels)
    if channels != row.latent_channels:
        message = f"{name} makes latents of {channels} channels; {row.label} has "
        yield _error(where, "wrong-family", f"{message}{row.latent_channels}")


def _file(path: Path, row: FamilyRow) -> Iterator[Problem]:
    """A single checkpoint file."""
    if path.suffix not in SINGLE_FILES:
        kinds = ", ".join(SINGLE_FILES)
        message = f"{path} is neither a model folder nor a checkpoint file ({kinds})"
        yield _error(_PATH, "model-unknown", message)
        return
    if path.suffix != ".safetensors":
        fault = fault_of(path)
        if fault is not None:
            yield _error(_PATH, "model-damaged", f"{path} {fault}")
        return
    header = read_header(path)
    if header.fault is not None:
        yield _error(_PATH, "model-damaged", f"{path} {header.fault}")
        return
    yield from _checkpoint(path, header, row)


def _checkpoint(path: Path, header: TensorFile, row: FamilyRow) -> Iterator[Problem]:
    """Whether the tensors of a single file are a whole checkpoint of the family."""
    names = header.shapes
    if any("lora_" in name for name in names):
        yield _error(_PATH, "wrong-family", f"{path} is a LoRA, not a base model")
        return
    kind = foreign_kind(names, row)
    if kind is not None:
        yield _error(_PATH, "wrong-family", f"{path} is {kind}, not {row.label}")
        return
    parts = file_parts(row)
    missing = [word for start, word in parts.items() if not any(n.startswith(start) for n in names)]
    if missing:
        message = f"{path} is no whole checkpoint: it has no {' and no '.join(missing)}"
        yield _error(_PATH, "model-incomplete", message)
        return
    first = names.get("model.diffusion_model.input_blocks.0.0.weight")
    if first is not None and len(first) > 1 and first[1] == 9:
        yield _error(_PATH, "wrong-family", f"{path} is an inpainting model, not {row.label}")
