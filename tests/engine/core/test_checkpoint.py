"""Checkpoints are whole or not there: staged, hashed, the newest valid one wins."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from engine import checkpoint
from engine.errors import CheckpointError


def _parts(step: int) -> dict[str, Any]:
    return {
        "trained": {"unet.a": torch.full((4,), float(step)), "unet.b": torch.ones(2, 3)},
        "optimizer": {
            "state": {0: {"step": torch.tensor(float(step)), "m": torch.zeros(4)}, 1: {"k": 3}},
            "param_groups": [{"lr": 1e-4, "betas": (0.9, 0.999), "params": [0, 1], "x": None}],
        },
        "progress": {"step": step, "seed": 7},
    }


def _save(state: Path, step: int) -> Path:
    target = state / f"step_{step:09d}"
    checkpoint.write(target, step, _parts(step))
    return target


def _newest(state: Path) -> tuple[int, list[str]]:
    said: list[str] = []
    found = checkpoint.newest_valid(state, said.append)
    assert found is not None
    return found.step, said


def test_every_kind_of_value_comes_back_as_it_was(tmp_path: Path) -> None:
    _save(tmp_path, 5)
    found = checkpoint.newest_valid(tmp_path, pytest.fail)
    assert found is not None
    optimizer = found.load("optimizer")
    assert optimizer["param_groups"][0] == {
        "lr": 1e-4,
        "betas": (0.9, 0.999),
        "params": [0, 1],
        "x": None,
    }
    assert set(optimizer["state"]) == {0, 1}
    assert torch.equal(optimizer["state"][0]["step"], torch.tensor(5.0))
    assert found.load("trained")["unet.a"].tolist() == [5.0] * 4
    assert found.has("progress")
    assert not found.has("ema")


def test_tensors_that_share_memory_are_stored_once(tmp_path: Path) -> None:
    table = torch.arange(1000, dtype=torch.float32)
    checkpoint.write(tmp_path / "step_1", 1, {"optimizer": {"a": table, "b": table}})
    assert (tmp_path / "step_1" / "optimizer.safetensors").stat().st_size < 5000
    found = checkpoint.newest_valid(tmp_path, pytest.fail)
    assert found is not None
    both = found.load("optimizer")
    assert torch.equal(both["a"], table)
    assert torch.equal(both["b"], table)


def test_no_file_of_a_checkpoint_is_a_pickle(tmp_path: Path) -> None:
    names = {path.suffix for path in _save(tmp_path, 1).iterdir()}
    assert names == {".json", ".safetensors"}


def test_the_highest_step_wins_whatever_names_and_times_say(tmp_path: Path) -> None:
    _save(tmp_path, 10)
    _save(tmp_path, 9).rename(tmp_path / "step_000000999")
    os.utime(tmp_path / "step_000000999")
    assert _newest(tmp_path) == (10, [])


@pytest.mark.parametrize("damage", ["truncate", "flip", "remove"])
@pytest.mark.parametrize(
    "name", ["trained.safetensors", "optimizer.safetensors", "progress.json", "manifest.json"]
)
def test_a_damaged_file_is_named_and_the_checkpoint_before_it_is_used(
    tmp_path: Path, name: str, damage: str
) -> None:
    _save(tmp_path, 4)
    path = _save(tmp_path, 8) / name
    content = bytearray(path.read_bytes())
    if damage == "remove":
        path.unlink()
    elif damage == "truncate":
        path.write_bytes(content[:-3])
    else:
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    step, said = _newest(tmp_path)
    assert step == 4
    assert len(said) == 1
    assert "step_000000008" in said[0]
    assert name in said[0]


def test_with_nothing_whole_the_run_is_refused_instead_of_started_over(tmp_path: Path) -> None:
    (_save(tmp_path, 4) / "trained.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"No checkpoint .* is whole"):
        checkpoint.newest_valid(tmp_path, lambda _: None)
    assert checkpoint.newest_valid(tmp_path / "never", pytest.fail) is None


def test_a_full_disk_leaves_the_old_checkpoints_and_no_rubbish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _save(tmp_path, 4)
    before = sorted(path.name for path in tmp_path.rglob("*"))

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(safetensors.torch, "save_file", full)
    with pytest.raises(CheckpointError, match="Step 8 could not be saved: No space left on device"):
        _save(tmp_path, 8)
    assert sorted(path.name for path in tmp_path.rglob("*")) == before
    assert _newest(tmp_path) == (4, [])


def test_a_failing_fsync_is_a_failed_save(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _save(tmp_path, 4)

    def refuse(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(CheckpointError, match="Input/output error"):
        _save(tmp_path, 8)
    assert _newest(tmp_path) == (4, [])


@pytest.mark.parametrize("call", range(12))
def test_a_kill_at_any_call_of_a_save_loses_no_valid_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    """The process dies at the n-th rename, fsync or mkdir: whatever is there next is valid."""

    class Killed(BaseException):
        pass

    _save(tmp_path, 4)
    _save(tmp_path, 8)
    left = [call]

    def dying(real: Any) -> Any:
        def wrapped(*args: Any, **options: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            return real(*args, **options)

        return wrapped

    with monkeypatch.context() as patch:
        for name in ("rename", "fsync", "mkdir"):
            patch.setattr(os, name, dying(getattr(os, name)))
        patch.setattr(shutil, "rmtree", lambda *_, **__: None)
        with contextlib.suppress(Killed):
            _save(tmp_path, 8)
    checkpoint.sweep(tmp_path)
    assert _newest(tmp_path)[0] == 8
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_pruning_keeps_the_newest_whole_ones_by_step(tmp_path: Path) -> None:
    for step in (1, 2, 3, 4):
        _save(tmp_path, step)
    (tmp_path / "step_000000003" / "trained.safetensors").write_bytes(b"half")
    checkpoint.prune(tmp_path, 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step_000000002", "step_000000004"]


def test_pruning_never_removes_the_last_whole_checkpoint(tmp_path: Path) -> None:
    _save(tmp_path, 1)
    broken = _save(tmp_path, 2)
    (broken / "manifest.json").write_text("{")
    checkpoint.prune(tmp_path, 1)
    assert (tmp_path / "step_000000001").exists()
    assert _newest(tmp_path)[0] == 1


def test_a_superseded_checkpoint_of_the_same_step_is_replaced(tmp_path: Path) -> None:
    _save(tmp_path, 6)
    parts = _parts(6)
    parts["trained"]["unet.a"] += 1
    checkpoint.write(tmp_path / "step_000000006", 6, parts)
    found = checkpoint.newest_valid(tmp_path, pytest.fail)
    assert found is not None
    assert found.load("trained")["unet.a"].tolist() == [7.0] * 4


def test_a_value_that_cannot_be_kept_is_a_failed_save_not_a_lie(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot hold a set"):
        checkpoint.write(tmp_path / "step_1", 1, {"progress": {"x": {1, 2}}})
    assert json.dumps(list(tmp_path.iterdir())) == "[]"
