"""Where FineTUI keeps its own files: settings and what it knows about runs on this machine.

`FINETUI_HOME` puts both under one folder; otherwise the platform's customs are followed.
"""

import os
import sys
from pathlib import Path


def config_dir() -> Path:
    """Folder of the user's settings, key map and themes; may not exist yet."""
    home = _own_home()
    if home is not None:
        return home / "config"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "finetui"
    return _xdg("XDG_CONFIG_HOME", ".config") / "finetui"


def state_dir() -> Path:
    """Folder of the run registry, recent files and autosaved drafts; may not exist yet."""
    home = _own_home()
    if home is not None:
        return home / "state"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "finetui" / "state"
    return _xdg("XDG_STATE_HOME", ".local/state") / "finetui"


def _own_home() -> Path | None:
    value = os.environ.get("FINETUI_HOME", "")
    return Path(value).expanduser() if value else None


def _xdg(variable: str, fallback: str) -> Path:
    """The folder an XDG variable names; relative values are to be ignored, says the standard."""
    value = os.environ.get(variable, "")
    return Path(value) if value.startswith("/") else Path.home() / fallback
