"""LoRA files of FLUX.1, in the names of diffusers and in those of kohya's scripts and ComfyUI.

``diffusers``: ``transformer.<module>.lora_A.weight``, as everywhere; no alpha.

``kohya``: the layers of the original release, ``lora_unet_double_blocks_0_img_attn_qkv``. Where it
fuses layers that diffusers keeps apart, the small matrices are stacked: A by rows, B as a block
diagonal, so that the product is the same and can be taken apart again. A kohya file whose fused
layer was trained as one has a full B; its parts then share A.

Read besides: dotted original names (``diffusion_model.double_blocks...``) and diffusers' names with
underscores (``lora_transformer_...``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from engine.families import clip, flux_keys, lora_keys
from engine.families.lora_keys import DOWN, FULL, UP, State, modules_of

TRANSFORMER, CLIP = "transformer", "text_encoder"
UNET_PREFIX, TEXT_PREFIX = "lora_unet_", "lora_te1_"
SUFFIXES = {
    ".lora_A.weight": DOWN,
    ".lora_down.weight": DOWN,
    ".lora_B.weight": UP,
    ".lora_up.weight": UP,
    ".alpha": ".alpha",
}
STARTS = {
    TRANSFORMER: ("transformer.", "diffusion_model.", UNET_PREFIX, "lora_transformer_"),
    CLIP: ("text_encoder.", TEXT_PREFIX, "lora_te_"),
}
Layer = dict[str, Tensor]  # a file's tensors of one layer, by their part


def component_of(key: str) -> str | None:
    """Which part of the model a file's key is about, if it is one of FLUX.1's."""
    return next((name for name, starts in STARTS.items() if key.startswith(starts)), None)


def write(
    state: Mapping[str, Tensor],
    alphas: Mapping[str, float],
    key_format: str,
    config: Mapping[str, Any],
) -> tuple[State, dict[str, str]]:
    """A file's tensors and metadata; ``config`` is the transformer's."""
    state = {_file_name(key): tensor for key, tensor in state.items()}
    alphas = {_file_name(key): alpha for key, alpha in alphas.items()}
    if key_format == "diffusers":
        return lora_keys.to_diffusers(state, alphas)
    return dict(_kohya(state, alphas, config)), {}


def _file_name(key: str) -> str:
    """CLIP's layers get ``text_model.`` in front, as every reader expects."""
    component, name = key.split(".", 1)
    return f"{component}.{clip.canonical(name)}" if component == CLIP else key


def _kohya(
    state: Mapping[str, Tensor], alphas: Mapping[str, float], config: Mapping[str, Any]
) -> Iterator[tuple[str, Tensor]]:
    rest = set(modules_of(state))
    for theirs, ours in flux_keys.table(config).items():
        names = [f"{TRANSFORMER}.{name}" for name in ours]
        if not rest.intersection(names):
            continue
        rest.difference_update(names)
        layers = [_pair(state, alphas, name) for name in names]
        down, up, alpha = _stacked(layers, _rows(theirs, config))
        if theirs == flux_keys.SWAPPED:
            up = flux_keys.swap_halves(up)
        yield from _named(UNET_PREFIX + theirs.replace(".", "_"), down, up, alpha)
    for name in sorted(rest):
        assert name.startswith(f"{CLIP}."), f"{name} has no place in a kohya file"
        kohya = TEXT_PREFIX + name.removeprefix(f"{CLIP}.").replace(".", "_")
        yield from _named(kohya, state[name + DOWN], state[name + UP], alphas[name])


def _named(name: str, down: Tensor, up: Tensor, alpha: float) -> Iterator[tuple[str, Tensor]]:
    yield f"{name}.lora_down.weight", down.contiguous()
    yield f"{name}.lora_up.weight", up.contiguous()
    yield f"{name}.alpha", torch.tensor(alpha, dtype=down.dtype)


def _pair(
    state: Mapping[str, Tensor], alphas: Mapping[str, float], name: str
) -> tuple[Tensor, Tensor, float] | None:
    """A, B and the scale of a layer; None where it is not adapted."""
    if name + DOWN not in state:
        return None
    down = state[name + DOWN]
    return down, state[name + UP], alphas[name] / down.shape[0]


def _rows(theirs: str, config: Mapping[str, Any]) -> list[int]:
    """The rows of each part of an original layer; a layer that is not fused has one part."""
    width = int(config["attention_head_dim"]) * int(config["num_attention_heads"])
    return flux_keys.rows_of(theirs, 7 * width, config)  # an MLP is four times as wide


def _stacked(
    layers: list[tuple[Tensor, Tensor, float] | None], rows: list[int]
) -> tuple[Tensor, Tensor, float]:
    """A, B and alpha of the fused layer. Every part gets the same rank, the rest is zero: that is
    how readers tell stacked parts from a layer that was trained as one.
    """
    there = [layer for layer in layers if layer is not None]
    if len(layers) == 1:
        down, up, scale = there[0]
        return down, up, scale * down.shape[0]
    rank = max(down.shape[0] for down, _, _ in there)
    first = there[0][0]
    down = first.new_zeros(rank * len(layers), first.shape[1])
    up = first.new_zeros(sum(rows), rank * len(layers))
    common = there[0][2] if len({scale for *_, scale in there}) == 1 else 1.0
    top = 0
    for i, (layer, height) in enumerate(zip(layers, rows, strict=True)):
        if layer is not None:
            a, b, scale = layer
            start, end = i * rank, i * rank + a.shape[0]
            down[start:end] = a
            up[top : top + height, start:end] = b * (scale / common)
        top += height
    return down, up, common * down.shape[0]


def read(
    tensors: Mapping[str, Tensor],
    metadata: Mapping[str, str],
    config: Mapping[str, Any],
    encoder: Any = None,
) -> tuple[State, dict[str, float]]:
    """The inverse of :func:`write` for any of the layouts above.

    ``encoder`` is CLIP where it is loaded, for its layers' live names. Raises KeyError for a key
    that no layer of the model answers to.
    """
    dotted = f"{TRANSFORMER}.", f"{CLIP}."
    if all(key.startswith(dotted) and key.endswith((DOWN, UP, *FULL)) for key in tensors):
        state, alphas = lora_keys.from_diffusers(tensors, metadata)
    else:
        state, alphas = _from_layers(_layers(tensors), config)

    def live(key: str) -> str:
        component, name = key.split(".", 1)
        name = clip.live_name(name, encoder) if component == CLIP and encoder else name
        return f"{component}.{name}"

    return {live(k): v for k, v in state.items()}, {live(k): v for k, v in alphas.items()}


def _layers(tensors: Mapping[str, Tensor]) -> dict[str, Layer]:
    found: dict[str, Layer] = {}
    for key, tensor in tensors.items():
        end = next((suffix for suffix in SUFFIXES if key.endswith(suffix)), None)
        if end is None:
            raise KeyError(key)
        found.setdefault(key.removesuffix(end), {})[SUFFIXES[end]] = tensor
    return found


def _from_layers(
    layers: Mapping[str, Layer], config: Mapping[str, Any]
) -> tuple[State, dict[str, float]]:
    fused, plain = _names(config)
    state: State = {}
    alphas: dict[str, float] = {}
    for name, layer in layers.items():
        down, up = layer[DOWN], layer[UP]
        scale = float(layer.get(".alpha", torch.tensor(down.shape[0]))) / down.shape[0]
        parts = [(_text_name(name) or plain.get(name), down, up)]
        if name in fused:
            parts = list(_parts(fused[name], down, up, config))
        for ours, a, b in parts:
            if ours is None:
                raise KeyError(name)
            state |= {ours + DOWN: a, ours + UP: b}
            alphas[ours] = scale * a.shape[0]
    return state, alphas


def _names(config: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """What files call a layer -> the original layer, and -> our module."""
    fused: dict[str, str] = {}
    plain: dict[str, str] = {}
    for theirs, ours in flux_keys.table(config).items():
        fused |= {f"diffusion_model.{theirs}": theirs}
        fused |= {UNET_PREFIX + theirs.replace(".", "_"): theirs}
        for name in ours:
            module = f"{TRANSFORMER}.{name}"
            plain |= {module: module, "lora_transformer_" + name.replace(".", "_"): module}
    return fused, plain


def _text_name(name: str) -> str | None:
    """CLIP's layer behind a name with dots or underscores."""
    if name.startswith(f"{CLIP}."):
        return f"{CLIP}.{clip.canonical(name.removeprefix(f'{CLIP}.'))}"
    if component_of(name) != CLIP:
        return None
    layer, _, part = name.partition("_text_model_encoder_layers_")[2].partition("_")
    block = "self_attn" if part.startswith("self_attn_") else "mlp"
    return f"{CLIP}.text_model.encoder.layers.{layer}.{block}.{part.removeprefix(block + '_')}"


def _parts(
    theirs: str, down: Tensor, up: Tensor, config: Mapping[str, Any]
) -> Iterator[tuple[str, Tensor, Tensor]]:
    """Our layers of an original one: taken apart where they were stacked, else with A shared."""
    ours = flux_keys.table(config)[theirs]
    if theirs == flux_keys.SWAPPED:
        up = flux_keys.swap_halves(up)
    heights = flux_keys.rows_of(theirs, up.shape[0], config)
    rank, rest = divmod(down.shape[0], len(ours))
    blocks = [block.split(rank, dim=1) for block in up.split(heights)] if not rest else []
    stacked = (
        len(ours) > 1
        and not rest
        and not any(
            bool(piece.any())
            for i, row in enumerate(blocks)
            for j, piece in enumerate(row)
            if i != j
        )
    )
    for i, (name, own) in enumerate(zip(ours, up.split(heights), strict=True)):
        a, b = (down[i * rank : (i + 1) * rank], blocks[i][i]) if stacked else (down, own)
        used = a.any(dim=1) if stacked else a.new_ones(a.shape[0], dtype=torch.bool)
        if bool(used.any()):  # a part that was not adapted is zero
            yield f"{TRANSFORMER}.{name}", a[used].contiguous(), b[:, used].contiguous()
