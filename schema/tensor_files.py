"""Weight files judged from their headers and sizes alone: whole, truncated, or something else.

Nothing here loads a weight; a model of many gigabytes is judged in milliseconds.
"""

import json
import struct
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from schema.places import not_a_file

_HEADER_LIMIT: Final = 100_000_000
"""The safetensors format's own limit on its header."""
_LFS: Final = b"version https://git-lfs"


@dataclass(slots=True)
class TensorFile:
    """What a header says. `fault` is a sentence on why the file is unusable, or None."""

    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    fault: str | None = None


def read_header(path: Path) -> TensorFile:
    """The tensors of a safetensors file, and whether all of their bytes are there."""
    try:
        if (fault := not_a_file(path)) is not None:
            return TensorFile(fault=fault)
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(8)
            if _LFS.startswith(start) and len(start) == 8:
                return TensorFile(fault="is a git-lfs pointer, not the file; run `git lfs pull`")
            length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
            if not 2 <= length <= _HEADER_LIMIT:
                return TensorFile(fault=_no_header(size))
            if 8 + length > size:
                return TensorFile(fault=_cut(size, 8 + length))
            header = json.loads(file.read(length))
    except OSError as error:
        return TensorFile(fault=f"cannot be read: {(error.strerror or 'unknown').lower()}")
    except (ValueError, RecursionError):
        return TensorFile(fault="is not a safetensors file: its header is not JSON")
    return _described(header, size - 8 - length, size)


def _no_header(size: int) -> str:
    return "is empty" if size == 0 else "is not a safetensors file"


def _cut(have: int, need: int) -> str:
    return f"is cut off: {megabytes(have)} of {megabytes(need)} are there"


def megabytes(count: int) -> str:
    """A size for people."""
    if count < 1_000_000:
        return f"{count / 1000:.1f} kB"
    return f"{count / 1e6:.1f} MB" if count < 1_000_000_000 else f"{count / 1e9:.2f} GB"


def _described(header: Any, available: int, size: int) -> TensorFile:
    """Shapes and the last byte that the header speaks of, against what the file has."""
    try:
        metadata = header.pop("__metadata__", {}) or {}
        shapes = {name: tuple(entry["shape"]) for name, entry in header.items()}
        end = max((int(entry["data_offsets"][1]) for entry in header.values()), default=0)
    except (AttributeError, KeyError, TypeError, IndexError, ValueError, OverflowError):
        return TensorFile(fault="is not a safetensors file: its header lists no tensors")
    fault = _cut(size, size - available + end) if end > available else None
    return TensorFile(shapes, metadata, fault)


def pickle_fault(path: Path) -> str | None:
    """Why a torch pickle (.bin, .ckpt, .pt) cannot be whole, or None. It is not unpickled."""
    try:
        if (fault := not_a_file(path)) is not None:
            return fault
        with path.open("rb") as file:
            start = file.read(len(_LFS))
        if start == _LFS:
            return "is a git-lfs pointer, not the file; run `git lfs pull`"
        if not start:
            return "is empty"
        if start[:4] == b"PK\x03\x04" and not zipfile.is_zipfile(path):
            return "is cut off: the end of the archive is missing"
    except OSError as error:
        return f"cannot be read: {(error.strerror or 'unknown').lower()}"
    return None


def fault_of(path: Path) -> str | None:
    """Why a weight file is unusable, by its kind; None if it looks whole."""
    return read_header(path).fault if path.suffix == ".safetensors" else pickle_fault(path)
