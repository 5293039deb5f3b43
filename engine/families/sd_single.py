"""A Stable Diffusion model in one file, in the layout of the original releases.

Our own files carry their configs and vocabulary in the metadata; for all others the original
release's are taken, with every size that shows in a tensor's shape read from there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from engine.errors import DataError
from engine.families import ldm
from engine.families.clip import standard_tokenizer
from engine.families.files import safetensors_header
from engine.families.ldm import UNET, VAE
from engine.families.open_clip import from_open_clip
from engine.families.sd_layout import Layout, TextPart, kind_of
from engine.families.sd_parts import Source, class_of, filled, filled_text_encoder
from engine.families.sd_shapes import (
    Shapes,
    infer_open_clip,
    infer_text_encoder,
    infer_unet,
    infer_vae,
    without_prefix,
)

CONFIGS_KEY: Final = "finetui.configs"  # metadata of our own files: every config, the tokenizers
PREDICTS_V: Final = "v_pred"  # an empty tensor of this name marks an SDXL file that predicts v
SPEC_KEY: Final = "modelspec.prediction_type"  # the ModelSpec metadata standard: "v" or "epsilon"
NO_SIGNAL: Final = "ztsnr"  # and this one, noise levels that end in pure noise


class FileSource(Source):
    """A single checkpoint."""

    def __init__(self, path: Path, layout: Layout) -> None:
        self.path, self._layout = path, layout
        self._pickled = _unpickle(path) if path.suffix != ".safetensors" else None
        shapes, metadata = self._describe()
        stored = metadata.get(CONFIGS_KEY)
        kind = kind_of(shapes)
        if kind not in (None, layout.label):
            raise DataError(f"{path} is {kind}, not {layout.label}.")
        prefixes = (UNET, VAE, *(part.prefix for part in layout.texts))
        missing = [prefix for prefix in prefixes if not without_prefix(shapes, prefix)]
        if missing:
            lacks = " and no ".join(missing)
            raise DataError(f"{path} is not a whole checkpoint: it has no {lacks}")
        self._stored = json.loads(stored) if stored else {}
        try:
            self.configs = self._stored.get("configs") or _inferred(shapes, layout, metadata)
        except KeyError as fault:
            raise DataError(
                f"{path} is not laid out as a checkpoint: no {fault.args[0]}."
            ) from fault

    def _describe(self) -> tuple[Shapes, dict[str, str]]:
        """The shapes of all tensors, and what the file says about itself."""
        if self._pickled is not None:
            metadata = {k: v for k, v in self._pickled.items() if isinstance(v, str)}
            return {name: tuple(t.shape) for name, t in self._tensors("")}, metadata
        header = safetensors_header(self.path)
        metadata = header.pop("__metadata__", {})
        return {name: tuple(row["shape"]) for name, row in header.items()}, metadata

    def _tensors(self, prefix: str) -> Iterator[tuple[str, Tensor]]:
        """The tensors below a prefix, one by one and memory-mapped, without the prefix."""
        if self._pickled is not None:
            for name, tensor in self._pickled.items():
                if name.startswith(prefix) and isinstance(tensor, Tensor):
                    yield name.removeprefix(prefix), tensor
            return
        from safetensors import safe_open

        with safe_open(str(self.path), "pt") as file:
            for name in file.keys():  # noqa: SIM118 - not a dict: it cannot be iterated
                if name.startswith(prefix):
                    yield name.removeprefix(prefix), file.get_tensor(name)

    def load(self, component: str, dtype: torch.dtype) -> nn.Module:
        """The component built empty, then given the file's tensors: nothing is held twice."""
        config = self.configs[component]
        if component in ("unet", "vae"):
            unet = component == "unet"
            table = ldm.unet_table(config) if unet else ldm.vae_table(config)
            state = ldm.from_ldm(table, self._tensors(UNET if unet else VAE))
            return filled(self.path, component, config, state, dtype)
        part = self._layout.text(component)
        weights = self._tensors(part.prefix)
        return filled_text_encoder(
            self.path,
            class_of(component, self._layout),
            config,
            from_open_clip(weights) if part.open_clip else weights,
            dtype,
        )

    def tokenizer(self, text_encoder: str) -> Any:
        """The one stored in the file, else OpenAI's if the vocabulary has its size."""
        part = self._layout.text(text_encoder)
        stored = self._stored.get(part.tokenizer)
        if stored:
            from transformers import CLIPTokenizer

            return CLIPTokenizer(
                vocab=stored["vocab"],
                merges=[tuple(pair) for pair in stored["merges"]],
                model_max_length=stored["length"],
                pad_token=stored["pad_token"],
            )
        tokenizer = standard_tokenizer(part.open_clip)
        size = self.configs[text_encoder]["vocab_size"]
        if size != len(tokenizer):
            raise DataError(
                f"{self.path} has a vocabulary of {size} tokens of its own and does not say which."
            )
        return tokenizer


def _unpickle(path: Path) -> dict[str, Any]:
    """A ``.ckpt``: tensors only. Anything that could run code is refused by torch."""
    from pickle import UnpicklingError
    from zipfile import is_zipfile  # older files are no archives and cannot be mapped

    try:
        found = torch.load(path, "cpu", weights_only=True, mmap=is_zipfile(path))
    except UnpicklingError as fault:
        raise DataError(
            f"{path} contains more than tensors and is not opened: it could run code.",
            repair="Convert it to safetensors with a tool that you trust.",
        ) from fault
    except (OSError, RuntimeError, EOFError) as fault:
        raise DataError(f"{path} is damaged or not complete.") from fault
    state = found.get("state_dict", found) if isinstance(found, dict) else {}
    if CONFIGS_KEY in found:
        state = state | {CONFIGS_KEY: found[CONFIGS_KEY]}
    return dict(state)


def _inferred(
    shapes: Shapes, layout: Layout, metadata: dict[str, str]
) -> dict[str, dict[str, Any]]:
    from engine.families.sd_data import configs

    base = configs(layout.name)
    found = {
        "unet": infer_unet(without_prefix(shapes, UNET), base["unet"]),
        "vae": infer_vae(without_prefix(shapes, VAE), base["vae"]),
        "scheduler": dict(base["scheduler"]),
    }
    for part in layout.texts:
        found[part.name] = _inferred_text(
            without_prefix(shapes, part.prefix), base[part.name], part
        )
    if PREDICTS_V in shapes or metadata.get(SPEC_KEY) == "v":
        found["scheduler"]["prediction_type"] = "v_prediction"
    if NO_SIGNAL in shapes:
        found["scheduler"]["rescale_betas_zero_snr"] = True
    return found


def _inferred_text(shapes: Shapes, base: dict[str, Any], part: TextPart) -> dict[str, Any]:
    if part.open_clip:
        return infer_open_clip(shapes, base, part.spare_layers)
    return infer_text_encoder(shapes, base)
