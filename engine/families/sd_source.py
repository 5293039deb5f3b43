"""Where the parts of a Stable Diffusion 1 model come from: a diffusers folder or a single file.

Both sources answer the same questions (the configs; a component with its weights; the tokenizer),
so that the family does not care. Every size is read from the configs or from the tensors
themselves. A missing or misshapen weight is an error: it would stay random and only look trained.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from engine.errors import DataError
from engine.families import ldm
from engine.families.files import (
    SINGLE_FILES,
    check_folder,
    read_json,
    safetensors_header,
    weight_files,
)
from engine.families.sd_shapes import (
    Shapes,
    infer_text_encoder,
    infer_unet,
    infer_vae,
    without_prefix,
)

CONFIGS_KEY = "finetui.configs"  # metadata of our own single files: every config, the tokenizer
COMPONENTS = {"unet": "config.json", "vae": "config.json", "text_encoder": "config.json"}
NEEDED = {"unet": "in_channels", "vae": "latent_channels"}  # what a config always says
FOREIGN = {  # a tensor that gives another architecture away -> its name
    "conditioner.embedders.0.transformer.text_model.embeddings.position_embedding.weight": "SDXL",
    "conditioner.embedders.0.model.transformer.resblocks.0.ln_1.weight": "the SDXL refiner",
    "cond_stage_model.model.transformer.resblocks.0.ln_1.weight": "Stable Diffusion 2",
    "model.diffusion_model.double_blocks.0.img_attn.qkv.weight": "Flux",
    "model.diffusion_model.joint_blocks.0.x_block.attn.qkv.weight": "Stable Diffusion 3",
}


class Source(ABC):
    """The files of one model. ``configs`` has unet, vae, text_encoder and scheduler."""

    path: Path
    configs: dict[str, dict[str, Any]]

    @abstractmethod
    def load(self, component: str, dtype: torch.dtype) -> nn.Module:
        """``unet``, ``vae`` or ``text_encoder`` with its weights in ``dtype``, on the CPU."""

    @abstractmethod
    def tokenizer(self) -> Any:
        """The text encoder's tokenizer."""


def open_source(path: Path) -> Source:
    """The source for a folder or a file. Raises DataError when something is missing."""
    if path.is_dir():
        return FolderSource(path)
    if path.suffix not in SINGLE_FILES:
        raise DataError(f"{path} is neither a model folder nor a {' or '.join(SINGLE_FILES)} file.")
    return FileSource(path)


class FolderSource(Source):
    """A diffusers folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        check_folder(
            path,
            COMPONENTS | {"scheduler": "scheduler_config.json"},
            ("tokenizer/tokenizer.json|tokenizer/vocab.json",),
        )
        names = COMPONENTS | {"scheduler": "scheduler_config.json"}
        self.configs = {name: read_json(path / name / file) for name, file in names.items()}
        for name, key in NEEDED.items():
            if key not in self.configs[name]:
                raise DataError(
                    f"{path / name / names[name]} does not say {key}: "
                    "it is damaged, or belongs to another kind of model."
                )
        index = read_json(path / "model_index.json")
        if "text_encoder_2" in index or self.configs["unet"].get("addition_embed_type"):
            raise DataError(
                f"{path} holds a {index.get('_class_name', 'different pipeline')}, "
                "not a Stable Diffusion 1 model."
            )

    def load(self, component: str, dtype: torch.dtype) -> nn.Module:
        """Loaded by diffusers or transformers, which also know the names that old folders use."""
        return load_component(self.path / component, component, dtype)

    def tokenizer(self) -> Any:
        """From ``tokenizer/``."""
        from engine.families.clip import load_tokenizer

        folder = self.path / "tokenizer"
        try:
            return load_tokenizer(folder)
        # A damaged file makes transformers and tokenizers fail in whatever way it happens to.
        except Exception as fault:
            first = str(fault).strip().partition("\n")[0] or type(fault).__name__
            raise DataError(f"The tokenizer in {folder} cannot be read: {first}") from fault


def load_component(folder: Path, component: str, dtype: torch.dtype) -> nn.Module:
    """One component folder, from weight files that were checked before."""
    files = weight_files(folder)
    safe = files[0].suffix == ".safetensors"
    options: dict[str, Any] = {"local_files_only": True, "output_loading_info": True}
    options |= {"use_safetensors": safe, "low_cpu_mem_usage": True}
    # Reported and refused below, by name.
    options["ignore_mismatched_sizes"] = True
    if ".fp16." in files[0].name:
        options["variant"] = "fp16"
    _hide_progress_bars()
    try:
        model, info = _class_of(component).from_pretrained(folder, torch_dtype=dtype, **options)
    except (OSError, RuntimeError, ValueError) as fault:
        raise DataError(f"{folder} cannot be loaded: {str(fault).splitlines()[0]}") from fault
    _complete(folder, info["missing_keys"], info["mismatched_keys"])
    module: nn.Module = model
    return module


def _hide_progress_bars() -> None:
    """A bar per component would fill the run's log."""
    from transformers.utils import logging

    logging.disable_progress_bar()


def _complete(where: Path, missing: Iterable[Any], mismatched: Iterable[Any] = ()) -> None:
    absent = sorted(str(key) for key in missing if not str(key).endswith("position_ids"))
    if absent:
        count = "1 weight" if len(absent) == 1 else f"{len(absent)} weights"
        raise DataError(f"{where} lacks {count}, such as {absent[0]}.")
    wrong = [row[0] if isinstance(row, tuple) else row for row in mismatched]
    if wrong:
        raise DataError(f"{where} has weights of other shapes than its config says: {wrong[0]}.")


def _class_of(component: str) -> Any:
    """Imported here, not at the top: each costs a second and not every run needs every one."""
    if component == "unet":
        from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

        return UNet2DConditionModel
    if component == "vae":
        from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

        return AutoencoderKL
    from transformers import CLIPTextModel

    return CLIPTextModel


def vae_place(path: Path) -> Path:
    """Where a VAE of its own is: a file, a folder with its config, or that folder's ``vae``."""
    if path.is_file():
        safetensors_header(path)
        return path
    folder = next((p for p in (path, path / "vae") if (p / "config.json").exists()), None)
    if folder is None:
        raise DataError(f"{path} is not a VAE folder: it has no config.json.")
    weight_files(folder)
    return folder


def load_vae(path: Path, dtype: torch.dtype) -> nn.Module:
    """A VAE from what :func:`vae_place` found; a file is in the original layout."""
    if path.is_dir():
        return load_component(path, "vae", dtype)
    from safetensors.torch import load_file

    from engine.families.sd1_data import configs

    tensors = {k.removeprefix(ldm.VAE): v for k, v in load_file(path).items()}
    try:
        config = infer_vae({k: tuple(v.shape) for k, v in tensors.items()}, configs()["vae"])
    except KeyError as fault:
        raise DataError(f"{path} is not laid out as a VAE: no {fault.args[0]}.") from fault
    state = ldm.from_ldm(ldm.vae_table(config), tensors.items())
    return _filled(path, "vae", config, state, dtype)


class FileSource(Source):
    """A single checkpoint in the latent-diffusion layout.

    Our own files carry their configs and vocabulary in the metadata; for all others the original
    release's are taken, with every size that shows in a tensor's shape read from there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._pickled = _unpickle(path) if path.suffix != ".safetensors" else None
        shapes, stored = self._describe()
        for key, name in FOREIGN.items():
            if key in shapes:
                raise DataError(f"{path} is {name}, not a Stable Diffusion 1 model.")
        missing = [p for p in (ldm.UNET, ldm.VAE, ldm.TEXT) if not without_prefix(shapes, p)]
        if missing:
            lacks = " and no ".join(missing)
            raise DataError(f"{path} is not a whole checkpoint: it has no {lacks}")
        self._stored = json.loads(stored) if stored else {}
        try:
            self.configs = self._stored.get("configs") or _inferred(shapes)
        except KeyError as fault:
            raise DataError(
                f"{path} is not laid out as a checkpoint: no {fault.args[0]}."
            ) from fault

    def _describe(self) -> tuple[Shapes, str | None]:
        if self._pickled is not None:
            stored = self._pickled.pop(CONFIGS_KEY, None)
            return {name: tuple(t.shape) for name, t in self._tensors("")}, stored
        header = safetensors_header(self.path)
        metadata = header.pop("__metadata__", {})
        shapes = {name: tuple(row["shape"]) for name, row in header.items()}
        return shapes, metadata.get(CONFIGS_KEY)

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
        if component == "text_encoder":
            return _filled_text_encoder(self.path, config, self._tensors(ldm.TEXT), dtype)
        unet = component == "unet"
        table = ldm.unet_table(config) if unet else ldm.vae_table(config)
        state = ldm.from_ldm(table, self._tensors(ldm.UNET if unet else ldm.VAE))
        return _filled(self.path, component, config, state, dtype)

    def tokenizer(self) -> Any:
        """The one stored in the file, else OpenAI's if the vocabulary has its size."""
        from engine.families.clip import standard_tokenizer

        stored = self._stored.get("tokenizer")
        if stored:
            from transformers import CLIPTokenizer

            return CLIPTokenizer(
                vocab=stored["vocab"],
                merges=[tuple(pair) for pair in stored["merges"]],
                model_max_length=stored["length"],
                pad_token=stored["pad_token"],
            )
        tokenizer = standard_tokenizer()
        size = self.configs["text_encoder"]["vocab_size"]
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


def _inferred(shapes: Shapes) -> dict[str, dict[str, Any]]:
    from engine.families.sd1_data import configs

    base = configs()
    return {
        "unet": infer_unet(without_prefix(shapes, ldm.UNET), base["unet"]),
        "vae": infer_vae(without_prefix(shapes, ldm.VAE), base["vae"]),
        "text_encoder": infer_text_encoder(without_prefix(shapes, ldm.TEXT), base["text_encoder"]),
        "scheduler": dict(base["scheduler"]),
    }


def _filled(
    path: Path,
    component: str,
    config: Mapping[str, Any],
    state: Iterable[tuple[str, Tensor]],
    dtype: torch.dtype,
) -> nn.Module:
    from accelerate import init_empty_weights

    try:
        with init_empty_weights():
            module: nn.Module = _class_of(component).from_config(dict(config))
    except ValueError as fault:  # group norms that do not divide the channels
        raise DataError(f"{path} needs a config for its {component}: {fault}") from fault
    return _assign(path, module, state, dtype)


def _filled_text_encoder(
    path: Path,
    config: Mapping[str, Any],
    state: Iterable[tuple[str, Tensor]],
    dtype: torch.dtype,
) -> nn.Module:
    from accelerate import init_empty_weights
    from transformers import CLIPTextConfig

    from engine.families.clip import live_name

    with init_empty_weights():
        module: nn.Module = _class_of("text_encoder")(CLIPTextConfig(**config))
    named = ((live_name(k, module), v) for k, v in state if not k.endswith("position_ids"))
    return _assign(path, module, named, dtype)


def _assign(
    path: Path, module: nn.Module, state: Iterable[tuple[str, Tensor]], dtype: torch.dtype
) -> nn.Module:
    wanted = module.state_dict()
    given = {name: tensor.to(dtype) for name, tensor in state if name in wanted}
    _complete(
        path,
        wanted.keys() - given.keys(),
        [name for name, tensor in given.items() if tensor.shape != wanted[name].shape],
    )
    module.load_state_dict(given, strict=False, assign=True)
    return module.eval()
