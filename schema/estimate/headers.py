"""Parameters of a model by part, from the headers of its weight files: for models that the engine
cannot count (or that nobody has counted yet). Folders in the diffusers layout only.
"""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path

from schema.estimate.counts import Role
from schema.families import FamilyRow
from schema.tensor_files import read_header


def parameters(folder: Path, row: FamilyRow) -> dict[Role, int] | None:
    """Values in the weight files of each part; None where it is no such folder, or not whole."""
    if not (folder / row.denoiser_folder).is_dir():
        return None
    try:
        changed = max(path.stat().st_mtime_ns for path in (folder, *folder.iterdir()))
    except OSError:
        return None
    return _parameters(folder, row.denoiser_folder, row.text_encoders, changed)


@lru_cache(16)
def _parameters(
    folder: Path, denoiser: str, encoders: tuple[str, ...], changed: int
) -> dict[Role, int] | None:
    del changed  # part of the key
    found: dict[Role, int] = {}
    places: tuple[tuple[Role, str], ...] = (
        ("denoiser", denoiser),
        *(("text_encoder", name) for name in encoders),
        ("vae", "vae"),
    )
    for role, name in places:
        count = _values_in(folder / name)
        if not count:
            return None
        found[role] = found.get(role, 0) + count
    return found


def _values_in(folder: Path) -> int:
    """Values of one component; of several precisions side by side, the plain one."""
    files = sorted(folder.glob("*.safetensors"))
    files = [file for file in files if ".fp16." not in file.name] or files
    total = 0
    for file in files:
        header = read_header(file)
        if header.fault:
            return 0
        total += sum(math.prod(shape) for shape in header.shapes.values())
    return total
