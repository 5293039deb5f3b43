"""Changes of full size beside frozen layers: of norms, embeddings, or whatever the config names.

    W + m * diff,  b + m * diff_b

Both changes start at zero, in float32; weight decay pulls at them and not at the weight. A layer
that is retrained instead (`full_train_in_out`) has a weight of its own in place of the frozen one,
whatever the strength. The layers are replaced by wrappers, as peft does it, so that a whole model
can be saved without them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from engine.errors import ConfigError
from engine.families.lora_keys import DIFF, DIFF_BIAS, WHOLE, WHOLE_BIAS

BASE_WEIGHT, BASE_BIAS = ".base.weight", ".base.bias"


class Wrapper(nn.Module):
    """A frozen layer with something beside it; whatever it has not is asked of the layer."""

    def __init__(self, layer: Any) -> None:
        """Raises ConfigError for a layer whose weight is stored in fewer bits."""
        super().__init__()
        plain = type(layer.weight.data) is Tensor and layer.weight.is_floating_point()
        if not plain:
            raise ConfigError(
                "network",
                f"a {type(layer).__name__} is quantized and cannot have a change of full size; "
                "leave it out of full_if_contains, or do not quantize it.",
            )
        self.base_layer = layer
        self.own: dict[str, nn.Parameter] = {}

    def __getattr__(self, name: str) -> Any:
        """The wrapped layer's `weight`, `in_features` and so on, which models look at."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            if name == "base_layer":
                raise
            return getattr(self.base_layer, name)

    def get_base_layer(self) -> nn.Module:
        """peft's name for it."""
        return self.base_layer

    def _add(self, name: str, part: str, like: Tensor, value: Tensor) -> None:
        own = value.detach().to(like.device, torch.float32, copy=True)
        parameter = nn.Parameter(own)
        self.register_parameter(name, parameter)
        self.own[part] = parameter

    def _with(self, changed: Mapping[str, Tensor], args: Any, kwargs: Any) -> Any:
        """The layer's answer with these weights, in its own precision."""
        base: Any = self.base_layer
        like = {name: getattr(base, name).dtype for name in changed}
        cast = {name: tensor.to(like[name]) for name, tensor in changed.items()}
        return functional_call(base, cast, args, kwargs)


class FullChange(Wrapper):
    """diff and diff_b beside one layer."""

    alpha = None  # no rank, no scale

    def __init__(self, layer: Any) -> None:
        super().__init__(layer)
        self._strength: float | Tensor = 1.0
        self._on = True
        self._add("diff", DIFF, layer.weight, torch.zeros_like(layer.weight))
        if getattr(layer, "bias", None) is not None:
            self._add("diff_b", DIFF_BIAS, layer.bias, torch.zeros_like(layer.bias))

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The layer with its changes; the layer itself where they are off."""
        if not self._on:
            return self.base_layer(*args, **kwargs)
        return self._with(self._changed(self._strength), args, kwargs)

    def _changed(self, strength: float | Tensor) -> dict[str, Tensor]:
        base: Any = self.base_layer
        changed = {"weight": base.weight.float() + strength * self.diff}
        if DIFF_BIAS in self.own:
            changed["bias"] = base.bias.float() + strength * self.diff_b
        return changed

    def switch(self, *, on: bool) -> None:
        """Take part or not."""
        self._on = on

    def scale_by(self, strength: float | Tensor) -> None:
        """Work at a strength; of one per sample (B,) their mean, since all share the weight."""
        self._strength = strength.mean() if isinstance(strength, Tensor) else strength

    def unscale(self) -> None:
        """Work at full strength again."""
        self._strength = 1.0

    def file_parts(self) -> dict[str, Tensor]:
        """What a file holds of it."""
        return {part: parameter.detach() for part, parameter in self.own.items()}

    @torch.no_grad()
    def start_from(self, parts: Mapping[str, Tensor], scale: float) -> str | None:
        """Take over a file's changes; why not, if they do not fit."""
        del scale
        if DIFF not in parts:
            return "has another kind of change in the file"
        if any(own.shape != parts[p].shape for p, own in self.own.items() if p in parts):
            return "has another shape in the file"
        for part, parameter in self.own.items():
            if part in parts:
                parameter.copy_(parts[part])
        return None

    @torch.no_grad()
    def merge(self, strength: float) -> None:
        """Put the changes into the layer and start again from nothing."""
        for name, tensor in self._changed(strength).items():
            getattr(self.base_layer, name).copy_(tensor)
        for parameter in self.own.values():
            parameter.zero_()

    def merged(self) -> dict[str, Tensor]:
        """The weights that merging changes."""
        base: Any = self.base_layer
        found = {BASE_WEIGHT: base.weight.detach()}
        return found | ({BASE_BIAS: base.bias.detach()} if DIFF_BIAS in self.own else {})


class Retrained(Wrapper):
    """A first or last layer with weights of its own, which stay when the network is off."""

    alpha = None  # no rank, no scale

    def __init__(self, layer: Any) -> None:
        super().__init__(layer)
        self._add("own_weight", WHOLE, layer.weight, layer.weight)
        if getattr(layer, "bias", None) is not None:
            self._add("own_bias", WHOLE_BIAS, layer.bias, layer.bias)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The layer with its own weights."""
        return self._with(self._whole(), args, kwargs)

    def _whole(self) -> dict[str, Tensor]:
        own = {"weight": self.own_weight}
        return own | ({"bias": self.own_bias} if WHOLE_BIAS in self.own else {})

    def switch(self, *, on: bool) -> None:
        """It has no part that could be taken away: the rest was trained around it."""

    def scale_by(self, strength: float | Tensor) -> None:
        """It has no strength."""

    def unscale(self) -> None:
        """It has no strength."""

    def file_parts(self) -> dict[str, Tensor]:
        """What a file holds of it."""
        return {part: parameter.detach() for part, parameter in self.own.items()}

    @torch.no_grad()
    def start_from(self, parts: Mapping[str, Tensor], scale: float) -> str | None:
        """Take over a file's weights; why not, if they do not fit."""
        del scale
        if any(p not in parts or own.shape != parts[p].shape for p, own in self.own.items()):
            return "has another shape in the file"
        for part, parameter in self.own.items():
            parameter.copy_(parts[part])
        return None

    @torch.no_grad()
    def merge(self, strength: float) -> None:
        """Put the weights into the layer; there is nothing to start again."""
        del strength
        for name, tensor in self._whole().items():
            getattr(self.base_layer, name).copy_(tensor)

    def merged(self) -> dict[str, Tensor]:
        """Nothing beside its own weights, which are kept in any case."""
        return {}
