"""Weights into modules: a component folder, or loose tensors, and nothing left random.

A missing or misshapen weight is an error: it would stay random and only look trained. Modules are
built empty and given their tensors, so that nothing is held twice.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from engine.errors import DataError
from engine.families.clip import live_name
from engine.families.files import weight_files
from engine.families.sd_layout import Layout


class Source(ABC):
    """The files of one model. ``configs`` has unet, vae, the text encoders and scheduler."""

    path: Path
    configs: dict[str, dict[str, Any]]

    @abstractmethod
    def load(self, component: str, dtype: torch.dtype) -> nn.Module:
        """``unet``, ``vae`` or a text encoder with its weights in ``dtype``, on the CPU."""

    @abstractmethod
    def tokenizer(self, text_encoder: str) -> Any:
        """The tokenizer of a text encoder."""


def load_component(folder: Path, model_class: Any, dtype: torch.dtype) -> nn.Module:
    """One component folder by diffusers or transformers, which know the names of old folders."""
    from transformers.utils import logging

    logging.disable_progress_bar()  # a bar per component would fill the run's log
    files = weight_files(folder)
    options: dict[str, Any] = {"local_files_only": True, "output_loading_info": True}
    options |= {"use_safetensors": files[0].suffix == ".safetensors", "low_cpu_mem_usage": True}
    options["ignore_mismatched_sizes"] = True  # reported and refused below, by name
    if ".fp16." in files[0].name:
        options["variant"] = "fp16"
    try:
        model, info = model_class.from_pretrained(folder, torch_dtype=dtype, **options)
    except (OSError, RuntimeError, ValueError) as fault:
        raise DataError(f"{folder} cannot be loaded: {str(fault).splitlines()[0]}") from fault
    complete(folder, info["missing_keys"], info["mismatched_keys"])
    module: nn.Module = model
    return module


def assign(
    path: Path, module: nn.Module, state: Iterable[tuple[str, Tensor]], dtype: torch.dtype
) -> nn.Module:
    """Give a module that was built empty its tensors, cast one by one."""
    wanted = module.state_dict()
    given = {name: tensor.to(dtype) for name, tensor in state if name in wanted}
    complete(
        path,
        wanted.keys() - given.keys(),
        [name for name, tensor in given.items() if tensor.shape != wanted[name].shape],
    )
    module.load_state_dict(given, strict=False, assign=True)
    return module.eval()


def complete(where: Path, missing: Iterable[Any], mismatched: Iterable[Any] = ()) -> None:
    """Refuse a component that would keep a random weight, naming the first."""
    absent = sorted(str(key) for key in missing if not str(key).endswith("position_ids"))
    if absent:
        count = "1 weight" if len(absent) == 1 else f"{len(absent)} weights"
        raise DataError(f"{where} lacks {count}, such as {absent[0]}.")
    wrong = [row[0] if isinstance(row, tuple) else row for row in mismatched]
    if wrong:
        raise DataError(f"{where} has weights of other shapes than its config says: {wrong[0]}.")


def class_of(component: str, layout: Layout | None = None) -> Any:
    """Imported here, not at the top: each costs a second and not every run needs every one."""
    if component == "unet":
        from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

        return UNet2DConditionModel
    if component == "vae":
        from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

        return AutoencoderKL
    from transformers import CLIPTextModel, CLIPTextModelWithProjection

    projected = layout is not None and layout.text(component).projected
    return CLIPTextModelWithProjection if projected else CLIPTextModel


def filled(
    path: Path,
    component: str,
    config: Mapping[str, Any],
    state: Iterable[tuple[str, Tensor]],
    dtype: torch.dtype,
) -> nn.Module:
    """A UNet or VAE from its config and its tensors, held once."""
    from accelerate import init_empty_weights

    try:
        with init_empty_weights():
            module: nn.Module = class_of(component).from_config(dict(config))
    except ValueError as fault:  # group norms that do not divide the channels
        raise DataError(f"{path} needs a config for its {component}: {fault}") from fault
    return assign(path, module, state, dtype)


def filled_text_encoder(
    path: Path,
    model_class: Any,
    config: Mapping[str, Any],
    state: Iterable[tuple[str, Tensor]],
    dtype: torch.dtype,
) -> nn.Module:
    """A text encoder from its config and its tensors, held once."""
    from accelerate import init_empty_weights
    from transformers import CLIPTextConfig

    with init_empty_weights():
        module: nn.Module = model_class(CLIPTextConfig(**config))
    named = ((live_name(k, module), v) for k, v in state if not k.endswith("position_ids"))
    return assign(path, module, named, dtype)
