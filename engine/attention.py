"""Which attention kernels the denoiser and the VAE use: `attention_backend`, `xformers`, `sdp`.

The kernels are those of diffusers' attention dispatcher. Its transformers ask the dispatcher
themselves; the attention of U-Nets and of the VAE does not yet, so it gets a processor here that
does. Kernels are set on each part, never as diffusers' global default, so that nothing outside this
run's model changes. Text encoders are transformers' and choose for themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from engine.errors import ConfigError
from engine.families.base import Family
from schema.sections.train import Train

ANYWHERE = ("native", "_native_math", "_native_flash")
"""What runs, and trains, without a CUDA GPU."""
NATIVE = "native"


def chosen(train: Train) -> str:
    """The backend that the config asks for, under the older switch too."""
    backend, older = train.attention_backend, train.xformers
    return "xformers" if older and backend == NATIVE else backend


def allow_all_kernels(train: Train) -> None:
    """`train.sdp`: switch on all of PyTorch's own kernels, should one be off."""
    if train.sdp:
        torch.backends.cuda.enable_math_sdp(True)
        torch.backends.cuda.enable_flash_sdp(True)
        torch.backends.cuda.enable_mem_efficient_sdp(True)


def require(train: Train, device: torch.device) -> None:
    """Raises ConfigError, naming what is missing, when the kernels cannot run here."""
    backend = chosen(train)
    if backend == NATIVE:
        return
    option = "train.xformers" if train.xformers else "train.attention_backend"
    dispatcher = _dispatcher()
    known = [name.value for name in dispatcher.AttentionBackendName]
    if backend not in known:
        raise ConfigError(
            option, f"{backend} is unknown to this diffusers, which has {', '.join(known)}."
        )
    try:
        dispatcher._check_attention_backend_requirements(dispatcher.AttentionBackendName(backend))
    except RuntimeError as fault:
        raise ConfigError(option, f"{fault}", repair="Or use native.") from fault
    if device.type != "cuda" and backend not in ANYWHERE:
        raise ConfigError(
            option,
            f"{backend} needs a CUDA GPU, and this run is on {device}.",
            repair="Use native.",
        )


def use_kernels(family: Family, train: Train) -> None:
    """Have every denoiser and VAE that the family loads from now on use the chosen kernels."""
    backend = chosen(train)
    if backend == NATIVE:
        return
    dispatcher = _dispatcher()
    name = dispatcher.AttentionBackendName(backend)
    dispatcher._maybe_download_kernel_for_backend(name)

    def wrapped(load: Callable[..., None]) -> Callable[..., None]:
        def loaded(*arguments: Any, **named: Any) -> None:
            load(*arguments, **named)
            vae = [] if family.vae is None else [family.vae]
            for module in [*(denoiser.module for denoiser in family.denoisers), *vae]:
                set_kernel(module, name)

        return loaded

    for method in ("load_denoisers", "load_vae"):
        setattr(family, method, wrapped(getattr(family, method)))


def set_kernel(module: nn.Module, name: Any) -> None:
    """Every attention layer of a model computes with this kernel."""
    from diffusers.models.attention_processor import AttnProcessor2_0

    for part in module.modules():
        processor: Any = getattr(part, "processor", None)
        if hasattr(processor, "_attention_backend"):
            processor._attention_backend = name
        elif isinstance(processor, AttnProcessor2_0):
            setattr(part, "processor", Dispatched(name))  # noqa: B010


class Dispatched:
    """softmax(Q K^T / sqrt(d)) V of diffusers' `Attention` layers, by a kernel of its dispatcher.

    The same arithmetic as diffusers' AttnProcessor2_0 around another kernel.
    """

    def __init__(self, name: Any) -> None:
        self._attention_backend = name
        self._attend = _dispatcher().dispatch_attention_fn

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
    ) -> Tensor:
        """Attention of (B, N, C) states or of a (B, C, H, W) map, to the same shape."""
        residual, shape = hidden_states, hidden_states.shape
        if attn.spatial_norm is not None:
            hidden_states = attn.spatial_norm(hidden_states, temb)
        if len(shape) == 4:
            hidden_states = hidden_states.flatten(2).transpose(1, 2)
        if attn.group_norm is not None:
            hidden_states = attn.group_norm(hidden_states.transpose(1, 2)).transpose(1, 2)
        told = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        if encoder_hidden_states is not None and attn.norm_cross:
            told = attn.norm_encoder_hidden_states(told)
        query, key, value = (
            layer(states).unflatten(-1, (attn.heads, -1))
            for layer, states in (
                (attn.to_q, hidden_states), (attn.to_k, told), (attn.to_v, told),
            )
        )  # fmt: skip
        if attn.norm_q is not None:
            query = attn.norm_q(query)
        if attn.norm_k is not None:
            key = attn.norm_k(key)
        if attention_mask is not None:
            attention_mask = attn.prepare_attention_mask(
                attention_mask, told.shape[1], len(told)
            ).unflatten(0, (-1, attn.heads))
        found = self._attend(
            query, key, value, attn_mask=attention_mask, backend=self._attention_backend
        )
        hidden_states = attn.to_out[1](attn.to_out[0](found.flatten(2).to(query.dtype)))
        if len(shape) == 4:
            hidden_states = hidden_states.transpose(1, 2).reshape(shape)
        if attn.residual_connection:
            hidden_states = hidden_states + residual
        return hidden_states / float(attn.rescale_output_factor)


def _dispatcher() -> Any:
    from diffusers.models import attention_dispatch

    return attention_dispatch
