"""Writing files whole or not at all; where FineTUI's own files are."""

import os
import sys
from pathlib import Path

import pytest

from schema.atomic import write_atomic
from schema.home import config_dir, state_dir
from schema.paths import absolute, parse, written


def test_text_and_bytes_are_written_as_they_are(tmp_path: Path) -> None:
    write_atomic(tmp_path / "a", "é\r\n")
    assert (tmp_path / "a").read_bytes() == "é\r\n".encode()
    write_atomic(str(tmp_path / "a"), b"\x00")
    assert (tmp_path / "a").read_bytes() == b"\x00"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_failed_write_leaves_the_old_file_and_no_debris(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    path.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomic(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_mode_of_a_file_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("x")
    path.chmod(0o640)
    write_atomic(path, "y")
    assert path.stat().st_mode & 0o777 == 0o640
    old = os.umask(0o027)
    try:
        write_atomic(tmp_path / "b", "z")
    finally:
        os.umask(old)
    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o640


def test_a_missing_folder_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no"):
        write_atomic(tmp_path / "no" / "a", "x")


def test_finetui_home_holds_both_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINETUI_HOME", "/somewhere")
    assert config_dir() == Path("/somewhere/config")
    assert state_dir() == Path("/somewhere/state")


def test_the_platform_decides_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FINETUI_HOME")
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CONFIG_HOME", "/conf")
    monkeypatch.setenv("XDG_STATE_HOME", "relative/is/ignored")
    assert config_dir() == Path("/conf/finetui")
    assert state_dir() == Path("/home/me/.local/state/finetui")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert config_dir() == Path("/home/me/Library/Application Support/finetui")


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("train.lr", ("config", "process", 0, "train", "lr")),
        ("datasets[2].flip_x", ("config", "process", 0, "datasets", 2, "flip_x")),
        ("process[1].train.lr", ("config", "process", 1, "train", "lr")),
        ("config.name", ("config", "name")),
        ("job", ("job",)),
        ("device", ("config", "process", 0, "device")),
    ],
)
def test_paths_lead_to_keys_and_back(path: str, keys: tuple[object, ...]) -> None:
    assert absolute(path) == keys
    assert written(keys) == path
    assert written(()) == ""


@pytest.mark.parametrize("path", ["", ".", "a.", "a..b", "a[b]", "[x]", "a[1", "a[1]b"])
def test_what_is_no_path_is_told_so(path: str) -> None:
    with pytest.raises(ValueError, match="not a path"):
        parse(path)
