"""The run's folder, the list of known runs, and the lock."""

import errno
import fcntl
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from schema.run.files import read_json, replace_json
from schema.run.layout import FolderTaken, RunFolder
from schema.run.lock import RunLock, RunLocked, holder_of
from schema.run.process import this_process
from schema.run.registry import RunNotFound, find_run, forget, known_runs, register, registry_dir


def test_a_new_run_holds_its_config_to_the_letter_and_its_identity(folder: RunFolder) -> None:
    assert folder.config.read_text() == "job: extension\n"
    assert folder.exists()
    assert folder.name == "cats"
    assert len(folder.about()["id"]) == 32


def test_files_are_named_as_people_know_them(folder: RunFolder) -> None:
    assert folder.step_file(500).name == "cats_000000500.safetensors"
    assert folder.step_file(None).name == "cats.safetensors"
    assert folder.state_step(500).name == "step_000000500"


def test_nothing_is_ever_laid_out_over_something(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(FolderTaken):
        RunFolder.create(tmp_path, "", "x")
    with pytest.raises(FolderTaken):
        RunFolder.create(tmp_path / "mine.txt", "", "x")
    assert os.listdir(tmp_path) == ["mine.txt"]


def test_a_folder_that_could_not_be_laid_out_is_not_in_the_way_of_the_next_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, _content: str) -> None:
        if path.name == "run.json":
            raise OSError(errno.ENOSPC, "full")
        path.write_text("config")

    with monkeypatch.context() as patch:
        patch.setattr("schema.run.layout.write_atomic", full)
        with pytest.raises(OSError, match="full"):
            RunFolder.create(tmp_path / "output" / "cats", "", "cats")
    assert os.listdir(tmp_path / "output") == []
    assert RunFolder.create(tmp_path / "output" / "cats", "", "cats").exists()


def test_replacing_a_file_leaves_the_old_one_when_it_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "status.json"
    replace_json(path, {"step": 1})

    def full(*_args: object, **_named: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="full"):
        replace_json(path, {"step": 2})
    assert read_json(path) == {"step": 1}
    assert os.listdir(tmp_path) == ["status.json"]


def test_a_registered_run_is_found_by_name_and_by_folder(folder: RunFolder) -> None:
    register(folder)
    assert find_run("cats") == folder
    assert find_run(str(folder.path)) == folder
    assert known_runs() == [folder]


def test_two_runs_of_one_name_must_be_told_apart_by_folder(tmp_path: Path) -> None:
    for place in ("a", "b"):
        register(RunFolder.create(tmp_path / place / "cats", "", "cats"))
    with pytest.raises(RunNotFound, match="several runs"):
        find_run("cats")
    assert find_run(tmp_path / "b" / "cats").path == tmp_path / "b" / "cats"


def test_a_mistyped_name_gets_the_nearest_one(folder: RunFolder) -> None:
    register(folder)
    with pytest.raises(RunNotFound, match="did you mean cats"):
        find_run("cast")


def test_a_copied_run_folder_does_not_push_the_original_out(
    folder: RunFolder, tmp_path: Path
) -> None:
    register(folder)
    copy = RunFolder.create(tmp_path / "copy", "", "cats")
    copy.run_json.write_bytes(folder.run_json.read_bytes())
    register(copy)
    assert set(known_runs()) == {folder, copy}


def test_a_run_whose_folder_is_away_is_passed_over_and_comes_back(
    folder: RunFolder, tmp_path: Path
) -> None:
    register(folder)
    folder.path.rename(tmp_path / "unmounted")
    assert known_runs() == []
    (tmp_path / "unmounted").rename(folder.path)
    assert known_runs() == [folder]


def test_a_run_laid_out_anew_in_the_same_folder_is_listed_once(folder: RunFolder) -> None:
    register(folder)
    shutil.rmtree(folder.path)
    register(RunFolder.create(folder.path, "", folder.name))
    assert known_runs() == [folder]
    assert find_run(folder.name) == folder


def test_a_forgotten_run_keeps_its_files(folder: RunFolder) -> None:
    register(folder)
    forget(folder)
    assert known_runs() == []
    assert folder.exists()


def test_an_unwritable_state_folder_does_not_stop_a_run(
    folder: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("FINETUI_HOME", str(tmp_path / "file"))
    register(folder)
    assert known_runs() == []
    assert not registry_dir().exists()


def test_a_held_lock_refuses_the_next_and_names_its_holder(folder: RunFolder) -> None:
    with RunLock.take(folder.lock), pytest.raises(RunLocked, match=str(os.getpid())):
        RunLock.take(folder.lock)
    RunLock.take(folder.lock).close()
    holder = holder_of(folder.lock)
    assert holder is not None
    assert holder.pid == os.getpid()


def test_a_child_that_inherits_the_lock_holds_it_too(folder: RunFolder) -> None:
    code = (
        "import sys; from pathlib import Path; from schema.run.lock import RunLock\n"
        "lock = RunLock.take(Path(sys.argv[1])); print('held', flush=True); input()"
    )
    lock = RunLock.take(folder.lock)
    root = str(Path(__file__).parents[2])
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(folder.lock)],
        pass_fds=(lock.descriptor,),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": root},
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        lock.close()
        with pytest.raises(RunLocked):
            RunLock.take(folder.lock)
    finally:
        child.communicate(b"\n")
    RunLock.take(folder.lock).close()


def test_on_a_mount_without_locks_the_name_in_the_file_decides(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(errno.ENOLCK, "no locks here")

    monkeypatch.setattr(fcntl, "flock", unsupported)
    replace_json(folder.lock, replace(this_process(), start="1").as_json())
    RunLock.take(folder.lock).close()
    parent = this_process().pid
    monkeypatch.setattr(os, "getpid", lambda: parent + 1)
    with pytest.raises(RunLocked):
        RunLock.take(folder.lock)
