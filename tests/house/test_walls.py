"""The walls between the rooms, seen from inside a process: who ends up in `sys.modules`.

import-linter reads the files (make check runs it too); only a running interpreter shows what a
deferred import or a library brings along.
"""

import os
import subprocess
import sys

from tests.house.files import ROOT, modules

SCREEN = ("tui", "themes", "textual")
ENGINE = ("engine", "torch", "numpy", "diffusers", "transformers", "peft", "accelerate")
HEAVY = (*ENGINE, "safetensors", "tokenizers", "matplotlib", "plotext", "pandas")

PROBE = """
import importlib, sys
names, banned = sys.argv[1].split(","), set(sys.argv[2].split(","))
for name in names:
    importlib.import_module(name)
    met = sorted(banned & set(sys.modules))
    if met:
        sys.exit(f"importing {name} brought {met}")
"""


def probe(names: tuple[str, ...], banned: tuple[str, ...]) -> str:
    """Import the modules one after another in a fresh interpreter; '' or the first breach."""
    result = subprocess.run(
        [sys.executable, "-c", PROBE, ",".join(names), ",".join(banned)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
    )
    return result.stderr.strip() if result.returncode else ""


def test_the_schema_brings_neither_room_nor_arrays_nor_a_screen() -> None:
    names = modules("schema")
    assert "schema.option" in names
    assert probe(names, (*SCREEN, *HEAVY, "rich", "PIL")) == ""


def test_the_screen_never_brings_the_engine_or_its_libraries() -> None:
    names = modules("tui", "themes")
    assert "tui.app" in names
    assert probe(names, HEAVY) == ""


def test_the_command_line_starts_without_the_screen_and_without_pydantic() -> None:
    assert probe(("tui.cli",), (*HEAVY, "textual", "pydantic", "yaml")) == ""


def test_the_engine_never_brings_the_screen() -> None:
    names = modules("engine")
    assert "engine.step" in names
    assert probe(names, SCREEN) == ""


def test_the_supervisor_needs_no_torch() -> None:
    assert probe(("engine.supervisor",), (*HEAVY[1:], *SCREEN)) == ""


def test_the_probe_sees_a_breach() -> None:
    assert "textual" in probe(("tui.app",), ("textual",))


def test_the_import_contracts_are_kept() -> None:
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert ", 0 broken" in result.stdout
