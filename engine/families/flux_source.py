"""Where the parts of a FLUX.1 model come from.

Three kinds of place hold a transformer: a whole diffusers folder, a folder with the transformer
alone, and a single file in the original layout (bare as black-forest-labs publishes it, or with
ComfyUI's prefix). Only the first kind brings text encoders, tokenizers, VAE and noise schedule
along; for the others they come from ``model.extras_name_or_path``, or from the folder around the
file where that is a model folder. ``model.vae_path`` may name another VAE, also in the original
layout (ae.safetensors).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from engine.errors import DataError
from engine.families import flux_keys, ldm
from engine.families.files import check_folder, locate, read_json, safetensors_header, weight_files
from engine.families.flux_data import configs as original_configs
from engine.families.sd_parts import assign, load_component
from engine.families.sd_shapes import Shapes, infer_vae
from engine.families.sd_source import vae_place

if TYPE_CHECKING:
    from schema.sections.model import Model

CONFIGS_KEY = "finetui.configs"  # metadata of our own single files: the configs
TRANSFORMER, VAE, CLIP, T5 = "transformer", "vae", "text_encoder", "text_encoder_2"
SCHEDULER = "scheduler"
INDEX = "model_index.json"
CLASS = "FluxTransformer2DModel"
TOKENIZERS = (
    "tokenizer/tokenizer.json|tokenizer/vocab.json",
    "tokenizer_2/tokenizer.json|tokenizer_2/spiece.model",
)


class FluxSource:
    """The files of one model. ``configs`` has an entry per component and for the scheduler."""

    def __init__(self, model: Model) -> None:
        self.path = locate(model.unet_path or model.name_or_path)
        self.extras = _extras_of(self.path, model)
        self.vae_path = None if model.vae_path is None else vae_place(locate(model.vae_path))
        self._single = self.path.is_file()
        self._prefix = ""
        components = {CLIP: "config.json", T5: "config.json", SCHEDULER: "scheduler_config.json"}
        if self.vae_path is None:
            components[VAE] = "config.json"
        if self.path == self.extras:
            components[TRANSFORMER] = "config.json"
        check_folder(self.extras, components, TOKENIZERS)
        self.configs = {n: read_json(self.extras / n / file) for n, file in components.items()}
        self._read_transformer()
        if self.vae_path is not None:
            self.configs[VAE] = _vae_config(self.vae_path)
        self._check()

    def _read_transformer(self) -> None:
        if not self._single:
            folder = self.transformer_folder
            weight_files(folder)
            self.configs[TRANSFORMER] = original_configs()[TRANSFORMER] | read_json(
                folder / "config.json"
            )
            return
        header = safetensors_header(self.path)
        stored = (header.pop("__metadata__", None) or {}).get(CONFIGS_KEY)
        shapes = {name: tuple(row["shape"]) for name, row in header.items()}
        self._prefix = (
            flux_keys.PREFIX if any(k.startswith(flux_keys.PREFIX) for k in shapes) else ""
        )
        if stored:
            self.configs |= json.loads(stored)
            return
        config = _inferred(self.path, shapes, self._prefix)
        kind = SCHEDULER if config["guidance_embeds"] else "scheduler_schnell"
        self.configs |= {TRANSFORMER: config, SCHEDULER: original_configs()[kind]}

    def _check(self) -> None:
        """Is it FLUX.1, and does every part fit the others?"""
        config, path = self.configs[TRANSFORMER], self.path
        if config.get("_class_name", CLASS) != CLASS:
            raise DataError(f"{path} holds a {config['_class_name']}, not a FLUX.1 transformer.")
        depth, channels = int(config["in_channels"]), int(self.configs[VAE]["latent_channels"])
        if depth != 4 * channels:
            raise DataError(
                f"{path} has a transformer of {depth} input channels beside a VAE of {channels} "
                "channels; FLUX.1 Fill, Canny, Depth and other conditioned models cannot be "
                "trained."
            )
        if sum(config["axes_dims_rope"]) != config["attention_head_dim"]:
            raise DataError(f"{path} needs a config: how its positions are turned does not show.")
        text = int(self.configs[T5].get("d_model", config["joint_attention_dim"]))
        if text != int(config["joint_attention_dim"]):
            raise DataError(
                f"{path} expects T5 states of width {config['joint_attention_dim']}, but the text "
                f"encoder in {self.extras} gives {text}."
            )

    @property
    def transformer_folder(self) -> Path:
        """Where the transformer's config and weights lie, unless it is a single file."""
        return self.path if (self.path / "config.json").exists() else self.path / TRANSFORMER

    def load(self, component: str, dtype: torch.dtype) -> nn.Module:
        """One component with its weights in ``dtype``, on the CPU."""
        if component == TRANSFORMER and self._single:
            return self._transformer_of_file(dtype)
        if component == VAE and self.vae_path is not None:
            return _load_vae(self.vae_path, self.configs[VAE], dtype)
        folder = self.transformer_folder if component == TRANSFORMER else self.extras / component
        return load_component(folder, class_of(component), dtype)

    def _transformer_of_file(self, dtype: torch.dtype) -> nn.Module:
        from accelerate import init_empty_weights

        config = self.configs[TRANSFORMER]
        with init_empty_weights():
            module: nn.Module = class_of(TRANSFORMER).from_config(config)
        state = flux_keys.from_bfl(config, _tensors(self.path, self._prefix))
        return assign(self.path, module, state, dtype)

    def tokenizers(self) -> tuple[Any, Any]:
        """CLIP's and T5's."""
        from engine.families import clip, t5

        readers = {"tokenizer": clip.load_tokenizer, "tokenizer_2": t5.load_tokenizer}
        found = []
        for name, read in readers.items():
            folder = self.extras / name
            try:
                found.append(read(folder))
            # A damaged file makes transformers and tokenizers fail in whatever way it happens to.
            except Exception as fault:
                first = str(fault).strip().partition("\n")[0] or type(fault).__name__
                raise DataError(f"The tokenizer in {folder} cannot be read: {first}") from fault
        return found[0], found[1]


def class_of(component: str) -> Any:
    """Imported here, not at the top: each costs a second and not every run needs every one."""
    if component == TRANSFORMER:
        from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel

        return FluxTransformer2DModel
    if component == VAE:
        from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

        return AutoencoderKL
    from transformers import CLIPTextModel, T5EncoderModel

    return CLIPTextModel if component == CLIP else T5EncoderModel


def _extras_of(path: Path, model: Model) -> Path:
    """The folder with everything but the transformer."""
    if model.extras_name_or_path is not None:
        return locate(model.extras_name_or_path, without=TRANSFORMER)
    if model.unet_path is not None:
        whole = locate(model.name_or_path, without=TRANSFORMER)
        if whole.is_dir():
            return whole
    if path.is_dir() and not (path / "config.json").exists():
        return path
    if (path.parent / INDEX).exists():
        return path.parent
    raise DataError(
        f"{path} holds the transformer alone.",
        repair="Name a FLUX.1 model folder in model.extras_name_or_path, from which text encoders, "
        "tokenizers and VAE are taken.",
    )


def _inferred(path: Path, shapes: Shapes, prefix: str) -> dict[str, Any]:
    plain = {k.removeprefix(prefix): v for k, v in shapes.items() if k.startswith(prefix)}
    try:
        return flux_keys.infer_config(plain, original_configs()[TRANSFORMER])
    except KeyError as fault:
        raise DataError(f"{path} is not a FLUX.1 transformer: no {fault.args[0]}.") from fault


def _tensors(path: Path, prefix: str) -> Iterator[tuple[str, Tensor]]:
    """The tensors below a prefix, one by one and memory-mapped, without the prefix."""
    from safetensors import safe_open

    with safe_open(str(path), "pt") as file:
        for name in file.keys():  # noqa: SIM118 - not a dict: it cannot be iterated
            if name.startswith(prefix):
                yield name.removeprefix(prefix), file.get_tensor(name)


def _vae_config(place: Path) -> dict[str, Any]:
    if place.is_dir():
        return read_json(place / "config.json")
    header = safetensors_header(place)
    shapes = {k.removeprefix(ldm.VAE): tuple(v["shape"]) for k, v in header.items() if k[0] != "_"}
    try:
        return infer_vae(shapes, original_configs()[VAE])
    except KeyError as fault:
        raise DataError(f"{place} is not laid out as a VAE: no {fault.args[0]}.") from fault


def _load_vae(place: Path, config: Mapping[str, Any], dtype: torch.dtype) -> nn.Module:
    if place.is_dir():
        return load_component(place, class_of(VAE), dtype)
    from accelerate import init_empty_weights

    try:
        with init_empty_weights():
            module: nn.Module = class_of(VAE).from_config(dict(config))
    except ValueError as fault:  # group norms that do not divide the channels
        raise DataError(f"{place} needs a config: {fault}") from fault
    named = ((name.removeprefix(ldm.VAE), tensor) for name, tensor in _tensors(place, ""))
    return assign(place, module, ldm.from_ldm(ldm.vae_table(config), named), dtype)
