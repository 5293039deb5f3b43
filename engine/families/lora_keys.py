"""LoRA files in the two key formats that other tools read.

``diffusers``: dotted names with ``lora_A`` and ``lora_B``, exactly peft's. The format has no alpha:
without more, readers take alpha = rank. Where that would be wrong, peft's settings are written
into the file's metadata, which diffusers reads. The state is never passed through diffusers'
converters: they rename attention layers only, and its loader then silently drops the rest.

``kohya``: ``lora_unet_<name with underscores>.lora_down.weight``, ``.lora_up.weight``, ``.alpha``.

In between, a LoRA is a flat dict ``<component>.<module>.lora_A.weight`` / ``lora_B.weight`` (A is
(r, in[, kh, kw]), B is (out, r[, 1, 1])) with alphas by ``<component>.<module>``. Some layers have
other parts: ``lora_mid.weight`` (r, r, kh, kw) between a 1x1 A and B, ``diff`` and ``diff_b`` of
full size that are added to weight and bias, and ``whole.weight`` and ``whole.bias`` that take their
place; both formats call the last ``unet_conv_in.weight``.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

DOWN, UP = ".lora_A.weight", ".lora_B.weight"
MID = ".lora_mid.weight"
DIFF, DIFF_BIAS = ".diff", ".diff_b"
WHOLE, WHOLE_BIAS = ".whole.weight", ".whole.bias"
FULL = (DIFF, DIFF_BIAS)
METADATA_KEY = "lora_adapter_metadata"  # where diffusers looks for peft's settings
KOHYA = {"unet": "lora_unet_", "text_encoder": "lora_te_"}
KOHYA_TWO = {"unet": "lora_unet_", "text_encoder": "lora_te1_", "text_encoder_2": "lora_te2_"}
KOHYA_PARTS = {"lora_down.weight": DOWN, "lora_up.weight": UP}
WHOLE_KEY = re.compile(r"([a-z0-9]+)_(conv_in|conv_out)\.(weight|bias)")
TEXT_SUFFIXES = ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2")
State = dict[str, Tensor]


def modules_of(state: Mapping[str, Tensor]) -> list[str]:
    """``<component>.<module>`` of every adapted layer, in the state's order."""
    return [key.removesuffix(DOWN) for key in state if key.endswith(DOWN)]


def to_diffusers(
    state: Mapping[str, Tensor], alphas: Mapping[str, float]
) -> tuple[State, dict[str, str]]:
    """Tensors and metadata of the diffusers format; the state's own keys are the file's."""
    ranks = {name: int(state[name + DOWN].shape[0]) for name in modules_of(state)}
    tensors = {_file_key(key): tensor.contiguous() for key, tensor in state.items()}
    if all(alphas[name] == rank for name, rank in ranks.items()):
        return tensors, {}
    described: dict[str, Any] = {}
    for component in dict.fromkeys(name.split(".", 1)[0] for name in ranks):
        rows = {
            name.split(".", 1)[1]: (rank, alphas[name])
            for name, rank in ranks.items()
            if name.startswith(component + ".")
        }
        settings = _peft_settings(component, rows)
        described |= {f"{component}.{key}": value for key, value in settings.items()}
    return tensors, {METADATA_KEY: json.dumps(described, sort_keys=True)}


def part_of(key: str) -> str:
    """The part of its layer that a tensor of the state is; raises KeyError for another key."""
    for part in (DOWN, UP, MID, DIFF, DIFF_BIAS, WHOLE, WHOLE_BIAS):
        if key.endswith(part):
            return part
    raise KeyError(key)


def _file_key(key: str) -> str:
    """``unet.conv_in.whole.weight`` -> ``unet_conv_in.weight``; other keys as they are."""
    part = part_of(key)
    if part not in (WHOLE, WHOLE_BIAS):
        return key
    return key.removesuffix(part).replace(".", "_") + part.removeprefix(".whole")


def whole_key(key: str) -> str | None:
    """A file's ``unet_conv_in.weight`` -> ``unet.conv_in.whole.weight``; None for other keys."""
    found = WHOLE_KEY.fullmatch(key)
    return found and f"{found[1]}.{found[2]}.whole.{found[3]}"


def _peft_settings(component: str, rows: Mapping[str, tuple[int, float]]) -> dict[str, Any]:
    """LoraConfig's arguments for one component: the commonest rank and alpha, others by name.

    A text encoder's layers are named by their last part, because transformers versions disagree
    about what stands in front.
    """
    rank, alpha = Counter(rows.values()).most_common(1)[0][0]
    targets = list(rows)
    if component.startswith("text_encoder"):
        targets = [name for name in TEXT_SUFFIXES if any(row.endswith(name) for row in rows)]
    return {
        "r": rank,
        "lora_alpha": alpha,
        "rank_pattern": {name: r for name, (r, _) in rows.items() if r != rank},
        "alpha_pattern": {name: a for name, (_, a) in rows.items() if a != alpha},
        "target_modules": targets,
    }


def kohya_name(module: str, prefixes: Mapping[str, str] = KOHYA) -> str:
    """``unet.down_blocks.0.to_q`` -> ``lora_unet_down_blocks_0_to_q``."""
    component, name = module.split(".", 1)
    return prefixes[component] + name.replace(".", "_")


def to_kohya(
    state: Mapping[str, Tensor],
    alphas: Mapping[str, float],
    prefixes: Mapping[str, str] = KOHYA,
) -> State:
    """Tensors of the kohya format, alphas as scalars of the weights' dtype."""
    tensors: State = {}
    for name in modules_of(state):
        kohya, down = kohya_name(name, prefixes), state[name + DOWN]
        tensors[f"{kohya}.lora_down.weight"] = down.contiguous()
        tensors[f"{kohya}.lora_up.weight"] = state[name + UP].contiguous()
        tensors[f"{kohya}.alpha"] = torch.tensor(alphas[name], dtype=down.dtype)
    for key, tensor in state.items():
        part = part_of(key)
        if part in (MID, *FULL):
            name = kohya_name(key.removesuffix(part), prefixes)
            tensors[name + part] = tensor.contiguous()
        elif part in (WHOLE, WHOLE_BIAS):
            tensors[_file_key(key)] = tensor.contiguous()
    return tensors


def from_kohya(
    tensors: Mapping[str, Tensor], modules: Iterable[tuple[str, str]]
) -> tuple[State, dict[str, float]]:
    """The inverse of :func:`to_kohya`. ``modules`` are what the model's modules are called in
    such files, with their own names.

    Raises KeyError for a key that no module of the model answers to.
    """
    known = dict(modules)
    state: State = {}
    alphas: dict[str, float] = {}
    for key, tensor in tensors.items():
        whole = whole_key(key)
        if whole is not None:
            state[whole] = tensor
            continue
        kohya, part = key.split(".", 1)
        name = known[kohya]
        if part == "alpha":
            alphas[name] = float(tensor)
        else:
            state[name + KOHYA_PARTS.get(part, f".{part}")] = tensor
    for name in modules_of(state):
        alphas.setdefault(name, float(state[name + DOWN].shape[0]))
    return state, alphas


def from_diffusers(
    tensors: Mapping[str, Tensor], metadata: Mapping[str, str]
) -> tuple[State, dict[str, float]]:
    """The inverse of :func:`to_diffusers`. Raises KeyError for what is no part of a layer."""
    described = json.loads(metadata.get(METADATA_KEY) or "{}")
    alphas: dict[str, float] = {}
    for name in modules_of(tensors):
        component, module = name.split(".", 1)
        pattern = described.get(f"{component}.alpha_pattern", {})
        usual = described.get(f"{component}.lora_alpha", tensors[name + DOWN].shape[0])
        alphas[name] = float(pattern.get(module, usual))
    state = {whole_key(key) or key: tensor for key, tensor in tensors.items()}
    for key in state:
        part_of(key)
    return state, alphas
