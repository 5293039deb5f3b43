"""A new run that starts from a LoRA file (`network.pretrained_lora_path`).

The file may have another rank, another alpha, other layers and other names: its matrices are cut or
filled up with zeros, the scale is made up for in B, so that the network starts as what the file
does. Nothing else is taken from it: no step, no optimizer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from torch import Tensor

from engine.errors import ConfigError
from engine.families.base import Family
from engine.families.lora_keys import DOWN, part_of
from engine.networks.beneath import locate_lora, read_lora

if TYPE_CHECKING:
    from engine.networks import Teller
    from engine.networks.lora import LoraNetwork

OPTION = "network.pretrained_lora_path"
SHOWN = 3


def start_from(
    family: Family, network: LoraNetwork, name: str, report: Teller | None = None
) -> None:
    """Fill the network from a file; what only one of the two has is told.

    Raises ConfigError when the file is not there or has nothing for the network's layers.
    """
    path = locate_lora(OPTION, name)
    tensors, metadata = read_lora(OPTION, path)
    components = {layer.partition(".")[0] for layer in network.layers}
    own = {key: t for key, t in tensors.items() if family.lora_component(key) in components}
    state, alphas, unknown = _read(family, own, metadata)
    filled, odd = _fill(network, state, alphas)
    if not filled:
        raise ConfigError(
            OPTION,
            f"{path} has nothing for the layers that are trained, such as "
            f"{next(iter(network.layers))}; it has {next(iter(tensors), 'no tensor')}.",
        )
    if report is None:
        return
    for sentence in (
        _told("layers of the file are not trained here and were left out", unknown),
        _told("layers are not in the file and start afresh", set(network.layers) - filled),
        _told("layers do not fit and start afresh", odd),
    ):
        if sentence:
            report.warning(f"{path.name}: {sentence}")
    report.say(f"starting from {path}: {len(filled)} layers")


def _read(
    family: Family, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]
) -> tuple[dict[str, Tensor], dict[str, float], set[str]]:
    """State, alphas, and the file's layers that the model has not."""
    unknown: set[str] = set()
    left = dict(tensors)
    while left:
        try:
            return *family.read_lora_file(left, metadata), unknown
        except KeyError as fault:
            odd = str(fault.args[0])
            gone = [key for key in left if key == odd or key.startswith(f"{odd}.")]
            assert gone, f"{odd} is no layer of the file"
            unknown.add(odd)
            for key in gone:
                del left[key]
    return {}, {}, unknown


def _fill(
    network: LoraNetwork, state: Mapping[str, Tensor], alphas: Mapping[str, float]
) -> tuple[set[str], set[str]]:
    """The layers that took their part of the file, and those that it does not fit."""
    by_layer: dict[str, dict[str, Tensor]] = {}
    for key, tensor in state.items():
        part = part_of(key)
        by_layer.setdefault(key.removesuffix(part), {})[part] = tensor
    filled: set[str] = set()
    odd: set[str] = set()
    for name, parts in by_layer.items():
        if name in network.layers:
            scale = alphas[name] / parts[DOWN].shape[0] if DOWN in parts else 1.0
            refused = network.layers[name].start_from(parts, scale)
            (filled if refused is None else odd).add(name)
    return filled, odd


def _told(what: str, names: set[str]) -> str:
    shown = ", ".join(sorted(names)[:SHOWN])
    return f"{len(names)} {what} ({shown}{', ...' if len(names) > SHOWN else ''})." if names else ""
