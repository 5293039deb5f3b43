"""Finding a model's files and saying plainly what is wrong with them, before anything is loaded.

Only names, JSON and safetensors headers are read here, with the standard library. A half-copied
download is the most common fault of all: truncated files, missing shards and pointer files left by
git-lfs are recognised by their sizes, and every fault of a folder is reported at once.
"""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path
from typing import Any

from engine.errors import DataError

REPO_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
SINGLE_FILES = (".safetensors", ".ckpt", ".pt")
# in the order in which diffusers and transformers look for them
WEIGHT_NAMES = ("diffusion_pytorch_model", "model", "pytorch_model")
HEADER_LIMIT = 100_000_000  # the safetensors format's own


def locate(name_or_path: str, *, without: str | None = None) -> Path:
    """The folder or file of a model: a path, or a repository in the local Hugging Face cache.

    A repository that is not cached is downloaded (weights as safetensors only), but for the
    component ``without``, which comes from elsewhere. Raises DataError.
    """
    path = Path(name_or_path).expanduser()
    if path.exists():
        return path
    if not REPO_ID.fullmatch(name_or_path):
        raise DataError(f"The model {name_or_path} does not exist.")
    return _from_hub(name_or_path, without)


def _from_hub(repo: str, without: str | None) -> Path:
    """Cached if it is complete there, else downloaded; the cache follows HF_HOME."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    wanted = ["*.json", "*/*.json", "*.txt", "*/*.txt", "*/*.safetensors"]
    unneeded = ["*non_ema*", "safety_checker/*", "feature_extractor/*"]
    if without is not None:
        unneeded.append(f"{without}/*.safetensors")
    half = "*.fp16.*"  # only where there is nothing else: it would double the download
    try:
        path = Path(
            snapshot_download(repo, allow_patterns=wanted, ignore_patterns=[*unneeded, half])
        )
        judged = ("unet", "transformer") if without is None else ("vae",)
        if not any(any((path / part).glob("*.safetensors")) for part in judged):
            snapshot_download(repo, allow_patterns=wanted, ignore_patterns=unneeded)
        return path
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as fault:
        first = str(fault).strip().splitlines()[0] if str(fault).strip() else type(fault).__name__
        raise DataError(
            f"There is no folder {repo} here, and it could not be downloaded from Hugging Face: "
            f"{first}",
            repair="Check the name and the connection; a gated model needs HF_TOKEN.",
        ) from fault


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file. Raises DataError naming the file."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path} is missing.") from None
    except (OSError, ValueError) as fault:
        raise DataError(f"{path} cannot be read: {fault}") from fault
    if not isinstance(value, dict):
        raise DataError(f"{path} is not a JSON object.")
    return value


def safetensors_header(path: Path) -> dict[str, Any]:
    """The header of a safetensors file, after checking that the file is all there.

    Returns tensor name -> {dtype, shape, data_offsets} and possibly ``__metadata__``. Raises
    DataError saying how much is missing.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        if start[:7] == b"version":
            raise DataError(f"{path} is a git-lfs pointer, not the file itself. Run git lfs pull.")
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else HEADER_LIMIT + 1
        if not 2 <= length <= HEADER_LIMIT:
            raise DataError(f"{path} is not a safetensors file.")
        raw = file.read(length)
    try:
        header: dict[str, Any] = json.loads(raw)
        ends = [row["data_offsets"][1] for name, row in header.items() if name != "__metadata__"]
    except (ValueError, KeyError, TypeError):
        raise DataError(f"{path} is damaged: its header cannot be read.") from None
    expected = 8 + length + max(ends, default=0)
    if size < expected:
        raise DataError(f"{path} is not complete: {size:,} of {expected:,} bytes are there.")
    return header


def weight_files(folder: Path) -> list[Path]:
    """The weight files of one component folder, all of them checked.

    Prefers safetensors over pickled ``.bin`` and full precision over ``.fp16``. Raises DataError
    naming what is missing.
    """
    for suffix in (".safetensors", ".fp16.safetensors", ".bin"):
        for name in WEIGHT_NAMES:
            single = folder / f"{name}{suffix}"
            index = folder / f"{single.name}.index.json"
            if index.exists():
                return _shards(index)
            if single.exists():
                if suffix.endswith("safetensors"):
                    safetensors_header(single)
                return [single]
    raise DataError(f"{folder} holds no weights (*.safetensors or *.bin).")


def _shards(index: Path) -> list[Path]:
    names = sorted(set(read_json(index).get("weight_map", {}).values()))
    missing = [name for name in names if not (index.parent / name).exists()]
    if missing or not names:
        what = ", ".join(missing) or "every shard"
        raise DataError(f"{index.parent} is not complete: {what} is missing.")
    for name in names:
        if name.endswith(".safetensors"):
            safetensors_header(index.parent / name)
    return [index.parent / name for name in names]


def check_folder(folder: Path, components: dict[str, str], other: tuple[str, ...] = ()) -> None:
    """Check a diffusers folder: ``components`` maps a subfolder to its config's name.

    ``other`` names further files that must exist, alternatives separated by "|". Raises one
    DataError with everything that is wrong.
    """
    if not (folder / "model_index.json").exists():
        raise DataError(
            f"{folder} is not a diffusers model folder: model_index.json is missing.",
            repair="Name the folder that holds unet/, vae/ and text_encoder/, or a single file.",
        )
    faults = []
    for name, config in components.items():
        if not (folder / name / config).exists():
            faults.append(f"{name}/{config} is missing.")
        elif config == "config.json":
            faults += _fault_of(folder / name)
    for names in other:
        if not any((folder / name).exists() for name in names.split("|")):
            faults.append(f"{names.replace('|', ' or ')} is missing.")
    if faults:
        raise DataError(f"The model folder {folder} is not complete. " + " ".join(faults))


def _fault_of(folder: Path) -> list[str]:
    try:
        weight_files(folder)
    except DataError as fault:
        return [fault.message]
    return []
