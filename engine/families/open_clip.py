"""Names of an OpenCLIP text encoder in single-file checkpoints, and of the same in transformers.

OpenCLIP keeps query, key and value in one matrix and its projection transposed. The names follow
mlfoundations/open_clip; diffusers' own converter is the judge in the tests.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

LAYERS = "text_model.encoder.layers."
BLOCKS = "transformer.resblocks."
WHOLE = {
    "text_model.embeddings.position_embedding.weight": "positional_embedding",
    "text_model.embeddings.token_embedding.weight": "token_embedding.weight",
    "text_model.final_layer_norm.weight": "ln_final.weight",
    "text_model.final_layer_norm.bias": "ln_final.bias",
    "text_projection.weight": "text_projection",
}
INSIDE = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "self_attn.out_proj": "attn.out_proj",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
}
PARTS = ("q_proj", "k_proj", "v_proj")
LOGIT_SCALE = 4.6052  # ln 100: no weight of the text encoder, but its readers look for it


def from_open_clip(state: Iterable[tuple[str, Tensor]]) -> Iterator[tuple[str, Tensor]]:
    """transformers' names and shapes; what only the picture side needs is left out."""
    whole = {theirs: ours for ours, theirs in WHOLE.items()}
    inside = {theirs: ours for ours, theirs in INSIDE.items()}
    for key, tensor in state:
        if key in whole:
            yield whole[key], tensor.T.contiguous() if key == "text_projection" else tensor
        elif key.startswith(BLOCKS):
            number, name = key.removeprefix(BLOCKS).split(".", 1)
            if name.startswith("attn.in_proj_"):
                kind = name.removeprefix("attn.in_proj_")
                for part, rows in zip(PARTS, tensor.chunk(3), strict=True):
                    yield f"{LAYERS}{number}.self_attn.{part}.{kind}", rows
            else:
                module, _, kind = name.rpartition(".")
                yield f"{LAYERS}{number}.{inside[module]}.{kind}", tensor


def to_open_clip(
    state: Iterable[tuple[str, Tensor]], spare_layers: int = 0
) -> Iterator[tuple[str, Tensor]]:
    """The inverse of :func:`from_open_clip`, for whole encoders.

    ``spare_layers`` copies of the last layer follow it: readers of Stable Diffusion 2 files count
    one layer more than they ask, and the release's own is not kept in diffusers' form.
    """
    given = dict(state)
    last = max(int(k.removeprefix(LAYERS).split(".")[0]) for k in given if k.startswith(LAYERS))
    for key, tensor in given.items():
        if key in WHOLE:
            yield WHOLE[key], tensor.T if key == "text_projection.weight" else tensor
            continue
        number, name = key.removeprefix(LAYERS).split(".", 1)
        copies = range(int(number), int(number) + 1)
        if int(number) == last:
            copies = range(last, last + 1 + spare_layers)
        for block in copies:
            yield from _layer(given, f"{LAYERS}{number}.", name, f"{BLOCKS}{block}.")
    if "text_projection.weight" not in given:
        width = given["text_model.final_layer_norm.weight"].shape[0]
        yield "text_projection", torch.eye(width)
    yield "logit_scale", torch.tensor(LOGIT_SCALE)


def _layer(
    given: dict[str, Tensor], layer: str, name: str, block: str
) -> Iterator[tuple[str, Tensor]]:
    module, _, kind = name.rpartition(".")
    if module == "self_attn.q_proj":
        rows = [given[f"{layer}self_attn.{part}.{kind}"] for part in PARTS]
        yield f"{block}attn.in_proj_{kind}", torch.cat(rows)
    elif module in INSIDE:
        # a copy: files do not hold a tensor twice, as the spare layer's would be
        yield f"{block}{INSIDE[module]}.{kind}", given[layer + name].clone()
