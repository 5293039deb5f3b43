"""Are `schema`, `engine`, `tui` and `themes` the ones that belong together?

The names are common words: a package of another project may bring a `schema` of its own, which
then answers instead of ours or overwrites it. Asked at every start (cheap) and by the doctor
(thorough); nothing here imports any of the four.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

ROOMS = ("schema", "engine", "tui", "themes")
HOME = Path(__file__).resolve().parent.parent


def strangers() -> dict[str, Path | None]:
    """The names that lead elsewhere than beside this file, with where they lead. About 1 ms."""
    found: dict[str, Path | None] = {}
    for name in ROOMS:
        spec = importlib.util.find_spec(name)
        place = Path(spec.origin).resolve().parent if spec and spec.origin else None
        if place != HOME / name:
            found[name] = place
    return found


def overwritten() -> list[str]:
    """The packages whose `__init__.py` is no longer the installed one (wheel installs only)."""
    import base64  # these four cost 30 ms, and only a thorough look needs them
    import hashlib
    import importlib.metadata

    try:
        files = importlib.metadata.files("finetui") or []
    except importlib.metadata.PackageNotFoundError:
        return []
    changed = []
    for entry in files:
        name, _, rest = str(entry).partition("/")
        if name not in ROOMS or rest != "__init__.py" or entry.hash is None:
            continue
        path = Path(str(entry.locate()))
        digest = hashlib.new(entry.hash.mode, path.read_bytes() if path.exists() else b"").digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != entry.hash.value:
            changed.append(name)
    return changed


def in_the_way(name: str) -> list[str]:
    """Other installed distributions that bring a package of this name; reads every metadata."""
    import importlib.metadata

    return sorted(set(importlib.metadata.packages_distributions().get(name, ())) - {"finetui"})


def complaint() -> str | None:
    """What is in the way of the four packages and what to do, or None if they are ours."""
    wrong = strangers()
    for name in overwritten():
        wrong.setdefault(name, HOME / name)
    if not wrong:
        return None
    lines = []
    for name, place in wrong.items():
        blame = " and ".join(in_the_way(name)) or "something else"
        lines.append(f"`import {name}` gives the package of {blame} ({place or 'nothing there'})")
    others = sorted({other for name in wrong for other in in_the_way(name)})
    remove = f"pip uninstall {' '.join(others)}, then " if others else ""
    lines.append(f"{remove}install finetui again, best in an environment of its own (pipx)")
    return "\n".join(lines)
