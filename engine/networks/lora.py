"""A network beside a frozen model: low-rank changes through peft, full-size ones of our own.

Modules are named in full, because suffixes collide between blocks (a `to_out` is a list in one and
a layer in the next). Which layers take part is `choosing`, what a layer does `low_rank` and
`full_size`; here they become one network: groups of parameters, a strength, a file.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from engine.errors import ConfigError
from engine.families.base import Family
from engine.networks import TEXT_ENCODER, UNET, Teller, load_exactly
from engine.networks.choosing import KWARGS, Chosen, choose, unused_texts
from engine.networks.files import write_lora
from engine.networks.full_size import FullChange, Retrained
from engine.networks.low_rank import ADAPTER, Extras, LowRank
from engine.randomness import global_rng_kept, key
from schema.sections.network import Network
from schema.sections.train import Train


class Change(Protocol):
    """What the network does to one layer."""

    own: dict[str, nn.Parameter]
    """Its parameters by their part, such as `.lora_A.weight`."""

    @property
    def alpha(self) -> float | None:
        """Scale times rank; None for a change of full size."""
        ...

    def switch(self, *, on: bool) -> None:
        """Take part or not."""

    def scale_by(self, strength: float | Tensor) -> None:
        """Work at a strength: one number, or one per sample (B,)."""

    def unscale(self) -> None:
        """Work at full strength again."""

    def file_parts(self) -> dict[str, Tensor]:
        """What a file holds of it, by part."""
        ...

    def start_from(self, parts: Mapping[str, Tensor], scale: float) -> str | None:
        """Take over what a file holds; why not, if it does not fit."""
        ...

    def merge(self, strength: float) -> None:
        """Put the change into the frozen weights and start again from nothing."""

    def merged(self) -> dict[str, Tensor]:
        """The frozen weights that merging changes, by part."""
        ...


def attach(
    family: Family, network: Network, train: Train, seed: int, report: Teller | None = None
) -> LoraNetwork:
    """Put changes beside the layers of the loaded denoisers and text encoders that are trained.

    A starts uniform within 1/sqrt(fan in), drawn from `seed`; B starts at zero, so step 0 is the
    base model. Raises ConfigError when no layer of the model is targeted.
    """
    parts = _trained_parts(family, train)
    modules = {name: module for name, (_, module) in parts.items()}
    chosen = choose(family, network, modules, _keeps_alpha(family))
    if report is not None:
        _tell(family, network, chosen, report)
    extras = Extras.of(network)
    layers: dict[str, tuple[str, Change]] = {}
    with global_rng_kept():
        torch.manual_seed(key(seed, 0, 0, "network") & (2**63 - 1))
        for name, layers_of in chosen.items():
            group, module = parts[name]
            module.requires_grad_(False)
            for path, change in _changes(module, layers_of, extras):
                layers[f"{name}.{path}"] = group, change
            module.train(module.training)  # what is new, too
    if network.network_kwargs.full_train_in_out:
        layers |= _retrained(family, train)
    return LoraNetwork(family, network, layers, draws=extras.draws)


def _trained_parts(family: Family, train: Train) -> dict[str, tuple[str, nn.Module]]:
    """The components that get a network: name -> (group, module)."""
    parts: dict[str, tuple[str, nn.Module]] = {}
    if train.train_unet:
        parts |= {denoiser.name: (UNET, denoiser.module) for denoiser in family.denoisers}
    if train.train_text_encoder:
        encoders = family.trainable_text_encoders
        parts |= {name: (TEXT_ENCODER, module) for name, module in encoders.items()}
    return parts


def _keeps_alpha(family: Family) -> bool:
    """Whether kohya's names, which go with an alpha, are the family's usual ones. Elsewhere files
    have no place for alpha, and the network is trained without it, too.
    """
    return bool(family.row.can(("kohya_keys",)))


def _tell(family: Family, network: Network, chosen: Mapping[str, Chosen], report: Teller) -> None:
    for sentence in unused_texts(family, network, chosen):
        report.warning(sentence)
    if not network.network_kwargs.verbose:
        return
    for component, layers in chosen.items():
        for path, reason in layers.skipped.items():
            report.say(f"no network on {family.layer_name(component, path)}: {reason}")


def _changes(module: nn.Module, chosen: Chosen, extras: Extras) -> Iterator[tuple[str, Change]]:
    """The changes of one component, by the place of their layer."""
    if chosen.ranks:
        for path, layer in _inject(module, chosen).items():
            yield path, LowRank(layer, extras)
    for path in chosen.full:
        yield path, _wrapped(module, path, FullChange)


def _wrapped(module: nn.Module, path: str, kind: Any) -> Any:
    """Replace a layer by a wrapper around it."""
    parent, _, leaf = path.rpartition(".")
    around = kind(module.get_submodule(path))
    module.get_submodule(parent)._modules[leaf] = around
    return around


def _retrained(family: Family, train: Train) -> dict[str, tuple[str, Change]]:
    """The first and the last layer of every denoiser, each with a weight of its own."""
    if not (train.train_unet and family.in_out):
        why = "needs train.train_unet." if family.in_out else "is not for this kind of model."
        raise ConfigError(f"{KWARGS}.full_train_in_out", why)
    return {
        f"{denoiser.name}.{path}": (UNET, _wrapped(denoiser.module, path, Retrained))
        for denoiser in family.denoisers
        for path in family.in_out
    }


def _inject(module: nn.Module, chosen: Chosen) -> dict[str, nn.Module]:
    """Put peft layers at exactly the named places; the layers by their place."""
    from peft import LoraConfig, inject_adapter_in_model
    from peft.tuners.lora import LoraLayer

    alphas = {name: chosen.scales[name] * rank for name, rank in chosen.ranks.items()}
    rank, alpha = next(iter(chosen.ranks.values())), next(iter(alphas.values()))
    config = LoraConfig(
        r=rank,
        lora_alpha=alpha,  # type: ignore[arg-type]
        # One expression, matched in full: peft takes names in a list for suffixes.
        target_modules=_any_of(chosen.ranks),
        rank_pattern=_others(chosen.ranks, rank),
        alpha_pattern=_others(alphas, alpha),
    )
    inject_adapter_in_model(config, module, ADAPTER)
    found = {name: part for name, part in module.named_modules() if isinstance(part, LoraLayer)}
    assert found.keys() == chosen.ranks.keys(), sorted(found.keys() ^ chosen.ranks.keys())[:3]
    return found


def _any_of(names: Mapping[str, Any] | list[str]) -> str:
    return f"(?:{'|'.join(map(re.escape, names))})"


def _others(values: Mapping[str, Any], usual: Any) -> dict[str, Any]:
    """peft's patterns for the layers with another value: one for each value, since peft tries every
    pattern on every layer. It looks for a pattern at the end of a name; ^ makes that the whole.
    """
    rest = sorted((value, name) for name, value in values.items() if value != usual)
    rows = groupby(rest, key=lambda row: row[0])
    return {"^" + _any_of([name for _, name in layers]): value for value, layers in rows}


class LoraNetwork:
    """The changed layers of all components, by `<component>.<module>`."""

    def __init__(
        self,
        family: Family,
        network: Network,
        layers: Mapping[str, tuple[str, Change]],
        *,
        draws: bool,
    ) -> None:
        self._family = family
        dotted = network.network_kwargs.peft_format
        dotted = not _keeps_alpha(family) if dotted is None else dotted
        self._format = "diffusers" if dotted else "kohya"
        self.layers: dict[str, Change] = {name: layer for name, (_, layer) in layers.items()}
        self.groups: dict[str, dict[str, nn.Parameter]] = {}
        for name, (group, layer) in layers.items():
            own = {name + part: parameter for part, parameter in layer.own.items()}
            self.groups.setdefault(group, {}).update(own)
        self.uses_dropout = draws

    def _all(self) -> dict[str, nn.Parameter]:
        return {name: p for group in self.groups.values() for name, p in group.items()}

    @property
    def alphas(self) -> dict[str, float]:
        """alpha of the low-rank changes by `<component>.<module>`: scale times rank."""
        alphas = ((name, layer.alpha) for name, layer in self.layers.items())
        return {name: alpha for name, alpha in alphas if alpha is not None}

    def state_dict(self) -> dict[str, Tensor]:
        """The live parameters by `<component>.<module>` and their part, such as `.scalar`."""
        return {name: parameter.detach() for name, parameter in self._all().items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Copy parameters in; raises ValueError when they belong to other layers or ranks."""
        load_exactly(self._all(), state)

    def save(self, path: Path, dtype: torch.dtype, metadata: Mapping[str, str]) -> list[Path]:
        """One safetensors file in the configured key layout, with alphas."""
        state = {
            name + part: tensor
            for name, layer in self.layers.items()
            for part, tensor in layer.file_parts().items()
        }
        tensors, own = self._family.lora_file(state, self.alphas, self._format)
        write_lora(path, tensors, dtype, {**metadata, **own})
        return [path]

    @contextlib.contextmanager
    def scaled(self, multiplier: float | Tensor) -> Iterator[None]:
        """Multiply every layer's change: by one number, or by one per sample (B,)."""
        for layer in self.layers.values():
            layer.scale_by(multiplier)
        try:
            yield
        finally:
            for layer in self.layers.values():
                layer.unscale()

    @contextlib.contextmanager
    def off(self) -> Iterator[None]:
        """The base model alone: the original layers run unchanged."""
        for layer in self.layers.values():
            layer.switch(on=False)
        try:
            yield
        finally:
            for layer in self.layers.values():
                layer.switch(on=True)
