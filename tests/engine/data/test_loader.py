"""Batches as a pure function of (seed, step, micro-batch), and what each option does to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from engine.data.batch import Batch
from engine.data.loader import DataSource
from engine.data.order import Bucket, Order
from engine.errors import ConfigError, DataError
from schema.sections.job import TrainerProcess
from tests.engine import tiny

Make = Callable[..., DataSource]


def process(folder: Path, model: Path, train: dict[str, Any], *datasets: Any, **more: Any) -> Any:
    rows = [{"folder_path": str(folder), "resolution": 64} | dataset for dataset in datasets]
    return TrainerProcess.model_validate(
        {
            "type": "sd_trainer",
            "training_folder": "unused",
            "model": {"name_or_path": str(model)},
            "train": train,
            "datasets": rows or [{"folder_path": str(folder), "resolution": 64}],
        }
        | more
    )


@pytest.fixture
def source(pictures: Path, tiny_sd1: Path, sd1: Any) -> Iterator[Make]:
    """A prepared DataSource: ``source({dataset...}, {...}, seed=0, train={...}, folder=...)``."""
    made: list[DataSource] = []

    def make(
        *datasets: dict[str, Any],
        seed: int = 0,
        train: dict[str, Any] | None = None,
        folder: Path = pictures,
        family: Any = None,
        **more: Any,
    ) -> DataSource:
        settings = {"batch_size": 2} | (train or {})
        config = process(folder, tiny_sd1, settings, *datasets, **more)
        made.append(DataSource(config, family or sd1, seed))
        made[-1].prepare()
        return made[-1]

    yield make
    for data in made:
        data.close()


def epoch(data: DataSource, number: int = 0) -> list[Batch]:
    first = number * data.batches_per_epoch + 1
    return [data.batch(step, 0) for step in range(first, first + data.batches_per_epoch)]


def same(a: Batch, b: Batch) -> bool:
    assert a.pixels_BCHW is not None
    assert b.pixels_BCHW is not None
    words = (a.captions, a.items, a.slots, a.size) == (b.captions, b.items, b.slots, b.size)
    return words and torch.equal(a.pixels_BCHW, b.pixels_BCHW)


@pytest.mark.proves("datasets[].dataset_path")
def test_a_folder_may_be_named_by_either_of_its_two_names(source: Make, pictures: Path) -> None:
    usual = source({"folder_path": str(pictures)})
    other = source({"folder_path": None, "dataset_path": str(pictures)})
    assert len(other.items) == len(usual.items) > 0
    assert all(same(a, b) for a, b in zip(epoch(usual), epoch(other), strict=True))


RANDOM = {"random_crop": True, "shuffle_tokens": True, "caption_dropout_rate": 0.5}


@pytest.fixture(scope="module")
def tagged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of several shapes whose captions are tags."""
    folder = tmp_path_factory.mktemp("tagged")
    tiny.draw_pictures(folder, 10, [(64, 64), (120, 64), (50, 90)])
    for path in folder.glob("*.txt"):
        path.write_text("one, two, three, four")
    return folder


@pytest.mark.proves("datasets[].num_workers")
def test_workers_and_jumps_never_change_a_batch(source: Make, tagged: Path) -> None:
    plain = source({**RANDOM, "num_workers": 0}, folder=tagged, seed=5)
    threaded = source({**RANDOM, "num_workers": 3}, folder=tagged, seed=5)
    assert threaded._workers is not None
    assert plain._workers is None
    for step in (7, 8, 9, 1, 2, 60, 3, 61):
        assert same(plain.batch(step, 0), threaded.batch(step, 0))


def test_another_seed_gives_another_order(source: Make) -> None:
    orders = {tuple(i for b in epoch(source(seed=seed)) for i in b.items) for seed in range(4)}
    assert len(orders) == 4


def test_every_item_is_seen_once_per_epoch_in_a_new_order(source: Make) -> None:
    data = source()
    first, second = ([i for b in epoch(data, number) for i in b.items] for number in (0, 1))
    assert sorted(first) == sorted(second) == list(range(8))
    assert first != second


@pytest.mark.proves("train.gradient_accumulation")
def test_micro_batches_go_on_through_the_epoch_with_slots_of_their_own(source: Make) -> None:
    single, double = source(), source(train={"gradient_accumulation": 2})
    for step in range(1, 5):
        for micro in (0, 1):
            a, b = single.batch(2 * step - 1 + micro, 0), double.batch(step, micro)
            assert a.items == b.items
            assert b.slots == [2 * micro, 2 * micro + 1]


@pytest.mark.proves("train.batch_size")
def test_batches_have_the_asked_size_and_short_ones_are_filled(source: Make) -> None:
    data = source(train={"batch_size": 3})
    batches = epoch(data)
    assert [len(batch) for batch in batches] == [3, 3, 3]
    assert set(Counter(i for b in batches for i in b.items).values()) == {1, 2}


@pytest.mark.proves("datasets[].num_repeats")
def test_repeats_multiply_items(source: Make) -> None:
    data = source({"num_repeats": 3})
    assert len(data.items) == 24
    assert Counter(item.picture.path for item in data.items).most_common(1)[0][1] == 3


@pytest.mark.proves("datasets[].num_repeats")
def test_repeats_balance_a_small_dataset_against_a_big_one(source: Make, tmp_path: Path) -> None:
    small = tiny.draw_pictures(tmp_path / "small", 2)
    data = source({}, {"folder_path": str(small), "num_repeats": 4})
    seen = Counter(data.items[i].picture.path.parent.name for b in epoch(data) for i in b.items)
    assert seen["small"] == seen["pictures"] == 8


@pytest.mark.proves("datasets[].flip_x", "datasets[].flip_y")
def test_flips_add_mirrored_copies(source: Make) -> None:
    data = source({"flip_x": True, "flip_y": True}, train={"batch_size": 1})
    assert len(data.items) == 32
    rows: dict[tuple[Path, bool, bool], torch.Tensor] = {}
    for batch in epoch(data):
        item = data.items[batch.items[0]]
        assert batch.pixels_BCHW is not None
        rows[item.picture.path, item.flip_x, item.flip_y] = batch.pixels_BCHW[0]
    for path in {path for path, _, _ in rows}:
        plain = rows[path, False, False]
        assert torch.equal(rows[path, True, False], plain.flip(2))
        assert torch.equal(rows[path, False, True], plain.flip(1))
        assert torch.equal(rows[path, True, True], plain.flip(1, 2))


@pytest.mark.proves("datasets[].buckets", "datasets[].resolution")
def test_buckets_keep_shapes_apart_and_squares_do_not(source: Make, tagged: Path) -> None:
    shapes = {b.size for b in epoch(source({}, folder=tagged))}
    assert len(shapes) == 3
    for batch in epoch(source({"resolution": [64, 96]}, folder=tagged)):
        assert batch.pixels_BCHW is not None
        assert batch.pixels_BCHW.shape == (2, 3, batch.size[1], batch.size[0])
    squares = source({"buckets": False}, folder=tagged, train={"batch_size": 4})
    assert [batch.size for batch in epoch(squares)] == [(64, 64)] * 3
    assert sorted(len(batch) for batch in epoch(squares)) == [2, 4, 4]


@pytest.mark.proves("datasets[].resolution")
def test_every_resolution_trains_every_picture(source: Make) -> None:
    data = source({"resolution": [64, 96], "scale": 2.0})
    assert data.bucket_table == {(64, 64): 8, (96, 96): 8}


@pytest.mark.proves("datasets[].bucket_tolerance")
def test_the_bucket_step_is_the_models_own_until_it_is_set(source: Make, tagged: Path) -> None:
    free = source({"resolution": 128, "scale": 3.0}, folder=tagged)
    wide = source({"resolution": 128, "scale": 3.0, "bucket_tolerance": 64}, folder=tagged)
    assert any(side % 64 for size in free.bucket_table for side in size)
    assert all(side % 64 == 0 for size in wide.bucket_table for side in size)
    with pytest.raises(ConfigError, match="bucket step of 128 is larger"):
        source({"bucket_tolerance": 128})


@pytest.mark.proves("datasets[].square_crop")
def test_square_crops_share_one_bucket(source: Make, tagged: Path) -> None:
    assert list(source({"square_crop": True}, folder=tagged).bucket_table) == [(64, 64)]


@pytest.mark.proves("datasets[].scale")
def test_scale_changes_the_training_size(source: Make) -> None:
    tables = [source({"scale": scale}).bucket_table for scale in (0.5, 1.0)]
    assert [list(table) for table in tables] == [[(32, 32)], [(64, 64)]]


@pytest.mark.proves("datasets[].random_crop")
def test_random_crops_move_and_centre_crops_do_not(source: Make, tagged: Path) -> None:
    def views(**dataset: Any) -> int:
        data = source(dataset, folder=tagged, train={"batch_size": 1})
        item = next(i for i in data.items if max(i.plan.slack) > 4)
        seen = [
            b.pixels_BCHW
            for number in range(6)
            for b in epoch(data, number)
            if b.items == [item.index]
        ]
        return len({tensor.sum().item() for tensor in seen if tensor is not None})

    assert views() == 1
    assert views(random_crop=True) > 1


@pytest.mark.proves("datasets[].trigger_word", "trigger_word")
def test_the_datasets_trigger_beats_the_processs(source: Make) -> None:
    def words(*datasets: dict[str, Any], **more: Any) -> set[str]:
        return {c.split()[0] for b in epoch(source(*datasets, **more)) for c in b.captions}

    assert words() == {"a"}
    assert words(trigger_word="sks") == {"sks"}
    assert words({"trigger_word": "own"}, trigger_word="sks") == {"own"}


@pytest.mark.proves("datasets[].caption_dropout_rate")
def test_dropped_captions_leave_the_trigger(source: Make) -> None:
    data = source({"caption_dropout_rate": 0.4}, trigger_word="sks")
    captions = [c for n in range(20) for b in epoch(data, n) for c in b.captions]
    assert 0.25 < captions.count("sks") / len(captions) < 0.55
    assert all(caption.startswith("sks") for caption in captions)


@pytest.mark.proves("datasets[].shuffle_tokens", "datasets[].keep_tokens")
def test_tags_are_shuffled_behind_the_kept_ones(source: Make, tagged: Path) -> None:
    data = source({"shuffle_tokens": True, "keep_tokens": 1}, folder=tagged)
    seen = {caption for n in range(8) for b in epoch(data, n) for caption in b.captions}
    assert len(seen) == 6
    assert all(caption.startswith("one, ") for caption in seen)


@pytest.mark.proves("datasets[].loss_multiplier")
def test_loss_weights_follow_the_dataset_and_are_absent_when_all_are_one(
    source: Make, tmp_path: Path
) -> None:
    other = tiny.draw_pictures(tmp_path / "other", 4)
    assert all(batch.loss_weight_B is None for batch in epoch(source()))
    data = source({}, {"folder_path": str(other), "loss_multiplier": 2.5})
    for batch in epoch(data):
        ours = data.items[batch.items[0]].picture.path.parent == other
        expected = [2.5, 2.5] if ours else None
        found = None if batch.loss_weight_B is None else batch.loss_weight_B.tolist()
        assert found == expected


def test_no_dataset_is_an_error(pictures: Path, tiny_sd1: Path, sd1: Any) -> None:
    config = process(pictures, tiny_sd1, {}, datasets=[])
    with pytest.raises(ConfigError, match="nothing to train on"):
        DataSource(config, sd1, 0)


def test_pictures_that_do_not_decode_are_named_before_any_model_is_asked_for(
    tmp_path: Path,
) -> None:
    tiny.draw_pictures(tmp_path, 4, (64, 64))
    for name in ("picture_001.png", "picture_003.png"):
        raw = bytearray((tmp_path / name).read_bytes())
        raw[60:120] = bytes(60)
        (tmp_path / name).write_bytes(raw)
    no_model: Any = SimpleNamespace(readers=1)
    phases: list[str] = []
    data = DataSource(process(tmp_path, tmp_path, {}), no_model, 0)
    with pytest.raises(DataError, match=r"(?s)2 files.*001\.png cannot be dec.*003\.png cannot"):
        data.prepare(lambda phase, done, total: phases.append(phase))
    assert list(dict.fromkeys(phases)) == ["finding pictures", "decoding pictures"]


def test_a_picture_that_goes_bad_while_training_is_named(source: Make, tmp_path: Path) -> None:
    folder = tiny.draw_pictures(tmp_path / "p", 2)
    data = source({"num_workers": 1}, folder=folder)
    for path in folder.glob("*.png"):
        path.write_bytes(b"gone")
    with pytest.raises(DataError, match="cannot be decoded"):
        [data.batch(step, 0) for step in range(1, 9)]


def test_no_batch_mixes_buckets_and_any_epoch_can_be_asked_first() -> None:
    buckets = [Bucket(tuple(range(7)), 3), Bucket(tuple(range(7, 12)), 2)]
    order, later = Order(buckets, 1), Order(buckets, 1)
    assert order.batches_per_epoch == 6
    assert order.batch(0) is not None
    assert order.batch(61) == later.batch(61)
    for rows in order.epoch(4):
        assert all(row < 7 for row in rows) or all(row >= 7 for row in rows)
        assert len(rows) == (3 if rows[0] < 7 else 2)
    assert sorted({row for rows in order.epoch(4) for row in rows}) == list(range(12))
