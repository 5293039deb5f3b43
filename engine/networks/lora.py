"""LoRA through peft: two thin float32 matrices beside each targeted layer of a frozen model.

y = W x + m · (alpha / r) · B A x, with m the multiplier of the sample. Modules are named in full,
because suffixes collide between blocks (a `to_out` is a list in one and a layer in the next). peft
scales a layer by one number; a multiplier per sample and dropout on the rank activations are hooks
that exist only while they are wanted. Hu et al. 2021.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.errors import ConfigError
from engine.families.base import Family, LoraTargets
from engine.networks import TEXT_ENCODER, UNET, load_exactly
from engine.networks.files import write_lora
from engine.randomness import global_rng_kept, key
from schema.sections.network import Network
from schema.sections.train import Train

ADAPTER = "default"


def attach(family: Family, network: Network, train: Train, seed: int) -> LoraNetwork:
    """Inject the layers into the loaded denoisers and text encoders that are trained.

    A starts uniform within 1/sqrt(fan in), drawn from `seed`; B starts at zero, so step 0 is the
    base model. Raises ConfigError when no layer of the model is targeted.
    """
    parts = _trained_parts(family, train)
    targets = {name: t for name, t in family.lora_targets(network).items() if name in parts}
    if not any(t.linear or t.conv for t in targets.values()):
        names = [name for name, _ in next(iter(parts.values()))[1].named_modules() if name][:5]
        raise ConfigError(
            "network", f"no layer of the model is targeted; it has {', '.join(names)}, ..."
        )
    layers: dict[str, tuple[str, nn.Module]] = {}
    scales = (network.linear_scale, network.conv_scale)
    if not _keeps_alpha(family):  # files without a place for alpha: trained without it, too
        scales = (1.0, 1.0)
    with global_rng_kept():
        torch.manual_seed(key(seed, 0, 0, "network") & (2**63 - 1))
        for name, target in targets.items():
            group, module = parts[name]
            for path, layer in _inject(module, network, target, scales).items():
                layers[f"{name}.{path}"] = (group, layer)
    return LoraNetwork(family, network, layers)


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
    """Whether kohya's names, which go with an alpha, are the family's usual ones."""
    return bool(family.row.can(("kohya_keys",)))


def _inject(
    module: nn.Module, network: Network, target: LoraTargets, scales: tuple[float, float]
) -> dict[str, nn.Module]:
    """Put peft layers at exactly the named places; the layers by their place. ``scales`` are
    alpha / rank of linear layers and of convolutions.
    """
    from peft import LoraConfig, inject_adapter_in_model
    from peft.tuners.lora import LoraLayer

    module.requires_grad_(False)
    wanted = [*target.linear, *target.conv]
    patterns: dict[str, Any] = {}
    if target.conv:
        # One pattern for all convolutions: peft tries every pattern on every layer.
        convolutions = "|".join(re.escape(name) for name in target.conv)
        rank = network.conv or 1
        patterns = {
            "rank_pattern": {convolutions: rank},
            "alpha_pattern": {convolutions: scales[1] * rank},
        }
    alpha: Any = scales[0] * network.linear
    config = LoraConfig(r=network.linear, lora_alpha=alpha, target_modules=wanted, **patterns)
    inject_adapter_in_model(config, module, ADAPTER)
    found = {name: part for name, part in module.named_modules() if isinstance(part, LoraLayer)}
    assert found.keys() == set(wanted), sorted(found.keys() ^ set(wanted))[:3]
    return found


class LoraNetwork:
    """The injected layers of all components, by `<component>.<module>`."""

    def __init__(
        self,
        family: Family,
        network: Network,
        layers: Mapping[str, tuple[str, nn.Module]],
    ) -> None:
        self._family = family
        dotted = network.network_kwargs.peft_format
        dotted = not _keeps_alpha(family) if dotted is None else dotted
        self._format = "diffusers" if dotted else "kohya"
        self.layers: dict[str, Any] = {name: layer for name, (_, layer) in layers.items()}
        self._scales = {name: layer.scaling[ADAPTER] for name, layer in self.layers.items()}
        self.groups: dict[str, dict[str, nn.Parameter]] = {}
        for name, (group, layer) in layers.items():
            self.groups.setdefault(group, {}).update(_matrices(name, layer))
        self.uses_dropout = bool(network.dropout)
        if network.dropout:
            self._drop_ranks(network.dropout)

    def _drop_ranks(self, rate: float) -> None:
        def drop(module: nn.Module, _: Any, output: Tensor) -> Tensor:
            return F.dropout(output, rate, module.training)

        for layer in self.layers.values():
            layer.lora_A[ADAPTER].register_forward_hook(drop)

    def _all(self) -> dict[str, nn.Parameter]:
        return {name: p for group in self.groups.values() for name, p in group.items()}

    @property
    def alphas(self) -> dict[str, float]:
        """alpha by `<component>.<module>`: the layer's scale times its rank."""
        ranks = {name: layer.r[ADAPTER] for name, layer in self.layers.items()}
        return {name: scale * ranks[name] for name, scale in self._scales.items()}

    def state_dict(self) -> dict[str, Tensor]:
        """The live matrices by `<component>.<module>.lora_A.weight` and `lora_B`."""
        return {name: parameter.detach() for name, parameter in self._all().items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Copy matrices in; raises ValueError when they belong to other layers or ranks."""
        load_exactly(self._all(), state)

    def save(self, path: Path, dtype: torch.dtype, metadata: Mapping[str, str]) -> list[Path]:
        """One safetensors file in the configured key layout, with alphas."""
        tensors, own = self._family.lora_file(self.state_dict(), self.alphas, self._format)
        write_lora(path, tensors, dtype, {**metadata, **own})
        return [path]

    @contextlib.contextmanager
    def scaled(self, multiplier: float | Tensor) -> Iterator[None]:
        """Multiply every layer's delta: by one number, or by one per sample (B,)."""
        if isinstance(multiplier, Tensor) and multiplier.ndim:
            with self._scaled_per_sample(multiplier):
                yield
            return
        factor = float(multiplier)
        for name, layer in self.layers.items():
            layer.scaling[ADAPTER] = self._scales[name] * factor
        try:
            yield
        finally:
            for name, layer in self.layers.items():
                layer.scaling[ADAPTER] = self._scales[name]

    @contextlib.contextmanager
    def _scaled_per_sample(self, multiplier_B: Tensor) -> Iterator[None]:
        def scale(_: nn.Module, __: Any, delta: Tensor) -> Tensor:
            # Layers that fold another axis into the batch see each sample several times in a row.
            folded = delta.shape[0] // multiplier_B.shape[0]
            m = multiplier_B if folded == 1 else multiplier_B.repeat_interleave(folded)
            return delta * m.to(delta.dtype).view(-1, *[1] * (delta.ndim - 1))

        hooks = [
            layer.lora_B[ADAPTER].register_forward_hook(scale) for layer in self.layers.values()
        ]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    @contextlib.contextmanager
    def off(self) -> Iterator[None]:
        """The base model alone: the original layers run unchanged."""
        for layer in self.layers.values():
            layer._disable_adapters = True
        try:
            yield
        finally:
            for layer in self.layers.values():
                layer._disable_adapters = False


def _matrices(name: str, layer: Any) -> dict[str, nn.Parameter]:
    """A and B of one layer, in float32 beside a base of any precision."""
    layer.lora_A[ADAPTER].float()
    layer.lora_B[ADAPTER].float()
    return {
        f"{name}.lora_A.weight": layer.lora_A[ADAPTER].weight,
        f"{name}.lora_B.weight": layer.lora_B[ADAPTER].weight,
    }
