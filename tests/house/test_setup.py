"""The set-up that make runs: which Python it takes, and that it does nothing twice."""

import json
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.files import ROOT

FILES = ("pyproject.toml", "constraints.txt", ".ci/install", ".ci/install.py")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What the set-up reads, in a place of its own."""
    for name in FILES:
        target = tmp_path / "clone" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target)
    return tmp_path / "clone"


def only(folder: Path, **programs: str) -> str:
    """A PATH with the few tools that the script itself uses, and these programs."""
    folder.mkdir()
    for tool in ("dirname", "head", "cat"):
        (folder / tool).symlink_to(shutil.which(tool) or tool)
    for name, text in programs.items():
        path = folder / name.replace("_", ".")
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
    return str(folder)


def install(clone: Path, path: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", ".ci/install", "engine"],
        cwd=clone,
        env={"PATH": path, **environ},
        capture_output=True,
        text=True,
    )


def test_an_old_python_is_named_with_what_to_do(clone: Path, tmp_path: Path) -> None:
    old = 'if [ "$1" = --version ]; then echo Python 3.9.2; else exit 1; fi'
    result = install(clone, only(tmp_path / "bin", python3=old))
    assert result.returncode == 1
    assert "needs Python 3.11 or newer" in result.stderr
    assert "Python 3.9.2 (python3)" in result.stderr
    assert "apt install" in result.stderr


def test_python_3_11_is_preferred_and_another_one_can_be_named(clone: Path, tmp_path: Path) -> None:
    path = only(
        tmp_path / "bin",
        python3_11='[ "$1" = -c ] || echo took 3.11 "$@"',
        python3='[ "$1" = -c ] || echo took python3 "$@"',
        mine='[ "$1" = -c ] || echo took mine "$@"',
    )
    assert install(clone, path).stdout == "took 3.11 .ci/install.py engine\n"
    assert install(clone, path, PYTHON="mine").stdout == "took mine .ci/install.py engine\n"


def note_of(clone: Path, extras: list[str]) -> None:
    """As if a set-up had gone through."""
    script = runpy.run_path(str(clone / ".ci/install.py"))
    for name in ("python", "finetui"):
        (clone / ".venv/bin").mkdir(parents=True, exist_ok=True)
        (clone / ".venv/bin" / name).touch()
    stamp = {"hash": script["fingerprint"](), "extras": extras}
    (clone / ".venv/finetui-stamp.json").write_text(json.dumps(stamp))


def up_to_date(clone: Path, extras: list[str]) -> bool:
    return bool(runpy.run_path(str(clone / ".ci/install.py"))["up_to_date"](extras))


def test_nothing_is_done_twice_until_something_changes(clone: Path) -> None:
    assert not up_to_date(clone, ["engine"])
    note_of(clone, ["engine", "8bit"])
    assert up_to_date(clone, ["engine"])
    assert not up_to_date(clone, ["engine", "dev"])
    with (clone / "constraints.txt").open("a") as file:
        file.write("another==1.0\n")
    assert not up_to_date(clone, ["engine"])


def test_an_up_to_date_set_up_prints_nothing(clone: Path) -> None:
    note_of(clone, ["engine"])
    command = [sys.executable, ".ci/install.py", "engine"]
    result = subprocess.run(command, cwd=clone, capture_output=True, text=True)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_everything_that_is_asked_for_is_pinned() -> None:
    script = runpy.run_path(str(ROOT / ".ci/install.py"))
    pins = {name.lower().replace("_", "-") for name in script["pinned"]()}
    asked = script["requirements"](["engine", "8bit", "optimizers", "wandb", "tensorboard", "dev"])
    for line in asked:
        name = line.split(";")[0]
        for mark in "<>=![ ":
            name = name.split(mark)[0]
        assert name.lower().replace("_", "-") in pins, f"{name} is not in constraints.txt"


def test_a_failed_step_tells_the_end_of_its_output_and_a_hint(clone: Path) -> None:
    (clone / ".venv/bin").mkdir(parents=True)
    broken = clone / ".venv/bin/python"
    broken.write_text("#!/bin/sh\necho ERROR: No matching distribution found for torch\nexit 1\n")
    broken.chmod(0o755)
    code = f"""
import runpy
script = runpy.run_path({str(clone / ".ci/install.py")!r})
script["LOG"].parent.mkdir()
step = script["Step"]("[2/4] torch")
raise SystemExit(step.run(lambda step: script["pip"](step, ["torch"])))
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ}
    )
    assert result.returncode == 0, "run() answers False"
    assert "[2/4] torch        failed" in result.stdout
    assert "No matching distribution" in result.stderr
    assert "Is there a build for this Python?" in result.stderr
