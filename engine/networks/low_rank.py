"""One layer with a low-rank change: peft's layer, and what LoCon and the dropouts add to it.

    y = W x + b + m * s * (alpha / r) * B D(A x)

m is the strength of the sample. s is 1, or, in a LoCon, a learned scalar that starts at 0 while B
starts like A; a file has s in B. D is dropout, then rank dropout: whole rank channels of a sample.
Module dropout takes the change of a whole layer away. These draw on the device from the generator
that the step seeds, so that a recomputed forward pass (gradient checkpointing) draws the same.
With CP a convolution's A is 1x1, followed by the kernel from r to r. Hu et al. 2021; LoCon and CP
as in LyCORIS (Yeh et al. 2023).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.families.lora_keys import DOWN, MID, UP
from engine.networks.full_size import BASE_WEIGHT
from schema.sections.network import Network

ADAPTER = "default"
SCALAR = ".scalar"


@dataclass(frozen=True)
class Extras:
    """What a network's layers have besides A and B."""

    dropout: float
    rank_dropout: float
    module_dropout: float
    scalar: bool  # LoCon's
    cp: bool

    @staticmethod
    def of(network: Network) -> Extras:
        """As the config says."""
        kwargs, locon = network.network_kwargs, network.type == "locon"
        return Extras(
            network.dropout or 0.0,
            kwargs.rank_dropout or 0.0,
            kwargs.module_dropout or 0.0,
            scalar=locon,
            cp=locon and kwargs.use_cp,
        )

    @property
    def draws(self) -> bool:
        """Whether a forward pass draws random numbers."""
        return bool(self.dropout or self.rank_dropout or self.module_dropout)


class Narrowed(nn.Module):
    """A with CP: 1x1 from in to r, then the kernel from r to r."""

    def __init__(self, wide: nn.Conv2d) -> None:
        super().__init__()
        rank, at = wide.out_channels, wide.weight.device
        where: dict[str, Any] = {
            "stride": wide.stride,
            "padding": wide.padding,
            "dilation": wide.dilation,
        }
        size: Any = wide.kernel_size
        self.down = nn.Conv2d(wide.in_channels, rank, 1, bias=False, device=at)
        self.mid = nn.Conv2d(rank, rank, size, bias=False, device=at, **where)

    @property
    def weight(self) -> Tensor:
        """peft asks the first matrix for its precision."""
        return self.down.weight

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """The rank activations (B, r, H', W')."""
        found: Tensor = self.mid(self.down(x_BCHW))
        return found


class LowRank:
    """The low-rank change of one layer."""

    def __init__(self, layer: Any, extras: Extras) -> None:
        """`layer` is peft's; A is drawn already and B zero."""
        self.layer = layer
        self.scale: float = layer.scaling[ADAPTER]
        self._rank: int = layer.r[ADAPTER]
        self._per_sample: Any = None
        base = layer.get_base_layer()
        if isinstance(base, nn.Conv2d):
            layer.lora_A[ADAPTER].dilation = base.dilation  # which peft leaves out
        if extras.cp and isinstance(base, nn.Conv2d) and base.kernel_size != (1, 1):
            layer.lora_A[ADAPTER] = Narrowed(layer.lora_A[ADAPTER])
        down: Any = layer.lora_A[ADAPTER].float()
        up = layer.lora_B[ADAPTER].float()
        self.own: dict[str, Any] = {DOWN: down.weight, UP: up.weight}
        if isinstance(down, Narrowed):
            self.own = {DOWN: down.down.weight, MID: down.mid.weight, UP: up.weight}
        if extras.scalar:
            nn.init.kaiming_uniform_(up.weight, a=math.sqrt(5))
            scalar = nn.Parameter(torch.zeros((), device=up.weight.device))
            layer.register_parameter("lora_scalar", scalar)
            self.own[SCALAR] = scalar
            # Asked of the layer each time: whoever counts a model swaps its tensors for stand-ins.
            up.register_forward_hook(lambda _, __, x: x * layer.lora_scalar.to(x.dtype))
        self._drop(down, up, extras)

    @property
    def alpha(self) -> float:
        """As files give it: the scale times the rank."""
        return self.scale * self._rank

    @staticmethod
    def _drop(down: nn.Module, up: nn.Module, extras: Extras) -> None:
        if extras.dropout:
            down.register_forward_hook(lambda m, _, x: F.dropout(x, extras.dropout, m.training))
        if extras.rank_dropout:
            down.register_forward_hook(
                lambda m, _, x: drop_ranks(x, extras.rank_dropout) if m.training else x
            )
        if extras.module_dropout:
            up.register_forward_hook(
                lambda m, _, x: drop_module(x, extras.module_dropout) if m.training else x
            )

    def switch(self, *, on: bool) -> None:
        """Take part or not."""
        self.layer._disable_adapters = not on

    def scale_by(self, strength: float | Tensor) -> None:
        """Work at a strength: one number, or one per sample (B,)."""
        if not isinstance(strength, Tensor) or not strength.ndim:
            self.layer.scaling[ADAPTER] = self.scale * float(strength)
            return

        def scaled(_: nn.Module, __: Any, delta: Tensor) -> Tensor:
            return delta * per_row(strength, delta)

        self._per_sample = self.layer.lora_B[ADAPTER].register_forward_hook(scaled)

    def unscale(self) -> None:
        """Work at full strength again."""
        self.layer.scaling[ADAPTER] = self.scale
        if self._per_sample is not None:
            self._per_sample.remove()
            self._per_sample = None

    def file_parts(self) -> dict[str, Tensor]:
        """What a file holds of it: a LoCon's scalar is in B there."""
        parts = {part: parameter.detach() for part, parameter in self.own.items()}
        scalar = parts.pop(SCALAR, None)
        return parts if scalar is None else parts | {UP: parts[UP] * scalar}

    @torch.no_grad()
    def start_from(self, parts: Mapping[str, Tensor], scale: float) -> str | None:
        """Take over a file's matrices, cut or filled up with zeros to the own rank; why not, if
        they do not fit. `scale` is the file's alpha / rank: B makes up for another one.
        """
        wanted = self.own.keys() - {SCALAR}
        if wanted != parts.keys():
            return "has another kind of change in the file"
        shaped = {part: _resized(parts[part], self.own[part], part) for part in wanted}
        if any(tensor is None for tensor in shaped.values()):
            return "has another shape in the file"
        for part, tensor in shaped.items():
            assert tensor is not None
            self.own[part].copy_(tensor * (scale / self.scale) if part == UP else tensor)
        if SCALAR in self.own:
            self.own[SCALAR].fill_(1.0)
        return None

    @torch.no_grad()
    def merge(self, strength: float) -> None:
        """Put the change into the layer and start again from nothing."""
        weight = self.layer.get_base_layer().weight
        delta = self.layer.get_delta_weight(ADAPTER).float() * strength
        weight.copy_(weight.float() + delta)
        self.own[UP].zero_()

    def merged(self) -> dict[str, Tensor]:
        """The weights that merging changes."""
        return {BASE_WEIGHT: self.layer.get_base_layer().weight.detach()}


def drop_ranks(activations: Tensor, rate: float) -> Tensor:
    """Whole rank channels of a sample are zero with this probability, the others divided by 1 - p.

    (B, r), (B, N, r) or (B, r, H, W): the mask is shared over positions.
    """
    shape = [activations.shape[0], *[1] * (activations.ndim - 1)]
    channel = 1 if activations.ndim == 4 else -1
    shape[channel] = activations.shape[channel]
    kept = torch.rand(shape, device=activations.device) >= rate
    return activations * (kept / (1.0 - rate)).to(activations.dtype)


def drop_module(delta: Tensor, rate: float) -> Tensor:
    """The whole change is zero with this probability; otherwise it stays as it is."""
    kept = torch.rand((), device=delta.device) >= rate
    return delta * kept.to(delta.dtype)


def per_row(strength_B: Tensor, delta: Tensor) -> Tensor:
    """The strengths beside a delta with k rows for each sample, in a row; their mean where the
    rows are not those of the batch (a prompt that all samples share).
    """
    strength_B = strength_B.to(delta.device, delta.dtype)
    folded, rest = divmod(delta.shape[0], strength_B.shape[0])
    if rest:
        return strength_B.mean()
    rows = strength_B if folded == 1 else strength_B.repeat_interleave(folded)
    return rows.view(-1, *[1] * (delta.ndim - 1))


def _resized(tensor: Tensor, like: Tensor, part: str) -> Tensor | None:
    """The tensor with as many ranks as `like`: cut, or filled up with zeros. None where another
    axis differs.
    """
    axes = {DOWN: (0,), UP: (1,), MID: (0, 1)}[part]
    if tensor.ndim != like.ndim:
        return None
    if any(a != b for i, (a, b) in enumerate(zip(tensor.shape, like.shape, strict=True))
           if i not in axes):  # fmt: skip
        return None
    found = torch.zeros_like(like)
    common = tuple(slice(0, min(a, b)) for a, b in zip(tensor.shape, like.shape, strict=True))
    found[common] = tensor[common].to(found)
    return found
