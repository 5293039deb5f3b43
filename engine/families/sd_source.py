"""Where the parts of a Stable Diffusion model come from: a diffusers folder or a single file.

Both sources answer the same questions (the configs; a component with its weights; the tokenizers),
so that the family does not care. Every size is read from the configs or from the tensors
themselves.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from engine.errors import DataError
from engine.families import ldm
from engine.families.clip import load_tokenizer
from engine.families.files import (
    SINGLE_FILES,
    check_folder,
    read_json,
    safetensors_header,
    weight_files,
)
from engine.families.ldm import VAE
from engine.families.sd_layout import SD1, Layout
from engine.families.sd_parts import Source, class_of, filled, load_component
from engine.families.sd_shapes import infer_vae
from engine.families.sd_single import FileSource

NEEDED = {"unet": "in_channels", "vae": "latent_channels"}  # what a config always says


def open_source(path: Path, layout: Layout = SD1) -> Source:
    """The source for a folder or a file. Raises DataError when something is missing."""
    if path.is_dir():
        return FolderSource(path, layout)
    if path.suffix not in SINGLE_FILES:
        raise DataError(f"{path} is neither a model folder nor a {' or '.join(SINGLE_FILES)} file.")
    return FileSource(path, layout)


class FolderSource(Source):
    """A diffusers folder."""

    def __init__(self, path: Path, layout: Layout) -> None:
        self.path, self._layout = path, layout
        names = dict.fromkeys(("unet", "vae", *(part.name for part in layout.texts)), "config.json")
        names["scheduler"] = "scheduler_config.json"
        tokenizers = (
            f"{part.tokenizer}/tokenizer.json|{part.tokenizer}/vocab.json" for part in layout.texts
        )
        self._check_kind(path, layout)
        check_folder(path, names, tuple(tokenizers))
        self.configs = {name: read_json(path / name / file) for name, file in names.items()}
        for name, key in NEEDED.items():
            if key not in self.configs[name]:
                raise DataError(
                    f"{path / name / names[name]} does not say {key}: "
                    "it is damaged, or belongs to another kind of model."
                )

    def _check_kind(self, path: Path, layout: Layout) -> None:
        """A folder of another pipeline says so in its index; one without an index comes later."""
        if not (path / "model_index.json").exists():
            return
        index = read_json(path / "model_index.json")
        encoders = {name for name, value in index.items() if "text_encoder" in name and _is(value)}
        config = path / "unet" / "config.json"
        sized = config.exists() and bool(read_json(config).get("addition_embed_type"))
        others = encoders and encoders != {part.name for part in layout.texts}
        if others or sized > layout.sized:
            raise DataError(
                f"{path} holds a {index.get('_class_name', 'different pipeline')}, "
                f"not {layout.label}."
            )

    def load(self, component: str, dtype: torch.dtype) -> nn.Module:
        """Loaded by diffusers or transformers, which also know the names that old folders use."""
        return load_component(self.path / component, class_of(component, self._layout), dtype)

    def tokenizer(self, text_encoder: str) -> Any:
        """From its folder."""
        folder = self.path / self._layout.text(text_encoder).tokenizer
        try:
            return load_tokenizer(folder)
        # A damaged file makes transformers and tokenizers fail in whatever way it happens to.
        except Exception as fault:
            first = str(fault).strip().partition("\n")[0] or type(fault).__name__
            raise DataError(f"The tokenizer in {folder} cannot be read: {first}") from fault


def _is(value: object) -> bool:
    """Whether an entry of model_index.json names a class; [null, null] does not."""
    return isinstance(value, list) and any(value)


def vae_place(path: Path) -> Path:
    """Where a VAE of its own is: a file, a folder with its config, or that folder's ``vae``."""
    if path.is_file():
        safetensors_header(path)
        return path
    folder = next((p for p in (path, path / "vae") if (p / "config.json").exists()), None)
    if folder is None:
        raise DataError(f"{path} is not a VAE folder: it has no config.json.")
    weight_files(folder)
    return folder


def load_vae(path: Path, dtype: torch.dtype) -> nn.Module:
    """A VAE from what :func:`vae_place` found; a file is in the original layout."""
    if path.is_dir():
        return load_component(path, class_of("vae"), dtype)
    from safetensors.torch import load_file

    from engine.families.sd_data import configs

    tensors = {k.removeprefix(VAE): v for k, v in load_file(path).items()}
    try:
        config = infer_vae({k: tuple(v.shape) for k, v in tensors.items()}, configs()["vae"])
    except KeyError as fault:
        raise DataError(f"{path} is not laid out as a VAE: no {fault.args[0]}.") from fault
    state = ldm.from_ldm(ldm.vae_table(config), tensors.items())
    return filled(path, "vae", config, state, dtype)
