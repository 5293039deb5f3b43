"""Writing a whole FLUX.1 model: a diffusers folder, or the transformer as one file.

The single file has the layout of the original release (flux1-dev.safetensors), which ComfyUI and
others read; text encoders and VAE are files of their own there. In a folder the parts that were not
trained are the base model's own files, linked where the disk allows it: a save costs the space of
the transformer, not of T5 too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from engine.families import flux_keys
from engine.families.flux_source import (
    CLIP,
    CONFIGS_KEY,
    SCHEDULER,
    T5,
    TRANSFORMER,
    VAE,
    FluxSource,
)
from engine.families.writing import (
    base_state,
    cast_state,
    config_of,
    link_files,
    staged,
    write_clip,
    write_component,
    write_json,
)


def save_model(
    transformer: nn.Module,
    text_encoder: nn.Module | None,
    source: FluxSource,
    path: Path,
    dtype: torch.dtype,
    save_format: str,
    metadata: Mapping[str, str] | None = None,
) -> list[Path]:
    """Write a model to ``path`` and return the files; an existing ``path`` is replaced.

    ``text_encoder`` is CLIP where it was trained, ``source`` the base model, which has the rest.
    Raises CheckpointError when the disk is full or the folder is not writable.
    """
    assert save_format in ("diffusers", "safetensors"), save_format
    with staged(path) as place:
        if save_format == "diffusers":
            place.mkdir()
            write_component(place / TRANSFORMER, transformer, dtype)
            if text_encoder is not None:
                write_clip(place / CLIP, text_encoder, dtype)
            _write_rest(source, place, dtype)
        else:
            _write_single(transformer, source, place, dtype, dict(metadata or {}))
    return sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]


def _write_single(
    transformer: nn.Module,
    source: FluxSource,
    file: Path,
    dtype: torch.dtype,
    metadata: dict[str, str],
) -> None:
    config = config_of(transformer)
    state = cast_state(flux_keys.to_bfl(config, base_state(transformer)), dtype)
    stored = json.dumps({TRANSFORMER: config, SCHEDULER: source.configs[SCHEDULER]})
    save_file(state, file, metadata={**metadata, CONFIGS_KEY: stored, "format": "pt"})


def _write_rest(source: FluxSource, folder: Path, dtype: torch.dtype) -> None:
    """What the folder still lacks, from the base model."""
    places = {name: source.extras / name for name in (CLIP, T5, "tokenizer", "tokenizer_2")}
    places[VAE] = source.vae_path or source.extras / VAE
    for name, place in places.items():
        if (folder / name).exists():
            continue
        if place.is_dir():
            link_files(place, folder / name)
        else:  # a VAE in one file: converted
            write_component(folder / name, source.load(name, dtype), dtype)
    (folder / SCHEDULER).mkdir()
    write_json(folder / SCHEDULER / "scheduler_config.json", source.configs[SCHEDULER])
    write_json(folder / "model_index.json", _index(source))


def _index(source: FluxSource) -> dict[str, Any]:
    import diffusers

    scheduler = source.configs[SCHEDULER].get("_class_name", "FlowMatchEulerDiscreteScheduler")
    return {
        "_class_name": "FluxPipeline",
        "_diffusers_version": diffusers.__version__,
        "feature_extractor": [None, None],
        "image_encoder": [None, None],
        SCHEDULER: ["diffusers", scheduler],
        CLIP: ["transformers", "CLIPTextModel"],
        T5: ["transformers", "T5EncoderModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "tokenizer_2": ["transformers", "T5TokenizerFast"],
        TRANSFORMER: ["diffusers", "FluxTransformer2DModel"],
        VAE: ["diffusers", "AutoencoderKL"],
    }
