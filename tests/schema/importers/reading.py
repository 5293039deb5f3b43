"""Fixtures read from tests/data/imports, and the question whether every key was dealt with."""

import json
import tomllib
from pathlib import Path
from typing import Any, Final

from schema.document import Document
from schema.importers import Imported, imported
from schema.importers.draft import Draft

FOLDER: Final = Path(__file__).parents[2] / "data" / "imports"


def result(name: str) -> Imported:
    """A fixture, imported."""
    return imported(FOLDER / name)


def document(name: str) -> Document:
    """A fixture's config as a document, which must have no fault of syntax or shape."""
    found = Document.parse(result(name).text)
    assert [
        str(finding.sentence()) for finding in found.findings if finding.severity == "error"
    ] == []
    return found


def data(name: str) -> Any:
    """A fixture as plain data."""
    text = (FOLDER / name).read_text(encoding="utf-8")
    return tomllib.loads(text) if name.endswith(".toml") else json.loads(text)


def accounted(draft: Draft) -> set[str]:
    """Every key that has a value here, is listed, or was off."""
    notes = [*draft.unequal, *draft.converted]
    return {*draft.taken, *draft.idle, *(note.key for note in notes)}


def unequal(draft: Draft) -> dict[str, str]:
    """What has no equal, with the reasons."""
    return {note.key: note.words for note in draft.unequal}


def leaves(values: dict[str, Any], where: str = "") -> set[str]:
    """Keys with their places; tables are entered."""
    found = set()
    for key, value in values.items():
        if isinstance(value, dict):
            found |= leaves(value, f"{where}{key}.")
        else:
            found.add(f"{where}{key}")
    return found


def pictures(folder: Path, count: int) -> None:
    """So many files that count as pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        (folder / f"{index}.png").write_bytes(b"")
