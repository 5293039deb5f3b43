"""What a wheel holds: the four packages with their data, and nothing of the workshop."""

import email
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.house.files import ROOT, sources, tracked


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built without fetching anything."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    """The names of the files in it."""
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> email.message.Message:
    """Its METADATA."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(archive.read(name))


@pytest.mark.parametrize("room", ["schema", "engine", "tui", "themes"])
def test_every_module_is_in_the_wheel(room: str, names: set[str]) -> None:
    missing = {str(path) for path in sources(room)} - names
    assert not missing


@pytest.mark.parametrize(
    ("folder", "suffix"),
    [("themes", ".yaml"), ("schema/presets", ".yaml"), ("engine/demo/assets", ".safetensors")],
)
def test_the_data_is_in_the_wheel(folder: str, suffix: str, names: set[str]) -> None:
    kept = {str(p) for p in tracked() if p.is_relative_to(folder) and p.suffix == suffix}
    assert kept, f"the repository has no {suffix} in {folder}"
    assert kept <= names


def test_every_data_file_of_the_packages_is_in_the_wheel(names: set[str]) -> None:
    rooms = {"schema", "engine", "tui", "themes"}
    missing = {str(path) for path in tracked() if path.parts[0] in rooms} - names
    assert not missing


def test_the_workshop_stays_at_home(names: set[str]) -> None:
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        "schema",
        "engine",
        "tui",
        "themes",
    }


def test_the_wheel_stays_small(wheel: Path) -> None:
    assert wheel.stat().st_size < 16 * 2**20


def test_the_base_needs_no_torch_and_the_engine_extra_brings_it(
    metadata: email.message.Message,
) -> None:
    requires = metadata.get_all("Requires-Dist") or []
    base = [line for line in requires if "extra ==" not in line]
    engine = [line for line in requires if "extra == 'engine'" in line.replace('"', "'")]
    heavy = ("torch", "numpy", "diffusers", "transformers", "peft", "safetensors", "accelerate")
    assert not [line for line in base if line.startswith(heavy)]
    for name in ("torch", "diffusers", "transformers", "peft", "safetensors", "accelerate"):
        assert any(line.startswith(name) for line in engine), name
    assert metadata["Requires-Python"] == ">=3.11"
    assert any(line.startswith("textual==") for line in base)


def test_the_command_of_an_installed_wheel_finds_its_data(wheel: Path, tmp_path: Path) -> None:
    """Unpacked as pip would, and run from another folder, without the repository on the path."""
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
        entry = next(n for n in archive.namelist() if n.endswith("entry_points.txt"))
        assert "finetui = tui.cli:main" in archive.read(entry).decode()
    code = "import sys, tui.cli; print(tui.__file__); sys.exit(tui.cli.main(['presets', '--json']))"
    result = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    where, _, presets = result.stdout.partition("\n")
    assert where.startswith(str(site))
    assert presets.strip() not in ("", "[]")
