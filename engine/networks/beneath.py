"""LoRAs beneath the trained network: files that change the base model and are never saved.

- ``model.lora_path`` is merged for good as each part is loaded: W becomes W + s B A, and training
  sees another base.
- ``model.assistant_lora_path`` is on in every training pass, prior and guidance passes included,
  and off in previews: it undoes a distillation while a fast model is trained.
- ``model.inference_lora_path`` is off while training and on in previews.

The last two stay beside the weights, as hooks on the base layers, under whatever network is
trained: switching that off leaves the assistant on. Their matrices are no parameters of the model,
so no optimizer, checkpoint or saved file contains them. Formula: Hu et al. 2021.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.errors import ConfigError
from engine.families.lora_keys import DOWN, UP, modules_of, part_of

if TYPE_CHECKING:
    from engine.families.base import Family
    from schema.sections.model import Model

FOLDER_FILE = "pytorch_lora_weights.safetensors"
Hook = Callable[[nn.Module, Any, Tensor], Tensor]


class Beneath:
    """The files that the config names; takes part as the family loads its parts."""

    def __init__(self, family: Family, model: Model) -> None:
        self._merged = self._open(family, "lora_path", model.lora_path)
        self._assistant = self._open(family, "assistant_lora_path", model.assistant_lora_path)
        self._inference = self._open(family, "inference_lora_path", model.inference_lora_path)
        family.on_load = self._loaded

    @staticmethod
    def _open(family: Family, option: str, path: str | None) -> LoraFile | None:
        return None if path is None else LoraFile(family, option, path)

    def _loaded(self, component: str, module: nn.Module) -> None:
        if self._merged is not None:
            for layer in self._merged.layers(component, module):
                layer.merge()
        for file in (self._assistant, self._inference):
            if file is not None:
                file.stay(component, module)
        if self._assistant is not None:
            self._assistant.switch(on=True)

    @contextlib.contextmanager
    def previewing(self) -> Iterator[None]:
        """The assistant off, the preview's LoRA on."""
        self._switch(training=False)
        try:
            yield
        finally:
            self._switch(training=True)

    def _switch(self, *, training: bool) -> None:
        if self._assistant is not None:
            self._assistant.switch(on=training)
        if self._inference is not None:
            self._inference.switch(on=not training)


def open_beneath(family: Family, model: Model) -> Beneath | None:
    """None where the config names no such file: then nothing is looked at again."""
    named = (model.lora_path, model.assistant_lora_path, model.inference_lora_path)
    return Beneath(family, model) if any(named) else None


class LoraFile:
    """One LoRA file, and the layers of loaded components that it stays beside."""

    def __init__(self, family: Family, option: str, path: str) -> None:
        """Raises ConfigError when the file is not there or holds nothing for this model."""
        self._family, self._option = family, f"model.{option}"
        self.path = locate_lora(self._option, path)
        self._tensors, self._metadata = read_lora(self._option, self.path)
        found = {family.lora_component(key) for key in self._tensors}
        if not found - {None}:
            raise ConfigError(
                self._option,
                f"no key of {self.path} belongs to a {family.row.label} model, such as "
                f"{next(iter(self._tensors), 'none')}.",
            )
        if option != "lora_path" and any(name and "text" in name for name in found):
            raise ConfigError(
                self._option,
                f"{self.path} changes a text encoder too, whose embeddings are shared by training "
                "and previews; only model.lora_path may do that.",
            )
        self._staying: list[Layer] = []
        self._handles: list[Any] = []

    def layers(self, component: str, module: nn.Module) -> list[Layer]:
        """The file's layers in one loaded component. Raises ConfigError where they do not fit."""
        keys = [key for key in self._tensors if self._family.lora_component(key) == component]
        if not keys:
            return []
        own = {key: self._tensors[key] for key in keys}
        try:
            state, alphas = self._family.read_lora_file(own, self._metadata)
        except KeyError as fault:
            raise ConfigError(
                self._option, f"{self.path} has a layer that the model has not: {fault.args[0]}."
            ) from fault
        other = next((key for key in state if part_of(key) not in (DOWN, UP)), None)
        if other is not None:
            raise ConfigError(
                self._option,
                f"{self.path} holds {other}, which is no plain LoRA; only "
                "network.pretrained_lora_path takes such files.",
            )
        modules = dict(module.named_modules())
        return [self._layer(name, state, alphas, modules) for name in modules_of(state)]

    def _layer(
        self,
        name: str,
        state: Mapping[str, Tensor],
        alphas: Mapping[str, float],
        modules: Mapping[str, nn.Module],
    ) -> Layer:
        target: Any = modules.get(name.split(".", 1)[1])
        down, up = state[name + DOWN], state[name + UP]
        weight = getattr(target, "weight", None)
        if weight is None or (up.shape[0], *down.shape[1:]) != tuple(weight.shape):
            has = "no such layer" if weight is None else f"the shape {tuple(weight.shape)}"
            raise ConfigError(
                self._option,
                f"{self.path} does not fit: {name} is for {(up.shape[0], *down.shape[1:])}, the "
                f"model has {has}.",
            )
        return Layer(target, down, up, alphas[name] / down.shape[0])

    def stay(self, component: str, module: nn.Module) -> None:
        """Remember the layers of a component, for :meth:`switch`."""
        self._staying += self.layers(component, module)

    def switch(self, *, on: bool) -> None:
        """Add the deltas to the layers' outputs, or stop it."""
        for handle in self._handles:
            handle.remove()
        self._handles = [layer.hang() for layer in self._staying] if on else []


class Layer:
    """One layer of a model and what a file adds to it."""

    def __init__(self, target: Any, down: Tensor, up: Tensor, scale: float) -> None:
        """``down`` is (r, in[, kh, kw]), ``up`` (out, r[, 1, 1]); on the target's device."""
        self._target = target
        like = target.weight
        self._down = down.to(like.device, like.dtype)
        self._up = up.to(like.device, like.dtype)
        self._scale = scale

    def merge(self) -> None:
        """W + s B A, computed in float32."""
        weight = self._target.weight
        product = self._up.float().flatten(1) @ self._down.float().flatten(1)
        with torch.no_grad():
            changed = weight.float() + self._scale * product.view(weight.shape)
            weight.copy_(changed)

    def hang(self) -> Any:
        """Add s B A x to every output from now on; the handle takes it away again."""
        convolution = isinstance(self._target, nn.Conv2d)
        return self._target.register_forward_hook(self._convolved if convolution else self._linear)

    def _linear(self, _: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        return output + self._scale * F.linear(F.linear(inputs[0], self._down), self._up)

    def _convolved(self, layer: nn.Conv2d, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        where: Any = (layer.stride, layer.padding, layer.dilation)
        inner = F.conv2d(inputs[0], self._down, None, *where)
        return output + self._scale * F.conv2d(inner, self._up)


def locate_lora(option: str, name: str) -> Path:
    """A file, a folder with diffusers' usual file, or either of them on the Hugging Face hub.

    Raises ConfigError when there is nothing, or it cannot be downloaded.
    """
    path = Path(name).expanduser()
    if path.is_dir():
        path /= FOLDER_FILE
    if path.is_file():
        return path
    parts = name.split("/")
    if len(parts) < 2 or path.is_absolute() or name.startswith("."):
        raise ConfigError(option, f"{path} does not exist.")
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(hf_hub_download("/".join(parts[:2]), "/".join(parts[2:]) or FOLDER_FILE))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as fault:
        first = str(fault).strip().partition("\n")[0] or type(fault).__name__
        raise ConfigError(
            option,
            f"there is no file {name} here, and it could not be downloaded from Hugging Face: "
            f"{first}",
        ) from fault


def read_lora(option: str, path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata of a file. Raises ConfigError when it cannot be read."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return tensors, dict(file.metadata() or {})
    except (OSError, SafetensorError) as fault:
        raise ConfigError(option, f"{path} cannot be read as safetensors: {fault}") from fault
