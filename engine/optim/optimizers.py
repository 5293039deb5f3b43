"""The optimizers by name. Optional libraries are imported where they are used, never before.

Defaults are the field's: eps is 1e-6 for the Adam family unless given, Adafactor takes its rate
from the config. Torch's fused kernels are used wherever the parameters allow: one call for all of
them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from engine.errors import ConfigError, MissingExtraError

Groups = Sequence[dict[str, Any]]
Builder = Callable[[Groups, dict[str, Any]], torch.optim.Optimizer]

ADAM_EPS = 1e-6


def build_optimizer(name: str, params: Mapping[str, Any], groups: Groups) -> torch.optim.Optimizer:
    """The optimizer called `name` over parameter groups that carry `params`, `lr` and `name`.

    Raises ConfigError for a name or a setting that it does not know, MissingExtraError without its
    package.
    """
    builder = OPTIMIZERS.get(name)
    if builder is None:
        raise ConfigError(
            "train.optimizer", f"{name!r} is not known; known are {', '.join(OPTIMIZERS)}."
        )
    try:
        return builder(groups, dict(params))
    except (TypeError, ValueError) as error:
        raise ConfigError(
            "train.optimizer_params", f"{name} refused its settings: {error}"
        ) from error


def _adam(groups: Groups, params: dict[str, Any]) -> torch.optim.Optimizer:
    return torch.optim.Adam(list(groups), **_torch_adam_settings(groups, params))


def _adamw(groups: Groups, params: dict[str, Any]) -> torch.optim.Optimizer:
    return torch.optim.AdamW(list(groups), **_torch_adam_settings(groups, params))


def _torch_adam_settings(groups: Groups, params: dict[str, Any]) -> dict[str, Any]:
    """Fused unless the user chose a kernel; betas as the pair torch wants."""
    params.setdefault("eps", ADAM_EPS)
    if "betas" in params:
        params["betas"] = tuple(params["betas"])
    if not {"fused", "foreach", "differentiable"} & params.keys():
        params["fused"] = all(_fusible(p) for group in groups for p in group["params"])
    return params


def _fusible(parameter: torch.Tensor) -> bool:
    return parameter.device.type in ("cpu", "cuda") and parameter.is_floating_point()


def _eight_bit(class_name: str) -> Builder:
    """bitsandbytes: both moments in blocks of 8 bits; tensors below 4096 elements keep 32-bit
    moments.
    """

    def build(groups: Groups, params: dict[str, Any]) -> torch.optim.Optimizer:
        try:
            import bitsandbytes
        except ImportError as error:
            raise MissingExtraError("bitsandbytes", "8bit", "An 8-bit optimizer") from error
        params.setdefault("eps", ADAM_EPS)
        if "betas" in params:
            params["betas"] = tuple(params["betas"])
        return getattr(bitsandbytes.optim, class_name)(list(groups), **params)  # type: ignore[no-any-return]

    return build


_SIXTEEN_BIT = ("stochastic_accumulation", "stochastic_rounding")
"""About weights in less than 32 bits, of which there are none: what trains is kept in float32."""


def _adafactor(groups: Groups, params: dict[str, Any]) -> torch.optim.Optimizer:
    """transformers' Adafactor, with a rate from the config unless relative_step chooses its own."""
    from transformers.optimization import Adafactor

    params = {"scale_parameter": False, "relative_step": False, "warmup_init": False, **params}
    for name in _SIXTEEN_BIT:
        params.pop(name, None)
    if "eps" in params:
        params["eps"] = tuple(params["eps"])
    if params["relative_step"]:
        groups = [{key: value for key, value in group.items() if key != "lr"} for group in groups]
        return Adafactor(groups, lr=None, **params)
    return Adafactor(list(groups), lr=groups[0]["lr"], **params)


OPTIMIZERS: dict[str, Builder] = {
    "adamw": _adamw,
    "adam": _adam,
    "adamw8bit": _eight_bit("AdamW8bit"),
    "adam8bit": _eight_bit("Adam8bit"),
    "adafactor": _adafactor,
}

UNCLIPPED = frozenset({"adafactor"})
"""Optimizers that bound their own updates, for which the global gradient norm is not clipped."""
