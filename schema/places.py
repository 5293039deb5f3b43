"""Questions about paths that a config names, which may be anything: never raising, never waiting.

pathlib raises on names that are too long, on unknown users behind `~` and on folders that may not
be entered; and opening a pipe or a device that bears a file's name would wait for ever.
"""

import os
import stat
from pathlib import Path

exists = os.path.exists
is_folder = os.path.isdir
is_file = os.path.isfile

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def path_of(text: str) -> Path:
    """The path, its `~` replaced where there is such a home."""
    return Path(os.path.expanduser(text))


def absolute(text: str | os.PathLike[str]) -> Path:
    """The path from the root, without `..`; as it is where the working folder was removed."""
    try:
        return Path(os.path.abspath(os.path.expanduser(text)))
    except OSError:
        return Path(os.path.normpath(text))


def names_in(folder: Path) -> list[str]:
    """The names of a folder's entries, sorted; none where it cannot be read."""
    try:
        return sorted(os.listdir(folder))
    except (OSError, ValueError):
        return []


def folders_in(folder: Path) -> list[str]:
    """The names of a folder's folders, sorted; none where it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir())
    except (OSError, ValueError):
        return []


def not_a_file(path: Path) -> str | None:
    """Why a path cannot be read as a file, said of its name (`is a pipe, not a file`), or None.

    Raises OSError where there is nothing that could be asked, such as a loop of links.
    """
    return not_a_file_mode(path.stat().st_mode)


def not_a_file_mode(mode: int) -> str | None:
    """The same from a mode that is known."""
    if stat.S_ISREG(mode):
        return None
    return f"is {_KINDS.get(stat.S_IFMT(mode), 'something else')}, not a file"
