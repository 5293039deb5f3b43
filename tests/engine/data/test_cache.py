"""Cached latents and embeddings: encoded once, right for whatever is asked, safe on disk."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from engine.data.cache import file_hash, read_tensors, weights_identity
from engine.data.loader import DataSource
from engine.errors import DataError, StoppedEarly
from tests.engine import tiny
from tests.engine.data.test_loader import epoch, process

BOTH = {"cache_latents": True, "cache_text_embeddings": True}
DISK = {"cache_latents_to_disk": True, "cache_text_embeddings": True}


class Counting:
    """Counts what the family's encoders are asked."""

    def __init__(self, family: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.images, self.prompts = 0, 0
        encode_images, encode_prompts = family.encode_images, family.encode_prompts

        def images(pixels: torch.Tensor, generator: Any = None) -> torch.Tensor:
            self.images += len(pixels)
            return encode_images(pixels, generator)

        def prompts(texts: Any) -> Any:
            self.prompts += len(texts)
            return encode_prompts(texts)

        monkeypatch.setattr(family, "encode_images", images)
        monkeypatch.setattr(family, "encode_prompts", prompts)


@pytest.fixture
def counted(sd1: Any, monkeypatch: pytest.MonkeyPatch) -> Counting:
    return Counting(sd1, monkeypatch)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny.draw_pictures(tmp_path / "pictures", 4, [(64, 64), (64, 120)])


@pytest.fixture
def prepared(folder: Path, tiny_sd1: Path, sd1: Any) -> Callable[..., DataSource]:
    def make(dataset: dict[str, Any], train: dict[str, Any] | None = None, **more: Any) -> Any:
        settings = {"batch_size": 2} | (train or {})
        data = DataSource(process(folder, tiny_sd1, settings, dataset, **more), sd1, seed=0)
        data.prepare()
        return data

    return make


Prepared = Callable[..., DataSource]


@pytest.mark.proves("datasets[].cache_latents", "datasets[].cache_text_embeddings")
def test_everything_is_encoded_once_before_training_and_nothing_in_steps(
    prepared: Prepared, counted: Counting
) -> None:
    data = prepared(BOTH)
    assert (counted.images, counted.prompts) == (4, 4)
    assert data.caches_latents
    assert data.caches_text
    for batch in epoch(data) + epoch(data, 1):
        assert batch.pixels_BCHW is None
        assert batch.latents is not None
        assert batch.latents.dtype == torch.float32
        width, height = batch.size
        assert batch.latents.shape == (2, 4, height // 8, width // 8)
    assert (counted.images, counted.prompts) == (4, 4)


def test_uncached_data_says_that_the_encoders_are_needed(prepared: Prepared) -> None:
    data = prepared({})
    assert not data.caches_latents
    assert not data.caches_text
    assert data.batch(1, 0).conditioning is None


@pytest.mark.proves("datasets[].cache_latents_to_disk", "datasets[].cache_text_embeddings")
def test_a_second_run_encodes_nothing_and_sees_the_same(
    prepared: Prepared, counted: Counting, folder: Path
) -> None:
    first = prepared(DISK)
    before = (counted.images, counted.prompts)
    assert before == (4, 4)
    assert len(list((folder / "_latent_cache").glob("picture_*.safetensors"))) == 4
    assert len(list((folder / "_t_e_cache").glob("*.safetensors"))) == 4
    second = prepared(DISK)
    assert (counted.images, counted.prompts) == before
    for a, b in zip(epoch(first), epoch(second), strict=True):
        assert a.latents is not None
        assert a.conditioning is not None
        assert b.conditioning is not None
        assert torch.equal(a.latents, b.latents)
        assert torch.equal(a.conditioning.parts["text"], b.conditioning.parts["text"])


@pytest.mark.proves("model.latent_space_version")
def test_caches_are_shared_under_one_label_and_new_under_another(
    prepared: Prepared,
    counted: Counting,
    folder: Path,
    sd1: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counts = []
    for label in ("a", "b", "a"):
        model = sd1.model.model_copy(update={"latent_space_version": label})
        monkeypatch.setattr(sd1, "model", model)
        prepared(DISK)
        counts.append(counted.images)
    assert counts == [4, 8, 8]
    assert len(list((folder / "_latent_cache").glob("picture_*.safetensors"))) == 8


@pytest.mark.proves("datasets[].cache_latents")
def test_cached_latents_are_those_of_the_pictures(prepared: Prepared, sd1: Any) -> None:
    """Equal to encoding the very pixels that an uncached run would see, up to the draw."""
    cached, plain = prepared(BOTH), prepared({})
    for a, b in zip(epoch(cached), epoch(plain), strict=True):
        assert a.items == b.items
        assert b.pixels_BCHW is not None
        posterior = sd1.vae.encode(b.pixels_BCHW).latent_dist
        scale = sd1.vae.config.scaling_factor
        assert a.latents is not None
        deviation = (a.latents / scale - posterior.mean) / posterior.std
        assert deviation.abs().max() < 6
        assert 0.7 < deviation.std() < 1.3


def test_memory_and_disk_give_the_same_latents(prepared: Prepared) -> None:
    for a, b in zip(epoch(prepared(BOTH)), epoch(prepared(DISK)), strict=True):
        assert a.latents is not None
        assert b.latents is not None
        assert torch.equal(a.latents, b.latents)


def test_repeats_share_a_cache_file_and_flips_do_not(
    prepared: Prepared, counted: Counting, folder: Path
) -> None:
    prepared(DISK | {"num_repeats": 3, "flip_x": True})
    assert counted.images == 8
    assert len(list((folder / "_latent_cache").iterdir())) == 8


@pytest.mark.parametrize(
    "change",
    [
        {"resolution": 80, "scale": 2.0},
        {"flip_x": True},
        {"random_crop": True},
        {"scale": 0.7},
        {"square_crop": True},
    ],
)
def test_whatever_changes_the_pixels_is_encoded_anew(
    prepared: Prepared, counted: Counting, change: dict[str, Any]
) -> None:
    prepared(DISK)
    before = counted.images
    prepared(DISK | change)
    assert counted.images > before


def test_a_changed_picture_is_encoded_anew_even_with_an_old_date(
    prepared: Prepared, counted: Counting, folder: Path
) -> None:
    prepared(DISK)
    path = folder / "picture_000.png"
    times = (path.stat().st_atime, path.stat().st_mtime)
    Image.new("RGB", (64, 64), (1, 2, 3)).save(path)
    os.utime(path, times)
    before = counted.images
    prepared(DISK)
    assert counted.images == before + 1


def test_another_vae_or_text_encoder_shares_nothing(
    folder: Path, tiny_sd1: Path, sd1: Any, tmp_path: Path
) -> None:
    other = tiny.load_sd1(tiny.build_sd1(tmp_path / "other", seed=3))
    config = process(folder, tiny_sd1, {}, DISK)
    for family in (sd1, other):
        DataSource(config, family, 0).prepare()
    assert len(list((folder / "_latent_cache").iterdir())) == 8
    assert len(list((folder / "_t_e_cache").iterdir())) == 8
    assert weights_identity(sd1.vae) != weights_identity(other.vae)
    assert weights_identity(sd1.vae, "a") != weights_identity(sd1.vae, "b")


def test_an_edited_caption_is_encoded_anew(
    prepared: Prepared, counted: Counting, folder: Path
) -> None:
    prepared(DISK)
    (folder / "picture_000.txt").write_text("a green ring")
    before = counted.prompts
    data = prepared(DISK)
    assert counted.prompts == before + 1
    assert "a green ring" in {caption for batch in epoch(data) for caption in batch.captions}


def test_equal_captions_are_encoded_once(
    prepared: Prepared, counted: Counting, folder: Path
) -> None:
    for path in folder.glob("*.txt"):
        path.write_text("the same")
    prepared(BOTH)
    assert counted.prompts == 1


@pytest.mark.proves("datasets[].caption_dropout_rate", "train.cache_text_embeddings")
def test_dropped_captions_swap_in_the_triggers_embedding(
    prepared: Prepared, sd1: Any, counted: Counting
) -> None:
    cached = {"cache_text_embeddings": True}
    data = prepared({"caption_dropout_rate": 0.5}, train=cached, trigger_word="sks")
    assert counted.prompts == 5
    blank = sd1.encode_prompts(["sks"]).parts["text"][0]
    seen = set()
    for batch in [b for number in range(4) for b in epoch(data, number)]:
        assert batch.conditioning is not None
        for caption, row in zip(batch.captions, batch.conditioning.parts["text"], strict=True):
            assert torch.equal(row, blank) == (caption == "sks")
            seen.add(caption == "sks")
    assert seen == {True, False}


@pytest.mark.proves("train.unload_text_encoder")
def test_without_the_text_encoder_every_item_gets_the_trigger(
    prepared: Prepared, counted: Counting
) -> None:
    data = prepared({}, train={"unload_text_encoder": True}, trigger_word="sks")
    assert data.caches_text
    assert counted.prompts == 1
    assert {caption for batch in epoch(data) for caption in batch.captions} == {"sks"}
    kept = prepared(
        {"cache_text_embeddings": True}, train={"unload_text_encoder": True}, trigger_word="sks"
    )
    assert len({caption for batch in epoch(kept) for caption in batch.captions}) == 4


@pytest.mark.proves("datasets[].random_crop")
def test_a_cached_random_crop_belongs_to_the_file_not_to_the_run(
    folder: Path, tiny_sd1: Path, sd1: Any, counted: Counting
) -> None:
    config = process(folder, tiny_sd1, {}, DISK | {"random_crop": True})
    first, second = (DataSource(config, sd1, seed) for seed in (1, 2))
    first.prepare()
    before = counted.images
    second.prepare()
    assert counted.images == before


def test_a_damaged_cache_file_is_made_again(
    prepared: Prepared, counted: Counting, folder: Path
) -> None:
    expected = epoch(prepared(DISK))
    for path in (folder / "_latent_cache").iterdir():
        path.write_bytes(path.read_bytes()[:50])
    before = counted.images
    again = epoch(prepared(DISK))
    assert counted.images == before + 4
    for a, b in zip(expected, again, strict=True):
        assert a.latents is not None
        assert b.latents is not None
        assert torch.equal(a.latents, b.latents)


def test_latents_that_vanish_while_training_are_an_error(prepared: Prepared, folder: Path) -> None:
    data = prepared(DISK | {"num_workers": 0})
    for path in (folder / "_latent_cache").iterdir():
        path.unlink()
    with pytest.raises(DataError, match="are gone or damaged"):
        data.batch(1, 0)


def test_a_folder_that_cannot_be_written_is_told_and_latents_stay_in_memory(
    folder: Path, tiny_sd1: Path, sd1: Any
) -> None:
    (folder / "_latent_cache").touch()  # a file where the folder should be
    told: list[str] = []
    data = DataSource(process(folder, tiny_sd1, {}, DISK), sd1, 0)
    data.prepare(warn=told.append)
    assert data.batch(1, 0).latents is not None
    assert any("_latent_cache cannot be written" in message for message in told)


def test_every_picture_that_cannot_be_decoded_is_named_before_training(
    folder: Path, tiny_sd1: Path, sd1: Any
) -> None:
    for name in ("picture_001.png", "picture_002.png"):
        raw = bytearray((folder / name).read_bytes())
        raw[60:90] = bytes(30)
        (folder / name).write_bytes(raw)
    data = DataSource(process(folder, tiny_sd1, {}, BOTH), sd1, 0)
    with pytest.raises(DataError, match=r"(?s)2 files.*picture_001.*picture_002"):
        data.prepare()


def test_caching_can_be_cancelled_and_goes_on_where_it_was(
    folder: Path, tiny_sd1: Path, sd1: Any, counted: Counting
) -> None:
    def report(phase: str, done: int, total: int) -> None:
        if phase == "caching latents" and done == 2:
            raise StoppedEarly("asked to stop")

    config = process(folder, tiny_sd1, {}, DISK)
    with pytest.raises(StoppedEarly):
        DataSource(config, sd1, 0).prepare(report)
    assert counted.images == 2
    DataSource(config, sd1, 0).prepare()
    assert counted.images == 4


def test_progress_counts_up_to_its_total_in_every_phase(
    folder: Path, tiny_sd1: Path, sd1: Any
) -> None:
    seen: dict[str, list[tuple[int, int]]] = {}
    data = DataSource(process(folder, tiny_sd1, {}, BOTH), sd1, 0)
    data.prepare(lambda phase, done, total: seen.setdefault(phase, []).append((done, total)))
    assert set(seen) >= {"finding pictures", "caching latents", "caching captions"}
    for rows in seen.values():
        assert rows[-1] == (4, 4)
        assert [done for done, _ in rows] == sorted(done for done, _ in rows)


def test_hashes_follow_contents(tmp_path: Path) -> None:
    for name, content in (("a", b"x"), ("b", b"x"), ("c", b"y")):
        (tmp_path / name).write_bytes(content)
    assert file_hash(tmp_path / "a") == file_hash(tmp_path / "b") != file_hash(tmp_path / "c")
    assert read_tensors(tmp_path / "nothing") is None
