"""Opening a model without its weights: every reader gives tensors that have a shape and no content.

Families read weights through diffusers, transformers, safetensors and torch. Inside
:func:`weightless` these four give tensors on torch's meta device, so a family opens a model of any
size in the time that its configs take, by its own code. It changes what the libraries do for the
whole process, which is why it belongs into the one-shot process of `engine.ask` and into tests.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

META = torch.device("meta")
_DTYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8,
    "U8": torch.uint8, "BOOL": torch.bool, "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
}  # fmt: skip


@contextlib.contextmanager
def weightless() -> Iterator[None]:
    """Inside the block no weight is read from a disk."""
    import safetensors
    import safetensors.torch
    from diffusers.models.modeling_utils import ModelMixin
    from transformers import PreTrainedModel

    with contextlib.ExitStack() as stack:
        for owner, name, value in (
            (ModelMixin, "from_pretrained", _on_class(_diffusers_model)),
            (PreTrainedModel, "from_pretrained", _on_class(_transformers_model)),
            (safetensors, "safe_open", HeaderOnly),
            (safetensors.torch, "load_file", _load_file),
            (torch, "load", _torch_load(torch.load)),
        ):
            stack.enter_context(_replaced(owner, name, value))
        yield


def _on_class(function: Callable[..., Any]) -> Any:
    return classmethod(function)


@contextlib.contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    before = vars(owner)[name]
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def _diffusers_model(cls: Any, folder: Any, **options: Any) -> Any:
    """`from_pretrained` of a diffusers model: its config alone."""
    config = cls.load_config(folder, subfolder=options.get("subfolder"), local_files_only=True)
    with META:
        model = cls.from_config(config)
    return _told(_cast(model, options), options)


def _transformers_model(cls: Any, folder: Any, **options: Any) -> Any:
    """`from_pretrained` of a transformers model: its config alone."""
    config = options.get("config")
    if config is None:
        config = cls.config_class.from_pretrained(
            folder, subfolder=options.get("subfolder") or "", local_files_only=True
        )
    with META:
        model = cls(config)
    return _told(_cast(model, options), options)


def _cast(model: nn.Module, options: dict[str, Any]) -> nn.Module:
    """In the dtype that was asked for, in eval mode, as the libraries give it."""
    dtype = options.get("torch_dtype") or options.get("dtype")
    # Past diffusers' own `to`, which warns of casting; there is no value to lose.
    return (nn.Module.to(model, dtype) if isinstance(dtype, torch.dtype) else model).eval()


def _told(model: nn.Module, options: dict[str, Any]) -> Any:
    """The model, or the pair that `output_loading_info` asks for."""
    if not options.get("output_loading_info"):
        return model
    return model, {"missing_keys": [], "unexpected_keys": [], "mismatched_keys": []}


class HeaderOnly:
    """Stands in for `safetensors.safe_open`: names and shapes from the header, no content."""

    def __init__(self, path: Any, framework: str = "pt", device: str = "cpu") -> None:
        del framework, device
        with Path(path).open("rb") as file:
            self._rows = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        self._metadata = self._rows.pop("__metadata__", None)

    def __enter__(self) -> HeaderOnly:
        """As the real one."""
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is held open."""

    def keys(self) -> list[str]:
        """The names of all tensors."""
        return list(self._rows)

    def metadata(self) -> dict[str, str] | None:
        """What the file says about itself."""
        found: dict[str, str] | None = self._metadata
        return found

    def get_tensor(self, name: str) -> Tensor:
        """A tensor of the stored shape and type on the meta device."""
        row = self._rows[name]
        return torch.empty(row["shape"], dtype=_DTYPES[row["dtype"]], device=META)


def _load_file(path: Any, device: str = "cpu") -> dict[str, Tensor]:
    del device
    opened = HeaderOnly(path)
    return {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - no dict


def _torch_load(real: Any) -> Any:
    def load(path: Any, *_: Any, **options: Any) -> Any:
        options |= {"map_location": META, "weights_only": True, "mmap": None}
        return real(path, **options)

    return load
