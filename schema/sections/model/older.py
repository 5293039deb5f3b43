"""`model:` - older keys: the flags that chose a family, and two that never did anything."""

from typing import Any

from schema.option import Section, opt

_FLAGS = "Model (older flags)"


def _flag(label: str, arch: str) -> Any:
    return opt(
        False,
        f"{label} (older flag)",
        f"Older way to write arch: {arch}.",
        group=_FLAGS,
        tier="expert",
        status="deprecated",
        detail="Read and understood as that architecture. A flag that is on and names another "
        "family than arch or another flag is an error.",
    )


class Older(Section):
    """Keys of older configs."""

    is_v2: bool = _flag("SD 2.x", "sd2")
    is_v3: bool = _flag("SD 3", "sd3")
    is_xl: bool = _flag("SDXL", "sdxl")
    is_pixart: bool = _flag("PixArt", "pixart")
    is_pixart_sigma: bool = _flag("PixArt Sigma", "pixart_sigma")
    is_auraflow: bool = _flag("AuraFlow", "auraflow")
    is_flux: bool = _flag("FLUX.1", "flux")
    is_lumina2: bool = _flag("Lumina 2", "lumina2")
    is_ssd: bool = _flag("SSD-1B", "ssd")
    is_vega: bool = _flag("Segmind Vega", "vega")
    model_paths: dict[str, Any] = opt(
        {},
        "Model paths",
        "Never had a meaning; the paths of the parts have options of their own.",
        group=_FLAGS,
        tier="expert",
        status="legacy",
    )
    in_context: bool = opt(
        False,
        "In context",
        "Never had a meaning.",
        group=_FLAGS,
        tier="expert",
        status="legacy",
    )
