"""Which layers of a model a network may sit on, before the config's filters choose among them.

Layers come in three kinds: linear (1x1 convolutions count as such), wider convolutions, and others
that own a weight (norms, embeddings), which only a full-size change fits. Names are full names in
the order of the model, each once, even where containers are nested in each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from torch import nn

from engine.families import ldm
from engine.families.base import LoraTargets

if TYPE_CHECKING:
    from schema.sections.network import Network

DOWN_BLOCKS = 12  # of the 25 blocks of a U-Net
TEXT_BLOCKS = "encoder.layers."


def unet_targets(unet: nn.Module, network: Network) -> LoraTargets:
    """Layers of a U-Net inside containers of the named classes: the attention blocks; with a rank
    for convolutions the residual and resampling blocks too.
    """
    kwargs = network.network_kwargs
    explicit = kwargs.conv_block_dims is not None or kwargs.modules_dim is not None
    wide = kwargs.target_conv_modules if network.conv_rank or explicit else ()
    return in_classes(unet, (*kwargs.target_lin_modules, *wide))


def in_classes(module: nn.Module, classes: Sequence[str]) -> LoraTargets:
    """Layers inside modules whose class has one of these names."""
    inside = {name for name, part in module.named_modules() if type(part).__name__ in classes}
    below = tuple(f"{name}." if name else "" for name in inside)
    return layers_where(module, lambda name: name in inside or name.startswith(below))


def in_text_blocks(encoder: nn.Module) -> LoraTargets:
    """The linear layers of a text encoder's blocks, which are those of attention and MLP."""
    inside = layers_where(encoder, lambda name: TEXT_BLOCKS in name)
    return LoraTargets(inside.linear)


def layers_where(module: nn.Module, wanted: Callable[[str], bool]) -> LoraTargets:
    """Layers by their name."""
    linear, conv, others = [], [], []
    for name, layer in module.named_modules():
        if not wanted(name):
            continue
        if isinstance(layer, nn.Conv2d) and layer.kernel_size != (1, 1):
            conv.append(name)
        elif isinstance(layer, nn.Linear | nn.Conv2d):
            linear.append(name)
        elif isinstance(layer._parameters.get("weight"), nn.Parameter) and not any(
            layer.children()
        ):
            others.append(name)
    return LoraTargets(tuple(linear), tuple(conv), tuple(others))


def unet_blocks(config: Mapping[str, Any], names: Sequence[str]) -> dict[str, int]:
    """Which of the 25 blocks each layer of a U-Net is in: 0..11 on the way down, 12 the middle,
    13..24 on the way up, as the original release counts them; those outside are left out.
    """
    table = ldm.unet_table(config)
    first = {"input_blocks": 0, "output_blocks": DOWN_BLOCKS + 1}
    found: dict[str, int] = {}
    for name in names:
        kind, _, rest = (ldm.rename(f"{name}.", table) or "").partition(".")
        if kind == "middle_block":
            found[name] = DOWN_BLOCKS
        elif kind in first:
            found[name] = first[kind] + int(rest.partition(".")[0])
    return found
