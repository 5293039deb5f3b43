"""Batches of chosen sizes, single items, and what happens when memory runs out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from engine import recovery
from engine.batch_size import BatchSize
from engine.data.batch import Batch
from engine.data.order import Bucket
from engine.data.stream import Stream
from engine.denoising import Denoising
from engine.families.base import Conditioning
from schema.run.events import read_events
from schema.run.layout import RunFolder
from schema.run.metrics import MetricsReader
from schema.run.status import read_status
from tests.engine.core import runs

NewRun = Callable[..., RunFolder]


def _sizes(size: int = 4, used: float | None = None, **changes: Any) -> BatchSize:
    settings: dict[str, Any] = {"smallest": 1, "largest": None, "warmup": 4}
    return BatchSize(size, memory_in_use=lambda: used, **(settings | changes))


# -- the size of a batch -------------------------------------------------------------------


def test_the_size_ramps_up_as_the_formula_says() -> None:
    assert [_sizes().of(step) for step in range(1, 7)] == [1, 2, 3, 3, 4, 4]
    assert _sizes(warmup=0).of(1) == 4


def test_out_of_memory_takes_a_quarter_off_down_to_the_smallest() -> None:
    sizes = _sizes(16, warmup=0, smallest=8)
    seen = [sizes.of(1)]
    while sizes.shrink():
        seen.append(sizes.of(1))
    assert seen == [16, 12, 9, 8]


def test_there_is_growth_while_there_is_room_and_never_beyond_the_largest() -> None:
    for used, expected in ((0.1, 10), (0.95, 8), (None, 8)):
        sizes = _sizes(8, used=used, warmup=0, largest=11)
        for step in range(1, 101):
            sizes.succeeded(step)
        assert sizes.of(101) == expected
    sizes = _sizes(8, used=0.1, warmup=0, largest=11)
    for step in range(1, 501):
        sizes.succeeded(step)
    assert sizes.of(501) == 11


# -- which items ---------------------------------------------------------------------------


def test_an_epoch_shows_every_item_once_whatever_the_sizes() -> None:
    buckets = [Bucket(tuple(range(7)), 4, fill=False), Bucket((10, 11, 12), 4, fill=False)]
    stream = Stream(buckets, 5)
    taken = [stream.take(size) for size in (1, 2, 3, 4, 4, 4)]
    epoch = [item for batch in taken for item in batch][:10]
    assert sorted(epoch) == [0, 1, 2, 3, 4, 5, 6, 10, 11, 12]
    assert all(len({item < 10 for item in batch}) == 1 for batch in taken)


def test_a_stream_goes_on_from_its_state_and_back_to_a_mark() -> None:
    buckets = [Bucket(tuple(range(9)), 4)]
    stream, other = Stream(buckets, 5), Stream(buckets, 5)
    for size in (3, 4, 5):
        stream.take(size)
    other.load_state_dict(stream.state_dict())
    mark = stream.mark()
    following = [stream.take(2) for _ in range(6)]
    assert [other.take(2) for _ in range(6)] == following
    stream.rewind(mark)
    assert [stream.take(2) for _ in range(6)] == following


def _seen(monkeypatch: pytest.MonkeyPatch, fails: Callable[[int], bool]) -> list[list[int]]:
    """The items of every batch that a run learns from; forward number n fails where asked."""
    seen: list[list[int]] = []
    inner, count = Denoising.__call__, [0]

    def call(self: Denoising, batch: Batch, *rest: Any) -> Any:
        count[0] += 1
        if fails(count[0]):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.")
        seen.append(batch.items)
        return inner(self, batch, *rest)

    monkeypatch.setattr(Denoising, "__call__", call)
    return seen


AUTO = {
    "train__auto_scale_batch_size": True,
    "train__batch_size": 4,
    "train__batch_size_warmup_steps": 4,
}


@pytest.mark.proves(
    "train.auto_scale_batch_size",
    "train.min_batch_size",
    "train.max_batch_size",
    "train.batch_size_warmup_steps",
)
def test_a_run_takes_as_many_items_as_the_ramp_says(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = _seen(monkeypatch, lambda number: False)
    runs.finished(new_run, **AUTO)
    assert [len(items) for items in seen] == [1, 2, 3, 3, 4, 4]
    seen.clear()
    runs.finished(new_run, "low", **AUTO, train__min_batch_size=2, train__max_batch_size=8)
    assert [len(items) for items in seen] == [2, 3, 3, 4, 4, 4]
    seen.clear()
    plain = AUTO | {"train__auto_scale_batch_size": False}
    runs.finished(new_run, "plain", **plain)
    assert {len(items) for items in seen} == {4}


def test_a_smaller_batch_is_tried_with_the_items_of_the_failed_one(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = AUTO | {"train__batch_size_warmup_steps": 0, "train__steps": 3}
    whole = _seen(monkeypatch, lambda number: False)
    runs.finished(new_run, "whole", **settings)
    seen = _seen(monkeypatch, lambda number: number == 1)
    folder = runs.finished(new_run, "failing", **settings)
    assert [len(items) for items in seen] == [3, 3, 3]
    assert seen[0] == whole[0][:3]
    reader = MetricsReader(folder.metrics)
    reader.poll()
    assert [row["step"] for row in reader.rows()] == [1, 2, 3]


def test_a_killed_run_of_changing_sizes_goes_on_bit_for_bit(new_run: NewRun) -> None:
    settings = AUTO | {"train__steps": 8, "save__save_every": 3}
    whole = runs.finished(new_run, "whole", **settings)
    folder = new_run("cut", **settings)
    with runs.Worker(folder) as worker:
        worker.until(lambda event: event["kind"] == "checkpoint" and event["step"] == 6)
        worker.kill()
    assert runs.run_here(folder) == 0
    assert runs.equal(runs.state_of(whole, 8), runs.state_of(folder, 8))


# -- without automatic sizes ---------------------------------------------------------------


def test_a_step_is_tried_once_more_and_is_the_same_step(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = runs.finished(new_run, "whole", save__save_every=6)
    _seen(monkeypatch, lambda number: number == 3)
    folder = runs.finished(new_run, "again", save__save_every=6)
    assert runs.equal(runs.state_of(whole, 6), runs.state_of(folder, 6))


def test_memory_that_stays_short_ends_the_run_with_the_smallest_change_that_helps(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    _seen(monkeypatch, lambda number: number >= 3)
    folder = new_run(save__save_every=2)
    assert runs.run_here(folder) == 3
    status = read_status(folder)
    assert status is not None
    assert "Out of memory in step 3" in str(status["error"])
    assert "train.gradient_checkpointing: true" in str(status["error"])
    assert folder.state_step(2).exists()
    assert any(event["kind"] == "error" for event in read_events(folder))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({}, "gradient_checkpointing"),
        ({"train__gradient_checkpointing": True}, "train.batch_size: 1"),
        (
            {"train__gradient_checkpointing": True, "datasets__cache_latents": False},
            "cache_latents_to_disk",
        ),
        (
            {"train__gradient_checkpointing": True, "train__batch_size": 1},
            "cache_text_embeddings",
        ),
        (
            {
                "train__gradient_checkpointing": True,
                "train__batch_size": 1,
                "train__cache_text_embeddings": True,
            },
            "adamw8bit",
        ),
    ],
)
def test_the_advice_is_the_next_thing_to_change(
    new_run: NewRun, changes: dict[str, Any], named: str
) -> None:
    from engine.worker import read_config

    assert named in recovery.advice(read_config(new_run(**changes)).trainer)


# -- single items --------------------------------------------------------------------------


def test_every_part_of_a_batch_is_split() -> None:
    batch = Batch(
        captions=["a", "b"],
        items=[3, 4],
        slots=[0, 1],
        size=(64, 64),
        latents=torch.arange(2.0).view(2, 1),
        conditioning=Conditioning({"text": torch.arange(2.0).view(2, 1)}),
        loss_weight_B=torch.tensor([1.0, 2.0]),
        pictures=["x", "y"],
        regularization=[True, False],
    )
    first, second = batch.singles()
    assert (first.captions, second.slots, second.pictures) == (["a"], [1], ["y"])
    assert second.latents is not None
    assert second.latents.tolist() == [[1.0]]
    assert second.conditioning is not None
    assert second.conditioning.parts["text"].tolist() == [[1.0]]
    assert second.loss_weight_B is not None
    assert second.loss_weight_B.tolist() == [2.0]
    assert second.regularization == [False]
    assert first.pixels_BCHW is None
    assert len(replace(batch).singles()) == 2


@pytest.mark.proves("train.single_item_batching")
def test_single_items_are_learnt_one_by_one_and_give_the_weights_of_the_batch(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = _seen(monkeypatch, lambda number: False)
    settings = {"train__batch_size": 4, "train__steps": 2, "save__save_every": 1}
    whole = runs.finished(new_run, "whole", **settings)
    assert [len(items) for items in seen] == [4, 4]
    together = list(seen)
    seen.clear()
    single = runs.finished(new_run, "single", **settings, train__single_item_batching=True)
    assert [len(items) for items in seen] == [1] * 8
    assert [items[0] for items in seen] == [item for batch in together for item in batch]
    one, other = runs.state_of(whole, 1), runs.state_of(single, 1)
    assert max(float((one[name] - other[name]).abs().max()) for name in one) < 1e-6
    losses = []
    for folder in (whole, single):
        reader = MetricsReader(folder.metrics)
        reader.poll()
        losses.append([row["loss"] for row in reader.rows()])
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


# -- where a run begins --------------------------------------------------------------------


@pytest.mark.proves("train.start_step")
def test_a_run_counts_from_its_first_step(new_run: NewRun) -> None:
    folder = runs.finished(new_run, train__start_step=7, train__steps=10, save__save_every=8)
    reader = MetricsReader(folder.metrics)
    reader.poll()
    assert [row["step"] for row in reader.rows()] == [8, 9, 10]
    assert folder.step_file(8).exists()
    assert not folder.state_step(3).exists()


def test_a_checkpoint_counts_before_a_first_step(new_run: NewRun) -> None:
    folder = runs.finished(new_run, train__steps=4, save__save_every=2)
    new_run(train__steps=12, save__save_every=2, train__start_step=9)
    assert runs.run_here(folder) == 1
    status = read_status(folder)
    assert status is not None
    assert "train.start_step" in str(status["error"])


@pytest.mark.proves("datasets[].gpu_prefetch_batches")
def test_batches_that_wait_on_the_device_train_the_same_weights(new_run: NewRun) -> None:
    options: dict[str, Any] = {"datasets__cache_latents": False, "train__gradient_accumulation": 2}
    plain = runs.finished(new_run, "plain", **options)
    folder = runs.finished(new_run, "ahead", **options, datasets__gpu_prefetch_batches=2)
    assert runs.equal(runs.state_of(plain, 6), runs.state_of(folder, 6))
