"""The doctor: it says what is missing, what is broken, and what to do, without importing torch."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.device_facts import torch_facts, torchvision_fault
from tests.house.files import ROOT
from tui import diagnosis, rooms, terminal
from tui.commands import doctor
from tui.diagnosis import Row

CPU = {"error": None, "version": "2.13.0", "cuda": False, "cuda_build": None, "mps": False}
H200 = {"name": "NVIDIA H200", "memory": 141 * 2**30, "used": 3 * 2**30}


def finetui(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "tui.cli", *arguments],
        cwd=ROOT,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=150,
    )


def rows_of(*arguments: str, **environ: str) -> dict[str, dict]:
    result = finetui("doctor", "--json", *arguments, **environ)
    assert result.returncode == 0, result.stdout + result.stderr
    return {row["name"]: row for row in json.loads(result.stdout)}


def test_it_asks_torch_itself_and_tells_what_it_computes_on() -> None:
    rows = rows_of()
    assert rows["torch"]["state"] == "ok"
    assert any(word in rows["torch"]["found"] for word in ("CPU build", "CUDA", "mps"))
    assert rows["diffusers"]["state"] == "ok"
    assert rows["here"]["found"].endswith(str(ROOT))


def test_the_token_is_never_shown() -> None:
    result = finetui("doctor", "--quick", HF_TOKEN="hf_very_secret")
    assert "hf_very_secret" not in result.stdout + result.stderr
    assert "HF_TOKEN      set" in result.stdout


def test_a_missing_engine_is_named_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "version", lambda name: None)
    rows = list(diagnosis.engine_rows(None))
    assert {row.state for row in rows} == {"missing"}
    assert {row.name for row in rows} == set(diagnosis.ENGINE)
    assert [row.name for row in rows if row.advice] == [diagnosis.ENGINE[-1]], "said once"
    assert "finetui[engine]" in (rows[-1].advice or "")
    assert "Look at: torch" in doctor.as_text(rows)


def test_a_torch_that_cannot_be_imported_is_broken_with_its_own_words() -> None:
    rows = {row.name: row for row in diagnosis.engine_rows({"error": "OSError: libcudart.so.13"})}
    assert rows["torch"].state == "broken"
    assert "libcudart" in rows["torch"].found


def test_a_torchvision_of_another_build_is_broken() -> None:
    facts = {**CPU, "threads": 1, "torchvision_error": "RuntimeError: operator nms does not exist"}
    rows = {row.name: row for row in diagnosis.engine_rows(facts)}
    assert rows["torchvision"].state == "broken"
    assert "pip uninstall torchvision" in (rows["torchvision"].advice or "")


def test_a_gpu_that_torch_cannot_use_is_broken() -> None:
    rows = {row.name: row for row in diagnosis.gpu_rows([H200], "driver 580.95", CPU)}
    assert rows["gpu 0"].found == "NVIDIA H200, 3.0 of 141 GiB used"
    assert rows["torch on GPU"].state == "broken"
    assert "CUDA build" in (rows["torch on GPU"].advice or "")
    old = {**CPU, "cuda_build": "13.0"}
    rows = {row.name: row for row in diagnosis.gpu_rows([H200], "driver 400.1", old)}
    assert "driver is too old" in (rows["torch on GPU"].advice or "")


def test_a_machine_without_a_gpu_is_no_fault() -> None:
    (row,) = diagnosis.gpu_rows([], "NVML Shared Library Not Found", CPU)
    assert row.state == "note"


def test_a_full_disk_and_an_unwritable_home_are_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    usage = type("Usage", (), {"free": 2**30})
    monkeypatch.setattr(diagnosis.shutil, "disk_usage", lambda folder: usage)
    monkeypatch.setattr(diagnosis.os, "access", lambda folder, mode: False)
    rows = {row.name: row for row in diagnosis.disk_rows()}
    assert rows["here"].state == "note"
    assert "FINETUI_HOME" in (rows["settings"].advice or "")


@pytest.mark.parametrize(
    ("name", "found", "advice"),
    [
        ("size", "79x24", "80x24"),
        ("encoding", "ANSI_X3.4-1968", "UTF-8"),
        ("tmux", "tmux 3.3a, escape-time 500 ms", "escape-time 10"),
        ("colours", "16", "COLORTERM"),
    ],
)
def test_a_terminal_setting_that_hurts_comes_with_its_repair(
    monkeypatch: pytest.MonkeyPatch, name: str, found: str, advice: str
) -> None:
    good = {"size": "120x40", "encoding": "UTF-8", "tmux": "no", "colours": "256"}
    monkeypatch.setattr(terminal, "facts", lambda *_: good)
    assert not [r for r in diagnosis.terminal_rows() if r.advice and r.name != "interactive"]
    monkeypatch.setattr(terminal, "facts", lambda *_: {**good, name: found})
    (row,) = (r for r in diagnosis.terminal_rows() if r.name == name)
    assert advice in (row.advice or "")


def test_only_what_is_broken_makes_the_command_fail(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    args = type("Args", (), {"json": False, "quick": True})()
    monkeypatch.setattr(doctor, "diagnose", lambda ask_torch: [Row("A", "a", "missing", "-")])
    assert doctor.run(args) == 0
    monkeypatch.setattr(doctor, "diagnose", lambda ask_torch: [Row("A", "a", "broken", "-")])
    assert doctor.run(args) == 1
    assert "Look at: a" in capsys.readouterr().out


def test_our_four_packages_are_ours() -> None:
    assert rooms.strangers() == {}
    assert rooms.complaint() is None


@pytest.fixture
def stranger(tmp_path: Path) -> Path:
    """A folder with another project's `schema`, as its installation would leave it."""
    folder = tmp_path / "schema"
    folder.mkdir()
    (folder / "__init__.py").write_text('__version__ = "0.7.8"\n')
    info = tmp_path / "schema-0.7.8.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: schema\nVersion: 0.7.8\n")
    (info / "top_level.txt").write_text("schema\n")
    return tmp_path


def test_a_strangers_schema_is_named_before_anything_else_fails(stranger: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-P", "-c", "import tui.cli, sys; sys.exit(tui.cli.main(['doctor']))"],
        cwd=stranger,
        env={**os.environ, "PYTHONPATH": f"{stranger}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 2
    assert "`import schema` gives the package of schema" in result.stderr
    assert "pip uninstall schema" in result.stderr
    assert "Traceback" not in result.stderr


def test_torch_facts_are_plain_values_in_a_process_of_their_own() -> None:
    facts = diagnosis.torch_facts()
    assert facts["error"] is None
    assert set(facts) >= {"version", "cuda", "cuda_build", "devices", "mps", "threads"}


def test_the_facts_of_torch_name_a_failing_import(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    assert "ModuleNotFoundError" in torch_facts()["error"]


def test_a_missing_torchvision_is_no_fault() -> None:
    assert torchvision_fault() is None
