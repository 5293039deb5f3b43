"""Model folders of a release's true size that take no room: configs, and weight files with holes.

A weights file has its real header and its real length, but was never written: the file system keeps
nothing for the tensors. `check`, `estimate` and the engine's counting read such a folder like the
real one, because none of them reads a weight. Nothing is downloaded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

LAYOUTS = {
    "sd1": "StableDiffusionPipeline",
    "sd2": "StableDiffusionPipeline",
    "sdxl": "StableDiffusionXLPipeline",
}


def build(folder: Path, arch: str) -> Path:
    """The folder of an original release: `sd1`, `sd2`, `sdxl` or `flux`."""
    if arch == "flux":
        return _flux(folder)
    from engine.families.clip import save_tokenizer, standard_tokenizer
    from engine.families.sd_data import configs

    found = configs(arch)
    for name, config in found.items():
        if name != "scheduler":
            write(folder / name, config)
    _write_scheduler(folder, found["scheduler"])
    encoders = [name for name in found if name.startswith("text_encoder")]
    for name in encoders:
        place = folder / name.replace("text_encoder", "tokenizer")
        place.mkdir()
        save_tokenizer(standard_tokenizer(), place)
    _write_index(folder, LAYOUTS[arch], found)
    return folder


def _flux(folder: Path) -> Path:
    from engine.families.clip import save_tokenizer, standard_tokenizer
    from engine.families.flux_data import configs
    from engine.families.sd_data import configs as sd_configs
    from tests.engine.tiny_flux import t5_tokenizer

    found = {**configs(), "text_encoder": sd_configs("sd1")["text_encoder"], "text_encoder_2": T5}
    for name in ("transformer", "vae", "text_encoder", "text_encoder_2"):
        write(folder / name, found[name])
    _write_scheduler(folder, found["scheduler"])
    (folder / "tokenizer").mkdir()
    save_tokenizer(standard_tokenizer(), folder / "tokenizer")
    t5_tokenizer().save_pretrained(folder / "tokenizer_2")
    found.pop("scheduler_schnell")
    _write_index(folder, "FluxPipeline", found)
    return folder


T5: Mapping[str, Any] = {
    "architectures": ["T5EncoderModel"], "model_type": "t5", "d_model": 4096, "d_kv": 64,
    "d_ff": 10240, "num_layers": 24, "num_heads": 64, "vocab_size": 32128,
    "feed_forward_proj": "gated-gelu", "is_encoder_decoder": True,
}  # fmt: skip
"""The encoder of T5 v1.1 XXL, as FLUX.1 has it."""


def write(folder: Path, config: Mapping[str, Any]) -> None:
    """One component: its config, and a weights file of the right length."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(dict(config)))
    module, name = _empty(config)
    header, end = {}, 0
    for key, tensor in module.state_dict().items():
        size = tensor.numel() * 2
        header[key] = {
            "dtype": "F16",
            "shape": list(tensor.shape),
            "data_offsets": [end, end + size],
        }
        end += size
    text = json.dumps(header).encode()
    with (folder / name).open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + end)


def _empty(config: Mapping[str, Any]) -> tuple[nn.Module, str]:
    """The component without content, and what its weights file is called."""
    import diffusers
    import transformers

    with torch.device("meta"):
        if "_class_name" in config:
            module = getattr(diffusers, config["_class_name"]).from_config(dict(config))
            return module, "diffusion_pytorch_model.safetensors"
        kind = getattr(transformers, config["architectures"][0])
        return kind(kind.config_class(**config)), "model.safetensors"


def _write_scheduler(folder: Path, config: Mapping[str, Any]) -> None:
    (folder / "scheduler").mkdir()
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(dict(config)))


def _write_index(folder: Path, pipeline: str, found: Mapping[str, Mapping[str, Any]]) -> None:
    index: dict[str, Any] = {"_class_name": pipeline, "_diffusers_version": "0.42.1"}
    for name, config in found.items():
        library = "transformers" if "architectures" in config else "diffusers"
        index[name] = [library, config.get("_class_name") or config["architectures"][0]]
        if name.startswith("text_encoder"):
            kind = "T5TokenizerFast" if config is T5 else "CLIPTokenizer"
            index[name.replace("text_encoder", "tokenizer")] = ["transformers", kind]
    (folder / "model_index.json").write_text(json.dumps(index))
