"""Step times come from earlier runs alone; disk from what a run will write."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from schema.estimate import pace, scope
from schema.estimate.activations import kept
from schema.estimate.counts import Point, from_json
from schema.estimate.disk import disk, rounds, saves
from schema.estimate.duration import time
from schema.estimate.hardware import Device, Machine
from schema.estimate.pictures import sizes_in, table_of
from schema.estimate.report import estimate
from schema.run.events import EventWriter
from schema.run.files import replace_json
from schema.run.layout import RunFolder
from schema.run.metrics import MetricsWriter
from schema.run.process import this_process
from tests.schema.estimate.configs import COUNTS, MIB, job, need, process_of

CPU = Machine((), 2**34, "CPU: Testprocessor")


def run_of(folder: Path, name: str, seconds: float = 0.5, steps: int = 40) -> RunFolder:
    """The folder of a run that has ended, as worker and supervisor would have left it."""
    config = job({"train.steps": steps}, folder).model_dump(mode="json", exclude_unset=True)
    run = RunFolder.create(folder / name, json.dumps(config), name)
    metrics = MetricsWriter(run.metrics, 0)
    at = 1000.0
    for step in range(1, steps + 1):
        # The first steps are slow, and a save falls between two.
        at += 9.0 if step < 3 else 30.0 if step == 20 else seconds
        metrics.record(step, {"loss": 1.0, "memory": 5e9}, at=at)
    metrics.close()
    replace_json(
        run.status,
        {"state": "finished", "host": this_process().host, "updated": at, "device": "cpu"},
    )
    return run


def test_a_step_takes_what_it_took_between_two_steps_of_an_earlier_run(tmp_path: Path) -> None:
    run = run_of(tmp_path, "first")
    assert pace.harvest(CPU, [run]) == 1
    assert pace.harvest(CPU, [run]) == 0
    found = pace.measured(process_of({"train.steps": 9999}, tmp_path), "Testprocessor")
    assert found is not None
    assert found.step == pytest.approx(0.5)
    assert (found.name, found.steps, found.memory) == ("first", 40, 5e9)


def test_long_runs_are_read_in_parts(tmp_path: Path) -> None:
    run = run_of(tmp_path, "long", seconds=0.25, steps=1000)
    found = pace.read_pace(run, 1.0)
    assert found is not None
    assert found.step == pytest.approx(0.25, rel=0.01)


@pytest.mark.parametrize(
    "changes",
    [
        {"train.batch_size": 2},
        {"train.dtype": "fp32"},
        {"network.linear": 8},
        {"datasets.resolution": 768},
        {"datasets.cache_latents": True},
    ],
    ids=str,
)
def test_another_step_is_not_timed_by_it(changes: dict[str, Any], tmp_path: Path) -> None:
    pace.harvest(CPU, [run_of(tmp_path, "first")])
    assert pace.measured(process_of(changes, tmp_path), "Testprocessor") is None
    assert pace.measured(process_of({"train.lr": 3e-5}, tmp_path), "Testprocessor") is not None


def test_another_device_is_not_timed_by_it(tmp_path: Path) -> None:
    pace.harvest(CPU, [run_of(tmp_path, "first")])
    assert pace.measured(process_of({}, tmp_path), "Otherprocessor") is None


def test_a_run_of_a_few_steps_says_nothing(tmp_path: Path) -> None:
    pace.harvest(CPU, [run_of(tmp_path, "short", steps=5)])
    assert pace.measured(process_of({}, tmp_path), "Testprocessor") is None


def test_times_outlive_the_run_and_a_broken_index(tmp_path: Path) -> None:
    import shutil

    run = run_of(tmp_path, "first")
    pace.harvest(CPU, [run])
    shutil.rmtree(run.path)
    assert pace.measured(process_of({}, tmp_path), "Testprocessor") is not None
    pace.index_file().write_text("{broken")
    assert pace.measured(process_of({}, tmp_path), "Testprocessor") is None
    assert pace.harvest(CPU, []) == 0


def test_previews_saves_and_caching_are_timed_from_the_events(tmp_path: Path) -> None:
    run = run_of(tmp_path, "first")
    events = EventWriter(run, "worker")
    times = iter([0, 10, 10, 13, 13, 15, 15, 16])

    def emit(kind: str, **fields: Any) -> None:
        events.emit(kind, **fields)
        path = next(run.events.glob("worker-*.jsonl"))
        lines = path.read_text().splitlines()
        last = json.loads(lines[-1]) | {"t": float(next(times))}
        path.write_text("\n".join([*lines[:-1], json.dumps(last)]) + "\n")

    emit("state", state="caching")
    emit("progress", phase="caching latents", done=5, total=5)
    emit("state", state="sampling")
    emit("sample", path="a.jpg")
    emit("state", state="saving")
    emit("state", state="training")
    emit("sample", path="b.jpg")
    emit("state", state="saving")
    found = pace.read_pace(run, 1.0)
    assert found is not None
    assert (found.picture, found.preview, found.save) == (2.0, 1.5, 2.0)


def test_without_an_earlier_run_time_is_unknown() -> None:
    found = time(need(), None)
    assert found.step.value is None
    assert found.total.value is None
    assert "no run" in found.step.note


def test_the_whole_takes_steps_previews_and_saves() -> None:
    drawing = {
        "train.disable_sampling": False, "sample.prompts": ["a", "b"], "sample.sample_every": 50,
    }  # fmt: skip
    took = pace.Pace("r", 1.0, 50, 2.0, picture=0.1, preview=3.0, save=1.0)
    found = time(need(drawing), took)
    assert found.parts["steps"].value == 200
    assert found.parts["previews"].value == 3 * 2 * 3  # before, after 50, after the last
    assert found.parts["saves"].value == 3
    assert found.total.value == 221


@pytest.mark.parametrize(
    ("steps", "every", "count"), [(100, 50, 2), (100, 30, 4), (100, 0, 1), (100, 1000, 1)]
)
def test_saves_come_at_multiples_and_at_the_end(steps: int, every: int, count: int) -> None:
    assert saves(process_of({"train.steps": steps, "save.save_every": every})) == count


def test_rounds_of_previews() -> None:
    drawing = {
        "train.disable_sampling": False, "sample.prompts": ["a"], "sample.sample_every": 50,
    }  # fmt: skip
    assert rounds(process_of(drawing)) == 3
    assert rounds(process_of({**drawing, "train.skip_first_sample": True})) == 2
    assert rounds(process_of({"sample.prompts": ["a"]})) == 0


def test_as_many_files_stay_as_are_kept() -> None:
    few = disk(need({"save.save_every": 1, "save.max_step_saves_to_keep": 3}), None)
    one = few.parts["weights"].value
    assert one is not None
    assert one == pytest.approx(4 * (2 * 2 * MIB), rel=0.01)  # three and the final one, 16 bit
    whole = disk(need({"save.save_every": 1, "save.max_step_saves_to_keep": 0}), None)
    assert whole.parts["weights"].value == pytest.approx(101 / 4 * one)


def test_the_bucket_table_is_the_engines(tmp_path: Path) -> None:
    for number, size in enumerate([(600, 400), (600, 400), (512, 512)]):
        Image.new("RGB", size).save(tmp_path / f"{number}.png")
    process = process_of({"datasets.num_repeats": 2, "datasets.flip_x": True}, tmp_path)
    table = table_of(process, 16, tmp_path)
    assert table.pictures == 3
    assert table.total == 12
    assert sum(table.items.values()) == 12
    assert table.items[512, 512] == 4
    assert (600, 400) not in table.items
    assert table.missing == ()
    gone = table_of(process_of({}, tmp_path / "gone"), 16, tmp_path)
    assert gone.missing


def test_turned_pictures_have_the_size_that_is_seen(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (300, 200)).save(tmp_path / "a.jpg", exif=exif)
    (tmp_path / "b.png").write_bytes(b"no picture")
    assert sizes_in(tmp_path) == (((200, 300),), 2)


def test_the_formula_goes_through_its_points_and_between_them() -> None:
    def truth(batch: int, pixels: int) -> int:
        return 1000 + 50 * batch + 3 * pixels + 7 * batch * pixels

    known = tuple(
        Point(batch, pixels, truth(batch, pixels), 0) for batch in (1, 2) for pixels in (100, 400)
    )
    for batch, pixels in ((1, 100), (2, 400), (1, 250), (5, 333), (8, 900)):
        assert kept(known, batch, pixels) == pytest.approx(truth(batch, pixels))
    assert kept((), 1, 100) is None
    assert kept((Point(1, 100, 500, 0),), 3, 100) == 1500


def test_of_two_groups_the_larger_sum_counts() -> None:
    def truth(pixels: int) -> int:
        return max(10_000 + pixels, 10 * pixels)

    known = tuple(Point(1, pixels, truth(pixels), 0) for pixels in (100, 400, 4000, 9000))
    for pixels in (50, 300, 1000, 2000, 20_000):
        assert kept(known, 1, pixels) == pytest.approx(truth(pixels))


def test_counts_are_kept_by_what_the_model_is(tmp_path: Path) -> None:
    model = tmp_path / "model"
    (model / "unet").mkdir(parents=True)
    (model / "unet" / "config.json").write_text("{}")
    there = {"model.name_or_path": str(model)}
    key = scope.key_of(process_of(there), tmp_path)
    assert key is not None
    free = {**there, "train.batch_size": 9, "train.lr": 1.0, "train.optimizer": "adafactor"}
    assert scope.key_of(process_of(free), tmp_path) == key
    for change in ({"network.linear": 9}, {"train.dtype": "fp32"}, {"network": None}):
        assert scope.key_of(process_of({**there, **change}), tmp_path) != key
    (model / "unet" / "config.json").write_text('{"in_channels": 4}')
    assert scope.key_of(process_of(there), tmp_path) != key
    assert scope.key_of(process_of(), tmp_path) is None  # not on this disk


def test_stored_counts_are_limited_in_number_and_read_again() -> None:
    for number in range(scope.KEPT + 5):
        scope.store(f"key{number}", {"version": 1})
    assert len(list(scope.cache_dir().glob("*.json"))) == scope.KEPT
    assert scope.cached(f"key{scope.KEPT + 4}") == {"version": 1}
    with pytest.raises(ValueError, match="version"):
        from_json({"version": 0})


def test_everything_together_is_plain_json(tmp_path: Path) -> None:
    found = estimate(job({}, tmp_path), CPU, COUNTS, tmp_path)
    value = json.loads(json.dumps(found.as_json()))
    assert value["fits"] == "fits"
    assert value["memory"]["phase"] == "training"
    assert value["trained_parameters"] == 2 * MIB
    assert value["time"]["step"]["source"] == "unknown"
    nobody = estimate(job({}, tmp_path), CPU, None, tmp_path, why="nobody has counted")
    assert nobody.fits == "unknown"
    assert nobody.notes[0] == "nobody has counted"
    small = replace(CPU, memory=2**20)
    assert estimate(job({}, tmp_path), small, COUNTS, tmp_path).fits == "does not fit"
    assert Device("cpu", "CPU").name == "CPU"
