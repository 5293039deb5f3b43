"""`finetui import`: what is written, what is said, exit codes, and that torch stays out."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.schema.importers.reading import FOLDER
from tui.cli import main


def test_the_config_is_written_with_its_notes_and_findings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.yaml"
    assert main(["import", str(FOLDER / "kohya_lora.toml"), "-o", str(out)]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "clip_skip = 2" in said.err
    assert "[" in said.err.split("checked:")[1]
    text = out.read_text(encoding="utf-8")
    assert text.startswith("# Imported from kohya_lora.toml, a config of kohya sd-scripts.")
    assert "#   clip_skip = 2: " in text
    assert "0123456789secret" not in said.err + text


def test_without_an_output_it_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", str(FOLDER / "pipe.toml"), "--no-files"]) == 0
    assert "arch: wan21" in capsys.readouterr().out


def test_a_file_that_exists_is_left_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.yaml"
    out.write_text("mine", encoding="utf-8")
    assert main(["import", str(FOLDER / "pipe.toml"), "-o", str(out)]) == 2
    assert out.read_text(encoding="utf-8") == "mine"
    assert "exists already" in capsys.readouterr().err


def test_files_that_are_missing_or_no_config(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", str(tmp_path / "none.toml"), "-o", str(tmp_path / "a.yaml")]) == 2
    other = tmp_path / "other.toml"
    other.write_text("a = 1", encoding="utf-8")
    assert main(["import", str(other), "-o", str(tmp_path / "a.yaml")]) == 1
    assert "[unknown-format]" in capsys.readouterr().err
    assert main(["import", str(FOLDER / "pipe.toml"), "-o", str(tmp_path / "no" / "a.yaml")]) == 2
    assert not (tmp_path / "a.yaml").exists()


def test_neither_torch_nor_the_screen_is_loaded() -> None:
    code = (
        "import sys; from tui.cli import main; "
        f"main(['import', {str(FOLDER / 'onetrainer.json')!r}, '--no-files']); "
        "print(sorted({'torch', 'numpy', 'textual', 'ruamel.yaml'} & set(sys.modules)), "
        "file=sys.stderr)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stderr.rstrip().endswith("[]")
