"""What earlier looks at a dataset's files found, so that files that did not change are not read.

One JSON file a folder under the user's state folder. A row counts only for a file of the same
size, times and inode as then, so nothing here ever has to be invalidated; a memory that is lost or
damaged costs time alone. Used by `check`, the app and the engine's first look at its data.
"""

import contextlib
import hashlib
import json
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from schema.atomic import write_atomic
from schema.caption_files import Caption, read_caption
from schema.home import state_dir
from schema.picture_files import Look, as_look, decode_fault, look

_VERSION: Final = 2
_JUST_NOW: Final = 200_000_000
"""Nanoseconds: a file as young as this may change again without its times telling."""
_KEPT_TEXT: Final = 2000
"""Characters; longer captions are read again each time."""

Row = list[Any]


@dataclass(slots=True)
class ScanMemory:
    """The rows of one folder by path below it: identity first, then what was found."""

    folder: Path
    file: Path
    pictures: dict[str, Row] = field(default_factory=dict)
    captions: dict[str, Row] = field(default_factory=dict)
    changed: bool = False
    _prefix: str = ""

    def __post_init__(self) -> None:
        self._prefix = f"{self.folder}{os.sep}"

    @classmethod
    def of(cls, folder: Path) -> "ScanMemory":
        """What is remembered of a folder; nothing where nothing is, or nothing that can be read."""
        real = os.path.realpath(folder)
        digest = hashlib.blake2b(os.fsencode(real), digest_size=12).hexdigest()
        memory = cls(folder, state_dir() / "scans" / f"{digest}.json")
        memory.pictures, memory.captions = _stored(memory.file)
        return memory

    def look(self, path: Path) -> Look:
        """Header and end of a picture, from memory if it is the same file still."""
        identity = _identity(path)
        row = self.pictures.get(self._key(path))
        if row is not None and row[:4] == identity:
            return as_look(row[4:7])
        self.pictures.pop(self._key(path), None)
        found = look(path)
        if identity is not None:
            width, height = found.size or (0, 0)
            self._note(self.pictures, path, identity, [width, height, found.fault, False])
        return found

    def caption(self, path: Path) -> Caption:
        """A caption file's content, from memory if it is the same file still."""
        identity = _identity(path)
        row = self.captions.get(self._key(path))
        if row is not None and row[:4] == identity:
            return Caption(*row[4:9])
        found = read_caption(path)
        if identity is not None and len(found.text) <= _KEPT_TEXT:
            rest = [found.text, found.fault, found.pieces, found.words, found.short]
            self._note(self.captions, path, identity, rest)
        return found

    def decoded(self, path: Path) -> bool:
        """Whether the pixels of a picture just looked at were read since it changed."""
        row = self.pictures.get(self._key(path))
        return row is not None and bool(row[7])

    def decode(self, path: Path) -> str | None:
        """Read a picture's pixels and remember how that went; the fault, or None."""
        identity = _identity(path)
        fault = decode_fault(path)
        row = self.pictures.get(self._key(path))
        if identity is not None and row is not None and row[:4] == identity:
            size = row[4:6]
            self._note(self.pictures, path, identity, [*size, fault or row[6], fault is None])
        return fault

    def save(self) -> None:
        """Write what is new, together with what others have written meanwhile."""
        if not self.changed:
            return
        pictures, captions = _stored(self.file)
        content = {
            "version": _VERSION,
            "folder": str(self.folder),
            "pictures": self._present({**pictures, **self.pictures}),
            "captions": self._present({**captions, **self.captions}),
        }
        with contextlib.suppress(OSError):  # a memory that cannot be kept only costs time
            self.file.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(self.file, json.dumps(content, separators=(",", ":")))
            self.changed = False

    def _present(self, rows: dict[str, Row]) -> dict[str, Row]:
        """The rows of files that are still there."""
        return {name: row for name, row in rows.items() if os.path.lexists(self.folder / name)}

    def _note(self, table: dict[str, Row], path: Path, identity: Row, found: Row) -> None:
        if time.time_ns() - max(identity[1:3]) > _JUST_NOW:
            table[self._key(path)] = [*identity, *found]
            self.changed = True

    def _key(self, path: Path) -> str:
        """The path below the folder."""
        return str(path).removeprefix(self._prefix)


def _identity(path: Path) -> Row | None:
    """What tells a changed file from an unchanged one; None where there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]


def _stored(file: Path) -> tuple[dict[str, Row], dict[str, Row]]:
    """The rows in a file; none where it is missing, damaged or of another version."""
    try:
        content = json.loads(file.read_bytes())
        if content["version"] != _VERSION:
            return {}, {}
        pictures = {k: r for k, r in content["pictures"].items() if len(r) == 8}
        captions = {k: r for k, r in content["captions"].items() if len(r) == 9}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}, {}
    return pictures, captions
