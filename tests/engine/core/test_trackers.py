"""Metrics in databases, services and event files; clocks, the profiler and the talkative log."""

from __future__ import annotations

import json
import logging
import sqlite3
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.trackers import Trackers, tracker_names
from engine.trackers.sqlite import NAME, SqliteLog
from schema.run.layout import RunFolder
from schema.run.status import read_status
from tests.engine.core import runs

NewRun = Callable[..., RunFolder]
DRAWING: dict[str, Any] = {"train__disable_sampling": False, "sample__sample_every": 2}


def test_values_go_under_the_names_that_charts_know() -> None:
    values = {"lr/unet": 1.0, "lr/text": 2.0, "loss": 3.0, "loss/x": 4.0, "val/loss": 5.0, "a": 6.0}
    named = {"learning_rate": 1.0, "loss/loss": 3.0, "loss/x": 4.0, "val/loss": 5.0}
    assert tracker_names(values) == named


def test_a_tracker_that_fails_is_told_once_and_left_alone() -> None:
    class Broken:
        calls = 0

        def log(self, *_: Any) -> None:
            self.calls += 1
            raise RuntimeError("no network")

    broken, told = Broken(), list[str]()
    trackers = Trackers([broken], told.append)  # type: ignore[list-item]
    for step in (1, 2):
        trackers.log(step, 0.0, {"loss": 1.0})
    assert broken.calls == 1
    assert told == ["Broken failed and gets nothing more: no network"]


# -- the database --------------------------------------------------------------------------


def _read(folder: RunFolder, query: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(folder.path / NAME) as file:
        return list(file.execute(query))


@pytest.mark.proves("logging.use_ui_logger")
def test_a_run_fills_the_tables_and_one_that_goes_on_replaces_the_abandoned_future(
    new_run: NewRun,
) -> None:
    folder = runs.finished(
        new_run, logging__use_ui_logger=True, logging__log_every=2, save__save_every=2
    )
    assert [row[0] for row in _read(folder, "SELECT step FROM steps ORDER BY step")] == [2, 4, 6]
    rows = _read(folder, "SELECT key, value_real FROM metrics WHERE step = 4 ORDER BY key")
    assert [key for key, _ in rows] == ["learning_rate", "loss/loss"]
    assert rows[0][1] == pytest.approx(1e-3)
    keys = _read(folder, "SELECT * FROM metric_keys ORDER BY key")
    assert keys == [("learning_rate", 2, 6), ("loss/loss", 2, 6)]
    log = SqliteLog(folder.path, done=3)
    log.close()
    assert [row[0] for row in _read(folder, "SELECT step FROM steps")] == [2]
    assert _read(folder, "SELECT count(*) FROM metrics") == [(2,)]
    assert _read(folder, "SELECT last_seen_step FROM metric_keys") == [(3,), (3,)]


def test_nothing_is_written_where_nothing_is_asked(new_run: NewRun) -> None:
    folder = runs.finished(new_run)
    assert not (folder.path / NAME).exists()
    assert not (folder.path / "wandb").exists()


# -- TensorBoard ---------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore")
@pytest.mark.proves("log_dir")
def test_event_files_hold_the_rate_and_the_losses(new_run: NewRun, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # type: ignore[import-untyped]

    runs.finished(new_run, log_dir=str(tmp_path / "boards"), logging__log_every=3)
    (place,) = (tmp_path / "boards").iterdir()
    assert place.name.startswith("run_2")
    events = EventAccumulator(str(place))
    events.Reload()
    assert sorted(events.Tags()["scalars"]) == ["loss", "lr"]
    assert [event.step for event in events.Scalars("loss")] == [3, 6]


# -- Weights & Biases ----------------------------------------------------------------------


class FakeRun:
    """What `wandb.init` gives."""

    def __init__(self) -> None:
        self.logged: list[tuple[int, dict[str, Any]]] = []
        self.finished = 0

    def log(self, values: dict[str, Any], step: int) -> None:
        self.logged.append((step, values))

    def finish(self) -> None:
        self.finished += 1


@pytest.fixture
def fake_wandb(monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, Any], FakeRun]:
    """A module in place of wandb: what it was started with, and the run that it gave."""
    module, run, started = types.ModuleType("wandb"), FakeRun(), dict[str, Any]()

    def init(**settings: Any) -> FakeRun:
        started.update(settings)
        return run

    module.init = init  # type: ignore[attr-defined]
    module.Settings = lambda **_: None  # type: ignore[attr-defined]
    module.Image = lambda path, caption: (Path(path).exists(), caption)  # type: ignore[attr-defined]
    module.__spec__ = sys.modules["json"].__spec__
    monkeypatch.setitem(sys.modules, "wandb", module)
    return started, run


@pytest.mark.proves("logging.use_wandb", "logging.project_name", "logging.run_name")
def test_the_service_gets_the_config_the_values_and_the_previews(
    new_run: NewRun, fake_wandb: tuple[dict[str, Any], FakeRun]
) -> None:
    started, run = fake_wandb
    folder = runs.finished(
        new_run,
        **DRAWING,
        logging__use_wandb=True,
        logging__project_name="shapes",
        logging__run_name="first",
        logging__log_every=2,
        logging__use_ui_logger=True,
    )
    assert (started["project"], started["name"]) == ("shapes", "first")
    assert started["config"]["train"]["lr"] == 1e-3
    assert started["id"] == folder.about()["id"]
    steps = [step for step, _ in run.logged]
    assert steps == sorted(steps)
    values = [row for _, row in run.logged if "loss/loss" in row]
    assert len(values) == 3
    assert set(values[0]) == {"loss/loss", "learning_rate"}
    pictures = [(step, row["sample_0"]) for step, row in run.logged if "sample_0" in row]
    assert [step for step, _ in pictures] == [0, 2, 4, 6]
    assert all(picture == (True, "a red circle") for _, picture in pictures)
    assert run.finished == 1
    assert not (folder.path / NAME).exists()  # one of the two, the service first


@pytest.mark.filterwarnings("ignore")
def test_the_real_library_writes_offline_files(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    folder = runs.finished(new_run, logging__use_wandb=True, logging__log_every=2)
    (place,) = (folder.path / "wandb").glob("offline-run-*")
    assert place.name.endswith(str(folder.about()["id"]))
    assert next(iter(place.glob("*.wandb"))).stat().st_size > 0


@pytest.mark.parametrize(
    ("package", "changes"),
    [("wandb", {"logging__use_wandb": True}), ("tensorboard", {"log_dir": "boards"})],
)
def test_a_missing_package_is_told_before_anything_is_loaded(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch, package: str, changes: dict[str, Any]
) -> None:
    from importlib import util

    from engine import preflight

    def find(name: str) -> object:
        return None if name == package else util.find_spec(name)

    monkeypatch.setattr(preflight, "find_spec", find)
    folder = new_run(**changes)
    assert runs.run_here(folder) == 1
    status = read_status(folder)
    assert status is not None
    assert f"finetui[{package}]" in str(status["error"])


# -- clocks and tables ---------------------------------------------------------------------


@pytest.mark.proves("performance_log_every")
def test_the_parts_of_the_step_are_timed_every_n_steps(new_run: NewRun) -> None:
    plain = runs.finished(new_run, "plain", train__steps=5, save__save_every=5)
    folder = runs.finished(new_run, performance_log_every=2, train__steps=5, save__save_every=5)
    told = runs.kinds(folder, "timing")
    assert [event["step"] for event in told] == [2, 4]
    seconds = told[0]["seconds"]
    assert {"get_batch", "predict", "backward", "optimizer_step", "train_loop"} <= set(seconds)
    assert seconds["train_loop"] > seconds["backward"] > 0
    assert not runs.kinds(plain, "timing")
    assert runs.equal(runs.state_of(plain, 5), runs.state_of(folder, 5))


@pytest.mark.proves("torch_profiler")
def test_torchs_table_of_the_first_steps_is_written(new_run: NewRun) -> None:
    folder = runs.finished(new_run, torch_profiler=True, train__steps=4)
    table = (folder.path / "profile.txt").read_text()
    assert table.count("Self CPU time total") == 3
    assert "aten::" in table


@pytest.mark.proves("logging.verbose")
def test_a_talkative_log_names_batches_levels_and_gradients(
    new_run: NewRun, capsys: pytest.CaptureFixture[str]
) -> None:
    level = logging.getLogger().level
    try:
        runs.finished(new_run, train__steps=2)
        assert "debug:" not in capsys.readouterr().out
        runs.finished(new_run, "loud", train__steps=2, logging__verbose=True)
    finally:
        logging.getLogger().setLevel(level)
    said = capsys.readouterr().out
    assert "debug: step 2.0: 2 of 64x64: " in said
    assert "grad_norm" in said
    assert "timesteps" in said


def test_the_events_file_stays_json(new_run: NewRun) -> None:
    folder = runs.finished(new_run, performance_log_every=1, train__steps=3)
    for path in folder.events.glob("*.jsonl"):
        for line in path.read_text().splitlines():
            json.loads(line)
