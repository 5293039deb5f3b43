"""Bars of `check` at scale: 10,000 pictures with and without memory, 500 configs in one call.

Run by `make bench`; wants a quiet machine and 2 GB of disk.
"""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.bench.dataset_of import EVERY_BROKEN, make_dataset
from tests.bench.measure import compare
from tests.house.files import ROOT
from tests.schema.conftest import BASE

pytestmark = pytest.mark.bench

PICTURES = 10_000
CONFIGS = 500

_CHILD = """
import json, resource, sys, time
begin = time.perf_counter()
from schema.check import check_file
from schema.looking import Looking
found = check_file(sys.argv[1], looking=Looking(sys.argv[2]))
seconds = time.perf_counter() - begin
kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
codes = [finding.code for finding in found]
print(json.dumps([seconds, kb, codes, "torch" in sys.modules]))
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A config of a dataset of 10,000 pictures."""
    root = tmp_path_factory.mktemp("scale")
    make_dataset(root / "images", PICTURES)
    text = BASE.replace("folder_path: images", f"folder_path: {root / 'images'}")
    path = root / "a.yaml"
    path.write_text(text)
    return path


def look(config: Path, decode: str) -> tuple[float, float, list[str]]:
    """Seconds with start-up, peak megabytes, and the codes of a check in a process of its own."""
    command = [sys.executable, "-c", _CHILD, str(config), decode]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    seconds, kilobytes, codes, torch = json.loads(done.stdout)
    assert not torch
    return seconds, kilobytes / 1024, codes


def test_ten_thousand_pictures_are_looked_at_in_ten_seconds_and_again_in_one(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FINETUI_HOME", str(tmp_path))
    first, memory, codes = look(config, "few")
    again = [look(config, "few") for _ in range(5)]
    best, peak = min(row[0] for row in again), max(memory, *(row[1] for row in again))
    print(f"\n{PICTURES} pictures: {first:.2f} s, remembered {best:.2f} s, peak {peak:.0f} MB")
    broken = PICTURES // EVERY_BROKEN
    assert codes.count("image-unreadable") == min(broken, 10) + (broken > 10)
    assert {"captions-missing", "not-decoded"} <= set(codes)
    assert all(row[2] == codes for row in again), "what is remembered is what was found"
    assert first < 10
    assert best < 1
    assert peak < 300


def test_reading_all_pixels_is_remembered(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FINETUI_HOME", str(tmp_path))
    first, memory, codes = look(config, "all")
    again, _, codes_again = min(look(config, "all") for _ in range(3))
    print(f"\npixels of {PICTURES} pictures: {first:.1f} s, remembered {again:.2f} s")
    print(f"peak {memory:.0f} MB")
    assert "not-decoded" not in codes
    assert codes_again == codes
    assert again < 1.5


def test_five_hundred_configs_take_under_five_milliseconds_each(tmp_path: Path) -> None:
    for number in range(CONFIGS):
        (tmp_path / f"{number:03}.yaml").write_text(BASE.replace("first", f"config {number}"))

    def seconds(how: str) -> float:
        command = [sys.executable, "-m", "tests.bench.many_configs", str(tmp_path), how]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        return float(done.stdout)

    found = compare(lambda: seconds("check"), lambda: seconds("load"), pairs=5)
    each = found.ours / CONFIGS * 1000
    print(f"\ncheck: {each:.2f} ms a config; against a plain C load of the same files: {found}")
    assert each < 5


def test_the_command_takes_a_folder_of_configs_in_one_call(tmp_path: Path) -> None:
    for number in range(CONFIGS):
        (tmp_path / f"{number:03}.yaml").write_text(BASE.replace("first", f"config {number}"))
    command = [sys.executable, "-P", "-m", "tui.cli", "check", "--no-files", str(tmp_path)]
    begin, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    wall = time.perf_counter() - begin
    print(f"\nfinetui check FOLDER: {spent:.2f} s of processor, {wall:.2f} s, {CONFIGS} configs")
    assert len(done.stdout.splitlines()) == CONFIGS
    assert spent < 0.005 * CONFIGS + 1
