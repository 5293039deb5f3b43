"""What is done ahead of its use: sizes from headers, batches and decoded pictures in threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from engine.data import encoding, loader
from engine.data.batch import Batch
from engine.data.device_queue import DeviceQueue, bring_ahead
from engine.data.images import load_pixels
from engine.data.loader import DataSource
from engine.errors import DataError
from schema import scan_memory
from schema.picture_files import decode_fault
from tests.engine import tiny
from tests.engine.data.test_loader import epoch, process, same

Make = Callable[..., DataSource]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny.draw_pictures(tmp_path / "six", 6)


@pytest.fixture
def source(folder: Path, tiny_sd1: Path, sd1: Any, request: pytest.FixtureRequest) -> Make:
    """A prepared DataSource on six pictures."""

    def make(**dataset: Any) -> DataSource:
        data = DataSource(process(folder, tiny_sd1, {"batch_size": 1}, dataset), sd1, 0)
        request.addfinalizer(data.close)
        data.prepare()
        return data

    return make


@pytest.mark.proves("datasets[].fast_image_size")
def test_sizes_come_from_headers_alone_and_are_the_same(
    source: Make, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turned = folder / "turned.jpg"
    tags = Image.Exif()
    tags[0x0112] = 6  # on its side
    Image.new("RGB", (64, 128)).save(turned, exif=tags)
    turned.with_suffix(".txt").write_text("a")
    read: list[Path] = []
    inner = decode_fault

    def listening(path: Path) -> str | None:
        read.append(path)
        return inner(path)

    monkeypatch.setattr(scan_memory, "decode_fault", listening)
    fast = source(fast_image_size=True, num_workers=0)
    assert read == []
    sizes = {item.picture.path: item.picture.size for item in fast.items}
    assert sizes[turned] == (128, 64)
    slow = source(num_workers=0)
    assert len(read) == 7
    assert {item.picture.path: item.picture.size for item in slow.items} == sizes


@pytest.mark.proves("datasets[].prefetch_factor", "datasets[].num_workers")
@pytest.mark.parametrize(("workers", "factor"), [(0, 3), (1, 3), (2, 1)])
def test_so_many_batches_of_each_worker_wait_and_none_differs(
    source: Make, workers: int, factor: int
) -> None:
    data = source(num_workers=workers, prefetch_factor=factor)
    first = data.batch(1, 0)
    assert len(data._ahead) == workers * factor
    assert same(first, source(num_workers=0).batch(1, 0))


@pytest.mark.proves("datasets[].persistent_workers")
@pytest.mark.parametrize("stay", [False, True])
def test_workers_stay_for_the_next_epoch_or_make_room_for_new_ones(
    source: Make, stay: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: set[threading.Thread] = set()
    inner = load_pixels

    def listening(*arguments: Any, **named: Any) -> torch.Tensor:
        threads.add(threading.current_thread())
        return inner(*arguments, **named)

    monkeypatch.setattr(loader, "load_pixels", listening)
    data = source(num_workers=1, prefetch_factor=1, persistent_workers=stay)
    plain = source(num_workers=0)
    for number in (0, 1):
        assert all(map(same, epoch(data, number), epoch(plain, number)))
    workers = {thread for thread in threads if thread is not threading.main_thread()}
    assert (len(workers) == 1) is stay


@pytest.mark.proves("datasets[].cache_latents_num_workers")
@pytest.mark.parametrize("threads", [1, 3])
def test_so_many_threads_decode_at_once_and_the_cache_is_the_same(
    source: Make, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    together, lock, most, now = threading.Barrier(threads, timeout=60), threading.Lock(), 0, 0
    inner = encoding._pixels

    def listening(item: Any) -> torch.Tensor:
        nonlocal most, now
        with lock:
            now += 1
            most = max(most, now)
        together.wait()  # breaks where fewer are at work
        found = inner(item)
        with lock:
            now -= 1
        return found

    plain = source(cache_latents=True)
    monkeypatch.setattr(encoding, "_pixels", listening)
    data = source(cache_latents=True, cache_latents_num_workers=threads)
    assert most == threads
    for one, other in zip(epoch(data), epoch(plain), strict=True):
        assert one.latents is not None
        assert other.latents is not None
        assert torch.equal(one.latents, other.latents)


@pytest.mark.proves("datasets[].gpu_prefetch_batches")
def test_so_many_batches_wait_on_the_device_in_their_order(source: Make) -> None:
    plain = source(num_workers=0)
    wanted = [*epoch(plain), *epoch(plain, 1)]
    asked: list[tuple[int, int]] = []
    data = source(num_workers=0)
    inner = data.batch

    def take(step: int, micro: int) -> Batch:
        asked.append((step, micro))
        assert threading.current_thread() is not threading.main_thread()
        return inner(step, micro)

    queue = DeviceQueue(take, torch.device("cpu"), 3, 1)
    found = [queue.batch(step, 0) for step in range(1, len(wanted) + 1)]
    assert all(map(same, found, wanted))
    assert same(queue.batch(2, 0), wanted[1])  # a step that is repeated
    queue.close()
    first = asked[: len(wanted)]
    assert first == [(step, 0) for step in range(1, len(wanted) + 1)]
    assert len(asked) <= len(wanted) + 3 + 1 + 3


@pytest.mark.proves("datasets[].gpu_prefetch_batches")
def test_a_fault_of_the_data_reaches_the_step(source: Make, folder: Path) -> None:
    data = source(num_workers=0)
    for picture in folder.glob("*.png"):
        picture.write_bytes(b"broken")
    bring_ahead(data, torch.device("cpu"), 2, 1)
    with pytest.raises(DataError, match="cannot be decoded"):
        data.batch(1, 0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.proves("datasets[].gpu_prefetch_batches")
def test_batches_arrive_on_the_gpu(source: Make) -> None:
    data, plain = source(num_workers=0), source(num_workers=0)
    bring_ahead(data, torch.device("cuda"), 2, 1)
    for found, wanted in zip(epoch(data), epoch(plain), strict=True):
        assert found.pixels_BCHW is not None
        assert wanted.pixels_BCHW is not None
        assert found.pixels_BCHW.is_cuda
        assert torch.equal(found.pixels_BCHW.cpu(), wanted.pixels_BCHW)
