"""The optimizers by name. Optional libraries are imported where they are used, never before.

Defaults are the field's: eps is 1e-6 for the Adam family unless given, Adafactor takes its rate
from the config. Torch's fused kernels are used wherever the parameters allow: one call for all of
them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

import torch

from engine.errors import ConfigError, MissingExtraError

Groups = Sequence[dict[str, Any]]
Builder = Callable[[Groups, dict[str, Any]], torch.optim.Optimizer]

ADAM_EPS = 1e-6
HIGH_RATE, START_RATE = 1e-3, 1e-6
"""A start above the first was meant for another optimizer and becomes the second."""


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
    except (TypeError, ValueError, AssertionError) as error:
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


def _adagrad(groups: Groups, params: dict[str, Any]) -> torch.optim.Optimizer:
    return torch.optim.Adagrad(list(groups), **params)


def _eight_bit(class_name: str, eps: float | None = ADAM_EPS) -> Builder:
    """bitsandbytes: all moments in blocks of 8 bits; tensors below 4096 elements keep 32-bit
    moments. Lion has no epsilon (None).
    """

    def build(groups: Groups, params: dict[str, Any]) -> torch.optim.Optimizer:
        try:
            import bitsandbytes
        except ImportError as error:
            raise MissingExtraError("bitsandbytes", "8bit", "An 8-bit optimizer") from error
        if eps is not None:
            params.setdefault("eps", eps)
        if "betas" in params:
            params["betas"] = tuple(params["betas"])
        built: torch.optim.Optimizer = getattr(bitsandbytes.optim, class_name)(
            list(groups), **params
        )
        return built

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


def _of_package(
    module: str, class_name: str, *, estimates: bool = False, steers: bool = False
) -> Builder:
    """An optimizer of a package of its own, or of this one.

    `estimates`: it finds a factor of the rate; `steers`: it begins at the rate and changes it.
    """

    def build(groups: Groups, params: dict[str, Any]) -> torch.optim.Optimizer:
        package = module.partition(".")[0]
        try:
            found = getattr(import_module(module), class_name)
        except ImportError as error:
            what = f"The optimizer {class_name}"
            raise MissingExtraError(package, EXTRA, what) from error
        for name in ("betas", "eps"):
            if isinstance(params.get(name), list):
                params[name] = tuple(params[name])
        if estimates:
            groups = _at_full_rate(groups)
        if steers:
            groups = [{**g, "lr": START_RATE if g["lr"] > HIGH_RATE else g["lr"]} for g in groups]
        built: torch.optim.Optimizer = found(list(groups), lr=groups[0]["lr"], **params)
        return built

    return build


def _at_full_rate(groups: Groups) -> Groups:
    """Rates for an optimizer that multiplies them with its own estimate d.

    A rate below 0.1 was meant for another optimizer and becomes 1. The estimate is one for all
    groups, so that their rates must agree; 0 leaves a group alone.
    """
    full = [{**group, "lr": 1.0 if 0 < group["lr"] < 0.1 else group["lr"]} for group in groups]
    if len({group["lr"] for group in full} - {0.0}) > 1:
        raise ValueError("all learning rates must be equal, because it finds one for all of them")
    return full


OPTIMIZERS: dict[str, Builder] = {
    "adamw": _adamw,
    "adam": _adam,
    "adamw8bit": _eight_bit("AdamW8bit"),
    "adam8bit": _eight_bit("Adam8bit"),
    "ademamix8bit": _eight_bit("AdEMAMix8bit"),
    "lion8bit": _eight_bit("Lion8bit", eps=None),
    "adam8": _of_package("engine.optim.adam8", "Adam8"),
    "adamw8": _of_package("engine.optim.adam8", "Adam8"),
    "adafactor": _adafactor,
    "adagrad": _adagrad,
    "lion": _of_package("lion_pytorch", "Lion"),
    "prodigy": _of_package("prodigyopt", "Prodigy", estimates=True),
    "prodigy8bit": _of_package("engine.optim.prodigy8", "Prodigy8", estimates=True),
    "dadaptation": _of_package("dadaptation", "DAdaptAdam", estimates=True),
    "dadaptationlion": _of_package("dadaptation", "DAdaptLion", estimates=True),
    "automagic": _of_package("engine.optim.automagic", "Automagic", steers=True),
    "automagic2": _of_package("engine.optim.automagic", "Automagic2", steers=True),
    "automagic3": _of_package("engine.optim.automagic3", "Automagic3"),
    "automagicexperiment": _of_package("engine.optim.automagic3", "AutomagicExperiment"),
}

EXTRA = "optimizers"
"""The extra that brings the packages of single optimizers."""

PACKAGES: dict[str, tuple[str, str]] = {
    "adamw8bit": ("bitsandbytes", "8bit"),
    "adam8bit": ("bitsandbytes", "8bit"),
    "ademamix8bit": ("bitsandbytes", "8bit"),
    "lion8bit": ("bitsandbytes", "8bit"),
    "lion": ("lion_pytorch", EXTRA),
    "prodigy": ("prodigyopt", EXTRA),
    "dadaptation": ("dadaptation", EXTRA),
    "dadaptationlion": ("dadaptation", EXTRA),
}
"""Optimizers that need more than the engine's own packages: the module and the extra."""

UNCLIPPED = frozenset({"adafactor"})
"""Optimizers that bound their own updates, for which the global gradient norm is not clipped."""
