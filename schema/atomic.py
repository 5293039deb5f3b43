"""Writing a file so that a reader sees the old content or the new one, never half of it.

Used for every file that somebody else may be reading or that must survive a power cut.
"""

import os
import tempfile
from pathlib import Path


def write_atomic(path: Path | str, content: bytes | str) -> None:
    """Replace `path` by `content`: a temporary file beside it, fsync, rename, fsync of the folder.

    Text is written as UTF-8 with its line endings untouched. The mode of an existing file is kept.
    Raises OSError when the folder is missing, not writable or full; `path` is then unchanged.
    """
    target = Path(path)
    data = content.encode("utf-8") if isinstance(content, str) else content
    handle, temporary = tempfile.mkstemp(prefix=f".{target.name[:64]}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), _mode_for(target))
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Make a rename inside `folder` durable; silently skipped where folders cannot be synced."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return  # Windows cannot open a folder
    try:
        os.fsync(descriptor)
    except OSError:
        pass  # some network disks refuse; the rename itself has happened
    finally:
        os.close(descriptor)


def _mode_for(target: Path) -> int:
    """The permission bits of the file that is replaced, else what a plain `open` would give."""
    try:
        return target.stat().st_mode & 0o777
    except OSError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask
