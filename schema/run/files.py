"""Helpers of the run folder: replace a JSON file in one piece, read one that may be missing.

Unlike `schema.atomic.write_atomic` nothing is fsynced: these files are rewritten every second and
only have to look whole to a reader, not to survive a power cut.
"""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any


def replace_json(path: Path, value: dict[str, Any]) -> None:
    """Put `value` at `path` in one rename, so that no reader ever sees half of it.

    Raises:
        OSError: when the folder cannot be written; the old file is then untouched.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.tmp")
    try:
        temporary.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in `path`, or None when it is missing, unreadable or not (yet) a whole object."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None
