"""What goes wrong in a run: it ends with one sentence, the right code, and the last good state."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Callable
from typing import Any

import pytest
import safetensors.torch
import torch

from engine.data.loader import DataSource
from engine.loop import Loop
from engine.step import TrainingStep
from schema.run import commands
from schema.run.layout import RunFolder
from schema.run.status import read_status
from tests.engine.core.conftest import NewRun
from tests.engine.core.runs import Worker, kinds, names, rows, run_here


def _error(folder: RunFolder) -> str:
    status = read_status(folder)
    assert status["state"] == "failed"
    assert kinds(folder, "error")[-1]["message"] == status["error"]
    assert "\n" not in status["error"]
    found: str = status["error"]
    return found


def _states(folder: RunFolder) -> list[str]:
    return sorted(path.name for path in folder.state.iterdir())


# -- numbers that break


def test_a_loss_that_becomes_nan_stops_the_run_and_keeps_the_last_good_save(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = new_run(train__steps=200, save__save_every=3, logging__log_every=10)
    real, done = TrainingStep.__call__, [0]

    def poisoned(self: TrainingStep, number: int) -> Any:
        result = real(self, number)
        done[0] = number
        if number == 4:
            for group in self._groups:
                group[0].data.fill_(float("nan"))
        return result

    monkeypatch.setattr(TrainingStep, "__call__", poisoned)
    assert run_here(folder) == 3
    error = _error(folder)
    assert "The loss became NaN at step 5" in error
    assert "picture_" in error
    assert done[0] <= 15  # within one log interval
    assert _states(folder) == ["step_000000003"]
    saved = safetensors.torch.load_file(folder.step_file(3))
    assert all(tensor.isfinite().all() for tensor in saved.values())


def test_an_infinite_gradient_is_named_as_such(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = new_run(train__steps=4)
    real = torch._foreach_norm

    def infinite(grads: list[torch.Tensor]) -> list[torch.Tensor]:
        return [torch.full_like(norm, float("inf")) for norm in real(grads)]

    monkeypatch.setattr("engine.optim.clipping.torch._foreach_norm", infinite)
    assert run_here(folder) == 3
    assert "gradient norm became infinite at step 1" in _error(folder)


def test_weights_that_are_not_finite_are_never_saved(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = new_run(train__steps=6, save__save_every=2)
    real = TrainingStep.__call__

    def poisoned(self: TrainingStep, number: int) -> Any:
        result = real(self, number)
        if number == 4:  # after the loss of step 4 was computed, right before its save
            self._groups[0][0].data.fill_(float("inf"))
        return result

    monkeypatch.setattr(TrainingStep, "__call__", poisoned)
    assert run_here(folder) == 3
    assert "not finite after step 4" in _error(folder)
    assert _states(folder) == ["step_000000002"]
    assert "run_000000004.safetensors" not in names(folder)


# -- disks and memory


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("place", ["weights", "state"])
def test_a_disk_that_refuses_a_save_ends_the_run_with_the_last_one_intact(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch, number: int, place: str
) -> None:
    folder = new_run(train__steps=6, save__save_every=2)
    real, calls = os.fsync, [0]
    # A save fsyncs the weights file, its folder, then the files of the checkpoint.
    refuse_at = {"weights": 1, "state": 4}[place]

    def refusing(descriptor: int) -> None:
        if folder.state_step(2).exists():
            calls[0] += 1
            if calls[0] >= refuse_at:
                raise OSError(number, os.strerror(number))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", refusing)
    assert run_here(folder) == 3
    error = _error(folder)
    assert os.strerror(number) in error
    assert "could not be saved" in error
    monkeypatch.undo()
    assert _states(folder) == ["step_000000002"]
    assert not [name for name in names(folder) if name.startswith(".")]
    assert run_here(folder) == 0  # it goes on when there is room again
    assert kinds(folder, "resumed")[0]["step"] == 2
    assert list(rows(folder)) == [1, 2, 3, 4, 5, 6]


def test_files_that_may_not_grow_are_a_failed_save_with_nothing_half_written(
    new_run: NewRun,
) -> None:
    """A real refusal of the system: no file may be larger than 60 kB."""
    folder = new_run(train__steps=4, save__save_every=2)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, before[1]))
    try:
        assert run_here(folder) == 3
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert _error(folder).endswith(": File too large.")
    assert not folder.state.exists()
    assert not [name for name in names(folder) if name.startswith((".", "run_"))]


def test_a_run_whose_folder_is_moved_away_ends_and_makes_no_new_one(new_run: NewRun) -> None:
    folder = new_run(train__steps=100_000, save__save_every=2)
    with Worker(folder) as worker:
        worker.until(lambda event: event["kind"] == "checkpoint")
        moved = folder.path.rename(folder.path.with_name("moved"))
        assert worker.wait() == 3
    assert not folder.path.exists()
    assert "was removed or moved away" in (moved / "log.txt").read_text()
    assert [path.name for path in (moved / "state").iterdir() if path.name[0] != "."]


@pytest.mark.parametrize("phase", ["training", "caching"])
def test_running_out_of_memory_names_the_phase(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch, phase: str
) -> None:
    def full(*_: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")

    target: Any = TrainingStep if phase == "training" else DataSource
    monkeypatch.setattr(target, "__call__" if phase == "training" else "prepare", full)
    folder = new_run(train__steps=2)
    assert run_here(folder) == 3
    assert f"Out of memory while {phase}" in _error(folder)
    assert "Tried to allocate 20.00 GiB" in _error(folder)


def test_a_bug_is_one_sentence_on_screen_and_a_traceback_in_the_log(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: Any) -> None:
        raise KeyError("surprise")

    monkeypatch.setattr(TrainingStep, "__call__", broken)
    folder = new_run(train__steps=2)
    assert run_here(folder) == 3
    assert "KeyError while training" in _error(folder)
    assert "Traceback" not in _error(folder)
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changed", "code", "words"),
    [
        ({"datasets__folder_path": "/nowhere/pictures"}, 1, "/nowhere/pictures"),
        ({"model__name_or_path": "/nowhere/model"}, 1, "/nowhere/model"),
        ({"train__train_unet": False}, 1, "nothing would change"),
        ({"device": "cuda:63"}, 1, "cuda:63"),
    ],
)
def test_what_cannot_work_is_said_before_training_with_exit_code_1(
    new_run: NewRun, changed: dict[str, Any], code: int, words: str
) -> None:
    folder = new_run(**changed)
    assert run_here(folder) == code
    assert words in _error(folder)
    assert "run.safetensors" not in names(folder)


def test_a_config_that_is_not_valid_is_exit_code_1_with_the_option_named(new_run: NewRun) -> None:
    folder = new_run()
    text = folder.config.read_text().replace('"lr"', '"learning_rate"')
    folder.config.write_text(text)
    assert run_here(folder) == 1
    assert "learning_rate" in _error(folder)


# -- going on


@pytest.mark.parametrize("damage", ["truncate", "flip"])
def test_a_damaged_checkpoint_is_said_and_the_one_before_it_is_used(
    new_run: NewRun, damage: str
) -> None:
    folder = new_run(train__steps=4, save__save_every=2)
    assert run_here(folder) == 0
    before = rows(folder)
    path = folder.state_step(4) / "optimizer.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 0xFF
    path.write_bytes(content[:-9] if damage == "truncate" else content)
    assert run_here(folder) == 0
    (warning,) = kinds(folder, "warning")
    assert "step_000000004" in warning["message"]
    assert "optimizer.safetensors" in warning["message"]
    assert kinds(folder, "resumed")[0]["step"] == 2
    assert rows(folder) == before


@pytest.mark.proves("network.linear", "model.name_or_path")
def test_a_change_that_cannot_go_on_is_refused_and_nothing_is_touched(new_run: NewRun) -> None:
    folder = new_run(train__steps=2)
    assert run_here(folder) == 0
    before = {p: p.read_bytes() for p in folder.path.rglob("*.safetensors")}
    new_run(train__steps=4, network={"type": "lora", "linear": 8, "alpha": 4})
    assert run_here(folder) == 1
    assert "network.linear: 4 -> 8" in _error(folder)
    new_run(train__steps=4, network=None)
    assert run_here(folder) == 1
    assert "network" in _error(folder)
    assert {p: p.read_bytes() for p in folder.path.rglob("*.safetensors")} == before


def test_a_change_of_course_goes_on_with_a_warning(new_run: NewRun) -> None:
    folder = new_run(train__steps=2)
    assert run_here(folder) == 0
    new_run(train__steps=4, train__lr=5e-4, train__optimizer="adam")
    assert run_here(folder) == 0
    (warning,) = kinds(folder, "warning")
    assert "train.lr: 0.001 -> 0.0005" in warning["message"]
    assert rows(folder)[3]["lr/unet"] == 5e-4
    assert list(rows(folder)) == [1, 2, 3, 4]


def test_a_longer_run_is_no_change_of_course(new_run: NewRun) -> None:
    folder = new_run(train__steps=2)
    assert run_here(folder) == 0
    new_run(train__steps=3, save__save_every=1, logging__log_every=2)
    assert run_here(folder) == 0
    assert not kinds(folder, "warning")


def test_ema_that_is_switched_on_later_starts_from_the_weights(new_run: NewRun) -> None:
    folder = new_run(train__steps=2)
    assert run_here(folder) == 0
    new_run(train__steps=3, train__ema_config={"use_ema": True, "ema_decay": 1.0})
    assert run_here(folder) == 0
    average = safetensors.torch.load_file(folder.state_step(3) / "ema.safetensors")
    weights = safetensors.torch.load_file(folder.state_step(2) / "trained.safetensors")
    assert all(torch.equal(average[name], weights[name]) for name in weights)


# -- being stopped and told things at awkward moments


def _sending(folder: RunFolder, name: str, sent: list[str]) -> Callable[[], None]:
    def send() -> None:
        if not sent:
            sent.append(commands.send(folder, name))

    return send


def _answer(folder: RunFolder, command_id: str) -> dict[str, Any]:
    (found,) = [event for event in kinds(folder, "command") if event["id"] == command_id]
    return found


def test_a_stop_while_pictures_are_cached_ends_cleanly_at_once(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = new_run()
    sent: list[str] = []
    send, real = _sending(folder, "stop", sent), DataSource.prepare

    def sending(self: DataSource, report: Any, warn: Any) -> None:
        send()
        real(self, report, warn)

    monkeypatch.setattr(DataSource, "prepare", sending)
    assert run_here(folder) == 0
    assert read_status(folder)["state"] == "interrupted"
    assert _answer(folder, sent[0])["status"] == "done"
    assert not rows(folder)


def test_a_stop_while_sampling_breaks_the_previews_off_and_saves(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.preview import Preview

    folder = new_run(
        train__disable_sampling=False,
        train__skip_first_sample=True,
        sample__sample_every=2,
        sample__sample_steps=50,
    )
    sent: list[str] = []
    send, real = _sending(folder, "stop", sent), Preview.render

    def sending(self: Preview, *args: Any, **options: Any) -> Any:
        send()
        return real(self, *args, **options)

    monkeypatch.setattr(Preview, "render", sending)
    assert run_here(folder) == 0
    assert read_status(folder)["state"] == "interrupted"
    assert not kinds(folder, "sample")
    assert _states(folder) == ["step_000000002"]
    monkeypatch.undo()
    straight = new_run("straight")
    assert run_here(straight) == 0
    assert run_here(folder) == 0
    assert rows(folder) == rows(straight)


@pytest.mark.parametrize("name", ["save", "sample"])
def test_a_save_or_sample_sent_while_sampling_is_done_once_afterwards(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    from engine.preview import Preview

    folder = new_run(
        train__disable_sampling=False, train__skip_first_sample=True, sample__sample_every=4
    )
    sent: list[str] = []
    send, real = _sending(folder, name, sent), Preview.render

    def sending(self: Preview, step: int, *args: Any, **options: Any) -> Any:
        if step == 4:
            send()
        return real(self, step, *args, **options)

    monkeypatch.setattr(Preview, "render", sending)
    assert run_here(folder) == 0
    answer = _answer(folder, sent[0])
    assert answer["status"] == "done"
    if name == "save":
        assert answer["message"] == "run_000000004.safetensors"
    else:
        assert [event["step"] for event in kinds(folder, "sample")].count(4) == 2


def test_a_save_before_the_first_step_is_refused_with_the_reason(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = new_run(train__steps=2)
    sent: list[str] = []
    send, real = _sending(folder, "save", sent), Loop.run

    def sending(self: Loop, done: int) -> bool:
        send()
        return real(self, done)

    monkeypatch.setattr(Loop, "run", sending)
    assert run_here(folder) == 0
    answer = _answer(folder, sent[0])
    assert answer["status"] == "refused"
    assert "nothing has been trained" in answer["message"]


def test_what_a_killed_save_left_behind_is_swept_away(new_run: NewRun) -> None:
    folder = new_run(train__steps=2)
    assert run_here(folder) == 0
    leftover = folder.state / ".staging-step_000000009"
    leftover.mkdir()
    (leftover / "trained.safetensors").write_bytes(b"half")
    half = folder.path / ".run_000000009.safetensors.abc"
    half.write_bytes(b"half")
    new_run(train__steps=3)
    assert run_here(folder) == 0
    assert not leftover.exists()
    assert not half.exists()
