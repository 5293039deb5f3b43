"""Which layers of a model get a network, and of which rank.

The family says where a network may sit; here the options by name, size and block choose among these
layers. They never add one. In this order: ignore_if_contains, parameter_threshold,
only_if_contains, attn_only; then a layer that full_if_contains names, or that has no low rank while
all_layers is on, gets a change of full size, the others the rank that modules_dim, the ranks by
block or the general ones give them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from torch import nn

from engine.errors import ConfigError
from engine.families.base import Family, LoraTargets
from schema.sections.network import Network

KWARGS = "network.network_kwargs"
OUTER = frozenset({"attention", "self_attn", "cross_attn"})
INNER = frozenset({"q", "k", "v", "qkv", "to_q", "to_k", "to_v", "to_out", "to_add_out"})
NAMED = frozenset({"q_proj", "k_proj", "v_proj", "o_proj"})
ADDED = frozenset({"add_q_proj", "add_k_proj", "add_v_proj"})
ATTENTION = OUTER | INNER | NAMED | ADDED  # parts of names, as the families' models have them
SHOWN = 5  # names of layers in a message


@dataclass
class Chosen:
    """What each layer of a component gets, by its full name in the order of the model."""

    ranks: dict[str, int] = field(default_factory=dict)
    scales: dict[str, float] = field(default_factory=dict)  # of the same layers: alpha / rank
    full: list[str] = field(default_factory=list)  # layers with a change of full size
    skipped: dict[str, str] = field(default_factory=dict)  # the option that left a layer out


def choose(
    family: Family, network: Network, parts: Mapping[str, nn.Module], keeps_alpha: bool
) -> dict[str, Chosen]:
    """The layers of each component in `parts`.

    Without `keeps_alpha` every scale is 1. Raises ConfigError when nothing is left, or when an
    explicit rank names no layer.
    """
    targets = {name: t for name, t in family.lora_targets(network).items() if name in parts}
    if not any(t.linear or t.conv or t.others for t in targets.values()):
        raise _nothing_there(network, parts)
    explicit = network.network_kwargs.modules_dim
    if explicit is not None:
        _check_names(explicit, family, targets)
    chosen = {}
    for name, target in targets.items():
        ranks = _Ranks(family, network, name, target, keeps_alpha)
        chosen[name] = _choose(family, network, name, parts[name], target, ranks)
    if not any(c.ranks or c.full for c in chosen.values()):
        raise _nothing_left(family, chosen)
    return chosen


def _choose(
    family: Family,
    network: Network,
    component: str,
    module: nn.Module,
    target: LoraTargets,
    ranks: _Ranks,
) -> Chosen:
    chosen = Chosen()
    low = {*target.linear, *target.conv}
    replaced = set(family.in_out) if network.network_kwargs.full_train_in_out else set()
    candidates = low | set(target.others)
    for path, layer in module.named_modules():
        if path not in candidates or path in replaced:
            continue
        names = _names(family.layer_name(component, path))
        whole = _contains(names, network.network_kwargs.full_if_contains)
        if not (whole or network.all_layers or path in low):
            continue  # a norm that nobody asked for is not worth a word
        reason = _filtered(network, names, layer)
        if reason is None and (whole or path not in low):
            chosen.full.append(path)
        elif reason is None:
            reason = ranks.of(path, names)
            if reason is None:
                chosen.ranks[path], chosen.scales[path] = ranks.rank, ranks.scale
        if reason is not None:
            chosen.skipped[path] = reason
    return chosen


def _names(dotted: str) -> tuple[str, ...]:
    """What filters may call a layer: with dots, and as the reference trainer does inside."""
    return dotted, dotted.replace(".", "_"), dotted.replace(".", "$$")


def _contains(names: tuple[str, ...], texts: list[str] | tuple[str, ...]) -> bool:
    return any(text in name for text in texts for name in names)


def _filtered(network: Network, names: tuple[str, ...], layer: nn.Module) -> str | None:
    """The filter that leaves a layer out, if one does."""
    kwargs = network.network_kwargs
    if _contains(names[:1], kwargs.ignore_if_contains):
        return "ignore_if_contains"
    size = sum(parameter.numel() for parameter in layer.parameters(recurse=False))
    if size < kwargs.parameter_threshold:
        return "parameter_threshold"
    only = kwargs.only_if_contains
    if only is not None and not _contains(names, only):
        return "only_if_contains"
    if kwargs.attn_only and not _is_attention(names[0]):
        return "attn_only"
    return None


def _is_attention(dotted: str) -> bool:
    return any(part.startswith("attn") or part in ATTENTION for part in dotted.split("."))


class _Ranks:
    """Ranks and scales of the layers of one component."""

    def __init__(
        self,
        family: Family,
        network: Network,
        component: str,
        target: LoraTargets,
        keeps_alpha: bool,
    ) -> None:
        self._kwargs = network.network_kwargs
        self._conv = set(target.conv)
        self._scaled = keeps_alpha and not self._kwargs.peft_format
        self._blocks: dict[str, int] = {}
        if self._kwargs.block_dims is not None or self._kwargs.conv_block_dims is not None:
            self._blocks = family.block_numbers(component, (*target.linear, *target.conv))
        self._linear = network.linear, network.linear_scale, network.alphas[0]
        self._wide = network.conv_rank or 0, network.conv_scale, network.alphas[1]
        self.rank, self.scale = 0, 1.0

    def of(self, path: str, names: tuple[str, ...]) -> str | None:
        """Set rank and scale of a layer, or name the option that leaves it out."""
        if self._kwargs.modules_dim is not None:
            return self._explicit(names)
        block = self._blocks.get(path)
        if path in self._conv:
            ranks, alphas = self._kwargs.conv_block_dims, self._kwargs.conv_block_alphas
            rank, scale, alpha = self._wide
        else:
            ranks, alphas = self._kwargs.block_dims, self._kwargs.block_alphas
            rank, scale, alpha = self._linear
        if ranks is None or block is None:
            return self._take(rank, scale, "conv")  # linear ranks are never 0
        rank = ranks[block]
        scale = _scale(alpha if alphas is None else alphas[block], rank)
        return self._take(rank, scale, "conv_block_dims" if path in self._conv else "block_dims")

    def _explicit(self, names: tuple[str, ...]) -> str | None:
        assert self._kwargs.modules_dim is not None
        alphas = self._kwargs.modules_alpha or {}
        for name in names:
            if name in self._kwargs.modules_dim:
                rank = self._kwargs.modules_dim[name]
                alpha = next((alphas[other] for other in names if other in alphas), 0.0)
                return self._take(rank, _scale(alpha, rank), "modules_dim")
        return "modules_dim"

    def _take(self, rank: int, scale: float, reason: str) -> str | None:
        self.rank, self.scale = rank, scale if self._scaled else 1.0
        return None if rank else reason


def _scale(alpha: float, rank: int) -> float:
    """alpha / rank; an alpha of 0 is the rank."""
    return alpha / rank if alpha and rank else 1.0


def _check_names(
    explicit: Mapping[str, int], family: Family, targets: Mapping[str, LoraTargets]
) -> None:
    """Every explicit rank has a layer. Raises ConfigError naming the nearest ones."""
    dotted = [
        family.layer_name(component, path)
        for component, target in targets.items()
        for path in (*target.linear, *target.conv)
    ]
    known = {name for layer in dotted for name in _names(layer)}
    for name in explicit:
        if name not in known:
            near = get_close_matches(name, known, SHOWN, 0) or dotted[:SHOWN]
            raise ConfigError(
                f"{KWARGS}.modules_dim",
                f"the model has no layer {name}; there are {', '.join(near)}, ...",
            )


def _nothing_there(network: Network, parts: Mapping[str, nn.Module]) -> ConfigError:
    """The family's places are empty: wrong container classes, or a model of another kind."""
    module = next(iter(parts.values()))
    kwargs = network.network_kwargs
    if "target_lin_modules" in kwargs.model_fields_set:
        classes = Counter(type(part).__name__ for part in module.modules() if any(part.children()))
        return ConfigError(
            f"{KWARGS}.target_lin_modules",
            f"the model has no module of a class {' or '.join(kwargs.target_lin_modules)}; it has "
            f"{', '.join(sorted(classes))}.",
        )
    names = [name for name, _ in module.named_modules() if name][:SHOWN]
    return ConfigError(
        "network", f"no layer of the model is targeted; it has {', '.join(names)}, ..."
    )


def _nothing_left(family: Family, chosen: Mapping[str, Chosen]) -> ConfigError:
    """Every layer was left out: say by what, and what layers are called."""
    reasons = Counter(reason for c in chosen.values() for reason in c.skipped.values())
    shares = [f"{count} by {reason}" for reason, count in reasons.most_common()]
    names = [family.layer_name(part, path) for part, c in chosen.items() for path in c.skipped]
    spread = names[:: max(1, len(names) // SHOWN)][:SHOWN]  # of all parts of the model
    first = reasons.most_common(1)[0][0] if reasons else "network"
    path = "network.conv" if first == "conv" else f"{KWARGS}.{first}"
    return ConfigError(
        path,
        f"no layer is left to train (left out: {', '.join(shares)}). Layers are called "
        f"{', '.join(spread)}, ...",
    )


def unused_texts(family: Family, network: Network, chosen: Mapping[str, Chosen]) -> Iterator[str]:
    """Sentences about texts of a filter that are in no layer's name: often a misspelling."""
    layers = [
        _names(family.layer_name(component, path))
        for component, c in chosen.items()
        for path in (*c.ranks, *c.full, *c.skipped)
    ]
    for option in ("ignore_if_contains", "only_if_contains", "full_if_contains"):
        for text in getattr(network.network_kwargs, option) or ():
            if not any(_contains(names, (text,)) for names in layers):
                yield f"{KWARGS}.{option}: '{text}' is in no layer's name."
