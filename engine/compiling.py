"""Compiled denoisers (torch.compile), whole or block by block.

Modules are compiled in place, so that parameters keep their names in every file. A block that
cannot be compiled runs as it is, with one warning: a compiler is never a reason to lose a run.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import torch
from torch import nn

from engine.families.base import Family
from schema.sections.model import Model

BLOCK_LISTS = (
    "layers", "transformer_blocks", "single_transformer_blocks", "double_stream_blocks",
    "single_stream_blocks", "double_blocks", "single_blocks", "blocks",
)  # fmt: skip
"""Where a model without declared block lists may keep its blocks."""


@dataclass(frozen=True)
class Compiling:
    """What the config says about it; read while the run is assembled."""

    mode: str
    fullgraph: bool
    dynamic: bool
    by_block: bool
    limit: int | None


def wished(model: Model) -> Compiling | None:
    """None where nothing is compiled."""
    if not model.compile:
        return None
    return Compiling(
        model.compile_mode,
        model.compile_fullgraph,
        model.compile_dynamic,
        model.block_compile,
        model.cache_size_limit,
    )


def compile_denoisers(
    family: Family, wish: Compiling, device: torch.device, warn: Callable[[str], None]
) -> int:
    """Compile every denoiser after its network was attached; how many modules were compiled."""
    missing = missing_compiler(device)
    if missing:
        warn(f"The model is not compiled: {missing}.")
        return 0
    modules = [denoiser.module for denoiser in family.denoisers]
    blocks = [block for module in modules for block in _blocks(module, family) if wish.by_block]
    _set_up(wish, len(blocks))
    settings: dict[str, Any] = {"dynamic": wish.dynamic}
    if wish.mode != "default":
        settings["mode"] = wish.mode
    # A whole model breaks into several graphs wherever Python decides something.
    settings["fullgraph"] = wish.fullgraph and bool(blocks)
    for module in blocks or modules:
        module.compile(**settings)
    return len(blocks or modules)


def missing_compiler(device: torch.device) -> str | None:
    """What torch.compile would need and this machine does not have."""
    if device.type == "cuda":
        return None if find_spec("triton") else "the package triton is not installed"
    found = any(shutil.which(name) for name in ("g++", "clang++", "c++"))
    return None if found else "there is no C++ compiler"


def _set_up(wish: Compiling, blocks: int) -> None:
    """Fall back to the plain code where compiling fails; room for every block's variants."""
    import torch._dynamo

    config: Any = torch._dynamo.config
    config.suppress_errors = True
    if blocks:
        config.recompile_limit = max(wish.limit or 0, 2 * blocks)
    elif wish.limit is not None:
        config.recompile_limit = wish.limit


def _blocks(module: nn.Module, family: Family) -> list[nn.Module]:
    names = family.row.blocks or BLOCK_LISTS
    lists = [getattr(module, name, None) for name in names]
    return [block for found in lists if isinstance(found, nn.ModuleList) for block in found]
