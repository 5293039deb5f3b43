"""The runs this machine knows: one small file per run in the state folder, naming where it lies.

It lets people say a name instead of a path and lets the app list runs. It is an index and never the
truth: a folder that moved away is passed over, and a run that nobody registered works by its path.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from schema.home import state_dir
from schema.run.files import read_json, replace_json
from schema.run.layout import RunFolder


class RunNotFound(Exception):
    """No run, or more than one, goes by what the user said."""


def registry_dir() -> Path:
    """Where the known runs are listed."""
    return state_dir() / "runs"


def register(folder: RunFolder) -> None:
    """Make `folder` known on this machine; quietly does nothing where the state folder is not
    writable.
    """
    about = folder.about()
    entry = registry_dir() / f"{about.get('id', 'run')}.json"
    known = read_json(entry)
    if known and known.get("folder") != str(folder.path) and Path(known["folder"]).is_dir():
        # A copied run folder carries the same id: both copies stay known.
        mark = hashlib.sha256(str(folder.path).encode()).hexdigest()[:8]
        entry = entry.with_name(f"{about.get('id', 'run')}-{mark}.json")
    try:
        entry.parent.mkdir(parents=True, exist_ok=True)
        value = {"name": folder.name, "folder": str(folder.path), "known_since": time.time()}
        replace_json(entry, value)
    except OSError:
        return


def forget(folder: RunFolder) -> None:
    """Take `folder` off the list; its files stay."""
    for entry in _entries():
        if (read_json(entry) or {}).get("folder") == str(folder.path):
            entry.unlink(missing_ok=True)


def known_runs() -> list[RunFolder]:
    """The known runs whose folder can be seen now, oldest first."""
    found: dict[Path, tuple[float, RunFolder]] = {}
    for entry in _entries():
        value = read_json(entry)
        if value and isinstance(value.get("folder"), str):
            folder = RunFolder(value["folder"])
            if folder.exists():
                created = folder.about().get("created") or value.get("known_since") or 0.0
                # A folder that was deleted and laid out anew is in two entries, and is one run.
                found[folder.path] = (float(created), folder)
    ordered = sorted(found.values(), key=lambda pair: (pair[0], str(pair[1].path)))
    return [folder for _, folder in ordered]


def find_run(name_or_path: str | os.PathLike[str]) -> RunFolder:
    """The run that `name_or_path` means: a folder, or a name unique among the known runs.

    Raises:
        RunNotFound: with a sentence for the user when there is none or more than one.
    """
    text = os.fspath(name_or_path)
    by_path = RunFolder(Path(text).expanduser())
    if by_path.exists():
        return by_path
    runs = known_runs()
    named = [folder for folder in runs if text in (folder.name, folder.path.name)]
    if len(named) == 1:
        return named[0]
    if named:
        places = ", ".join(str(folder.path) for folder in named)
        raise RunNotFound(f"several runs are called {text}: {places}; give the folder")
    near = get_close_matches(text, [folder.name for folder in runs], n=1)
    hint = f"; did you mean {near[0]}?" if near else "; `finetui ps` lists the known ones"
    raise RunNotFound(f"no run called {text} is known here, and no run lies in that folder{hint}")


def _entries() -> Iterator[Path]:
    try:
        yield from sorted(registry_dir().glob("*.json"))
    except OSError:
        return
