"""Nothing of the machine it was written on stays in a file."""

import tempfile
from pathlib import Path

from tests.house.files import ROOT, tracked

BINARY = {".png", ".jpg", ".webp", ".safetensors", ".bin", ".gif", ".ico"}


def machine_paths() -> list[str]:
    """Folders that exist here and mean nothing elsewhere, as they would stand in a file."""
    here = [ROOT, ROOT.parent, Path.home()]
    shared = {Path("/"), Path("/tmp"), Path(tempfile.gettempdir()), Path("/home"), Path("/root")}
    return [f"{folder}/" for folder in here if folder not in shared]


def test_no_file_names_a_folder_of_this_machine() -> None:
    found = []
    for path in tracked():
        if path.suffix in BINARY:
            continue
        text = (ROOT / path).read_text(errors="replace")
        found += [f"{path} names {folder}" for folder in machine_paths() if folder in text]
    assert not found, "\n".join(found)


def test_the_search_knows_this_checkout() -> None:
    assert f"{ROOT}/" in machine_paths()
