"""Lays out the demo project: a model, pictures and a config that belong together.

Used by `finetui demo`. It copies what ships beside the engine and imports none of it, so that it
works, and works fast, where the engine's libraries are not installed. What exists already is the
user's and stays as it is; an interrupted copy leaves nothing that looks complete.
"""

import os
import shutil
from pathlib import Path
from typing import Final

import yaml

from schema.atomic import write_atomic
from tui import rooms

ASSETS: Final = rooms.HOME / "engine" / "demo" / "assets"
PARTS: Final = ("model", "images")
CONFIG: Final = "config.yaml"
FOLDER_MARK: Final = "{folder}"
"""Stands in the shipped config for the project's folder; always inside double quotes."""


class DemoError(Exception):
    """The project cannot be laid out; the text is one line for the user."""


def lay_out(folder: Path) -> Path:
    """Complete the project in `folder` and return its config file; nothing that exists is touched.

    Raises:
        DemoError: the folder cannot be written, or something else has the name of a part.
    """
    folder = folder.expanduser().absolute()
    missing = [part for part in (*PARTS, CONFIG) if not (ASSETS / part).exists()]
    if missing:
        raise DemoError(f"this installation lacks the demo's {', '.join(missing)} ({ASSETS})")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for part in PARTS:
            _copy_folder(ASSETS / part, folder / part)
        config = folder / CONFIG
        if not config.exists():
            write_atomic(config, _config_text(folder))
    except OSError as error:
        reason = error.strerror or error
        raise DemoError(f"cannot lay out the demo in {folder}: {reason}") from error
    return config


def _copy_folder(source: Path, target: Path) -> None:
    """Copy a folder beside its final name, then rename: it is there in full or not at all."""
    if target.is_dir():
        return
    if target.exists():
        raise DemoError(f"{target} is in the way: the demo wants a folder of that name")
    staged = target.with_name(f".{target.name}-{os.getpid()}")
    try:
        shutil.copytree(source, staged, copy_function=shutil.copyfile)
        staged.rename(target)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _config_text(folder: Path) -> str:
    """The shipped config with this folder's absolute path, so that it runs from anywhere."""
    text = (ASSETS / CONFIG).read_text(encoding="utf-8")
    quoted = yaml.safe_dump(str(folder), default_style='"', width=2**20, allow_unicode=True)
    return text.replace(FOLDER_MARK, quoted.strip()[1:-1])
