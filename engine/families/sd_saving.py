"""Writing a whole Stable Diffusion model: a diffusers folder, one safetensors file, or a ckpt."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from engine.families import clip, ldm
from engine.families.ldm import UNET, VAE
from engine.families.open_clip import to_open_clip
from engine.families.sd_layout import SD1, Layout
from engine.families.sd_single import CONFIGS_KEY, NO_SIGNAL, PREDICTS_V
from engine.families.writing import (
    base_state,
    cast_state,
    staged,
    write_clip,
    write_component,
    write_json,
)

SAVE_FORMATS = ("diffusers", "safetensors", "ckpt")


@dataclass(frozen=True)
class SdParts:
    """What makes up a Stable Diffusion model; text encoders and tokenizers by their folders."""

    unet: Any  # UNet2DConditionModel
    vae: Any  # AutoencoderKL
    text_encoders: Mapping[str, Any]
    tokenizers: Mapping[str, Any]
    scheduler_config: Mapping[str, Any]
    layout: Layout = SD1


def save_model(
    parts: SdParts,
    path: Path,
    dtype: torch.dtype,
    save_format: str,
    metadata: Mapping[str, str] | None = None,
) -> list[Path]:
    """Write ``parts`` to ``path`` and return the files; an existing ``path`` is replaced.

    Raises CheckpointError when the disk is full or the folder is not writable.
    """
    assert save_format in SAVE_FORMATS, save_format
    with staged(path) as place:
        if save_format == "diffusers":
            _write_folder(parts, place, dtype)
        else:
            _write_single(parts, place, dtype, save_format, dict(metadata or {}))
    return sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]


def refiner_path(path: Path) -> Path:
    """Where the refiner lies beside a model: ``_refiner`` before the step and the ending."""
    ending = re.search(r"(_\d{9,})?(\.safetensors|\.ckpt)?$", path.name)
    assert ending is not None
    return path.with_name(f"{path.name[: ending.start()]}_refiner{ending.group()}")


def _write_folder(parts: SdParts, folder: Path, dtype: torch.dtype) -> None:
    folder.mkdir()
    for name, module in (("unet", parts.unet), ("vae", parts.vae)):
        write_component(folder / name, module, dtype)
    for name, encoder in parts.text_encoders.items():
        write_clip(folder / name, encoder, dtype)
    for name, tokenizer in parts.tokenizers.items():
        clip.save_tokenizer(tokenizer, folder / name)
    (folder / "scheduler").mkdir()
    write_json(folder / "scheduler" / "scheduler_config.json", dict(parts.scheduler_config))
    write_json(folder / "model_index.json", _model_index(parts))


def _model_index(parts: SdParts) -> dict[str, Any]:
    import diffusers

    layout = parts.layout
    texts = {name: type(encoder).__name__ for name, encoder in parts.text_encoders.items()}
    return {
        "_class_name": layout.pipeline,
        "_diffusers_version": diffusers.__version__,
        **{name: [None, None] for name in layout.absent},
        **dict(layout.settings),
        **{name: ["transformers", kind] for name, kind in texts.items()},
        **{name: ["transformers", "CLIPTokenizer"] for name in parts.tokenizers},
        "scheduler": ["diffusers", parts.scheduler_config.get("_class_name", "PNDMScheduler")],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }


def _write_single(
    parts: SdParts, file: Path, dtype: torch.dtype, save_format: str, metadata: dict[str, str]
) -> None:
    state = cast_state(_single_state(parts), dtype)
    stored = json.dumps(stored_configs(parts))
    if save_format == "safetensors":
        save_file(state, file, metadata={**metadata, CONFIGS_KEY: stored, "format": "pt"})
        return
    torch.save({**metadata, "state_dict": state, CONFIGS_KEY: stored}, file)


def _single_state(parts: SdParts) -> Iterator[tuple[str, Tensor]]:
    """Every tensor of the model under its name in the original release."""
    unet, vae = (json.loads(m.to_json_string()) for m in (parts.unet, parts.vae))
    for name, tensor in ldm.to_ldm(ldm.unet_table(unet), base_state(parts.unet)):
        yield UNET + name, tensor
    for name, tensor in ldm.to_ldm(ldm.vae_table(vae), base_state(parts.vae)):
        yield VAE + name, tensor
    for part in parts.layout.texts:
        encoder = parts.text_encoders[part.name]
        state = clip.file_state(base_state(encoder))
        if part.open_clip:
            state = to_open_clip(state, part.spare_layers)
        for name, tensor in state:
            yield part.prefix + name, tensor
        if not part.open_clip:
            positions = int(encoder.config.max_position_embeddings)
            # not a weight, but older loaders insist on finding it
            place = f"{part.prefix}text_model.embeddings.position_ids"
            yield place, torch.arange(positions)[None]
    if parts.layout.sized:  # the layouts before SDXL have no such marks
        if parts.scheduler_config.get("prediction_type") == "v_prediction":
            yield PREDICTS_V, torch.zeros(0)
        if parts.scheduler_config.get("rescale_betas_zero_snr"):
            yield NO_SIGNAL, torch.zeros(0)


def stored_configs(parts: SdParts) -> dict[str, Any]:
    """What a reader of the single file needs besides tensors; OpenAI's own vocabulary is known."""
    from engine.families.sd_data import configs

    texts = {name: encoder.config.to_dict() for name, encoder in parts.text_encoders.items()}
    unet, vae = (json.loads(m.to_json_string()) for m in (parts.unet, parts.vae))
    for config in (*texts.values(), unet, vae):
        config.pop("_name_or_path", None)  # a folder of the machine that trained
    scheduler = dict(parts.scheduler_config)
    found: dict[str, Any] = {"configs": {"unet": unet, "vae": vae, **texts, "scheduler": scheduler}}
    known = configs()["text_encoder"]["vocab_size"]
    for part in parts.layout.texts:
        if texts[part.name]["vocab_size"] != known:
            found[part.tokenizer] = _vocabulary(parts.tokenizers[part.tokenizer])
    return found


def _vocabulary(tokenizer: Any) -> dict[str, Any]:
    model = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    return {
        "vocab": model["vocab"],
        "merges": model["merges"],
        "length": tokenizer.model_max_length,
        "pad_token": str(tokenizer.pad_token),
    }
