"""When the app itself fails: the edits are kept, the traceback goes to a file, one line says where.

A training that runs is a process of its own and goes on; the message says how to see it again.
"""

from __future__ import annotations

import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from schema.home import state_dir

if TYPE_CHECKING:
    from tui.app import FineTuiApp


def report(app: FineTuiApp, error: BaseException) -> str:
    """Keeps edits and traceback; returns the words for the user."""
    lines = [f"FineTUI has failed: {_line(error)}"]
    if app.draft is not None and app.draft.unsaved and app.draft.autosave():
        lines.append("Your edits are kept and will be offered when you open the config again.")
    if (file := _write(error)) is not None:
        lines.append(f"The traceback is in {file}")
    if app.current_run is not None:
        lines.append(f"Your training continues: finetui watch {app.current_run.path}")
    return "\n".join(lines)


def _line(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__


def _write(error: BaseException) -> Path | None:
    file = state_dir() / "crashes" / f"{time.strftime('%Y%m%d-%H%M%S')}.txt"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    except OSError:
        return None
    return file
