"""The model families the engine can train, by architecture name.

A family's module is imported only when a run asks for it: diffusers and transformers are slow to
import, and nobody should wait for a family that is not trained.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.families.base import Family

# architecture -> (module, class); the row of the same name in schema/families/ describes it
FAMILIES: dict[str, tuple[str, str]] = {
    "flux": ("engine.families.flux", "Flux"),
    "sd1": ("engine.families.sd1", "StableDiffusion1"),
    "sd2": ("engine.families.sd2", "StableDiffusion2"),
    "sdxl": ("engine.families.sdxl", "StableDiffusionXL"),
}


def family_for(arch: str) -> type[Family]:
    """The class that trains ``arch``. Raises KeyError for an architecture the engine has not."""
    module, name = FAMILIES[arch]
    found: type[Family] = getattr(import_module(module), name)
    return found
