"""The config that an importer builds, and the record of what became of every key it read.

A key ends in one of four ways: it has a value here as it stood, it was converted with a word on
it, it has no equal (with the reason), or it was off and so loses nothing. Nothing else is possible:
what no table names is listed by `tables.list_rest`.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

SECTIONS: Final[tuple[str, ...]] = (
    "type", "training_folder", "device", "trigger_word", "training_seed", "embedding", "network",
    "save", "datasets", "train", "model", "sample", "logging",
)  # fmt: skip
"""The keys of a process in the order in which they are written."""

_SECRET: Final = re.compile(r"(^|_)(token|api_key|secrets?|password|access_key(_id)?)$")
_SHOWN: Final = 80


@dataclass(frozen=True, slots=True)
class Note:
    """A word on a key of the other trainer: its name with its place, its value, what to know."""

    key: str
    value: str
    words: str

    def sentence(self) -> str:
        """The note on one line, safe as a comment."""
        return printable(f"{self.key} = {self.value}: {self.words}")


class Draft:
    """Values by our paths, relative to the process (`train.lr`; `config.name` apart), and notes."""

    def __init__(self) -> None:
        self.name: str | None = None
        self.values: dict[str, Any] = {}
        self.datasets: list[dict[str, Any]] = []
        self.unequal: list[Note] = []
        self.converted: list[Note] = []
        self.idle: list[str] = []
        self.taken: dict[str, str] = {}

    def put(self, path: str, value: Any) -> None:
        """Set a value."""
        if path == "config.name":
            self.name = str(value)
            return
        *parents, last = path.split(".")
        place = self.values
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value

    def get(self, path: str, default: Any = None) -> Any:
        """The value set at a path."""
        place: Any = self.values
        for key in path.split("."):
            if not isinstance(place, dict) or key not in place:
                return default
            place = place[key]
        return place

    def drop(self, path: str) -> Any:
        """Take a value out again and return it."""
        *parents, last = path.split(".")
        place = self.get(".".join(parents)) if parents else self.values
        return place.pop(last, None) if isinstance(place, dict) else None

    def imply(self, path: str, value: Any) -> None:
        """Set what the other trainer takes where the file says nothing."""
        if self.get(path) is None:
            self.put(path, value)

    def lost(self, key: str, value: Any, reason: str) -> None:
        """List a key that has no equal."""
        _add(self.unequal, Note(key, shown(key, value), reason))

    def told(self, key: str, value: Any, words: str) -> None:
        """List a key whose value was converted, with what to know."""
        _add(self.converted, Note(key, shown(key, value), words))

    def off(self, key: str) -> None:
        """List a key that had no effect there."""
        self.idle.append(key)

    def took(self, path: str, *keys: str) -> None:
        """Record that keys of the other trainer went into the value at `path`."""
        self.taken.update(dict.fromkeys(keys, path))

    def config(self, stem: str) -> dict[str, Any]:
        """The whole config; a run without a name takes that of the file."""
        process: dict[str, Any] = {"type": "sd_trainer", **self.values}
        if self.datasets:
            process["datasets"] = self.datasets
        ordered = {key: process[key] for key in SECTIONS if key in process}
        ordered |= {key: value for key, value in process.items() if key not in ordered}
        name = safe_name(self.name or "") or safe_name(stem) or "imported"
        return {"job": "extension", "config": {"name": name, "process": [ordered]}}


def _add(notes: list[Note], note: Note) -> None:
    """A key that speaks for several datasets is noted once."""
    if note not in notes:
        notes.append(note)


def safe_name(name: str) -> str:
    """A run's name as it may stand as a folder."""
    kept = "".join(letter if letter.isalnum() or letter in "_.-" else "_" for letter in name)
    return kept.strip("_.-")


def shown(key: str, value: Any) -> str:
    """A value as it may be shown: never a key or token, never long."""
    if value and _SECRET.search(key.lower().replace("-", "_").replace(".", "_").replace(" ", "_")):
        return "(not shown)"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    text = str(_veiled(value))
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def _veiled(value: Any) -> Any:
    """Mappings and lists with the secrets in them left out."""
    if isinstance(value, dict):
        return {str(key): shown(str(key), item) for key, item in value.items()}
    return [_veiled(item) for item in value] if isinstance(value, list) else value


def printable(text: str) -> str:
    """Line breaks and control characters written out, so that a comment stays on its line."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii")
        for letter in text
    )
