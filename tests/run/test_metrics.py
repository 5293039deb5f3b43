"""The metrics store: exact rows, honest summaries, resume, and disks that misbehave."""

import errno
import math
import os
import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schema.run.columns import FAN, ROW, ColumnReader, file_stem
from schema.run.metrics import MetricsReader, MetricsWriter


def record(
    place: Path, values: Iterator[tuple[int, float]] | list[tuple[int, float]], start: int = 0
) -> None:
    writer = MetricsWriter(place, start)
    for step, value in values:
        writer.record(step, {"loss": value})
    writer.close()


def test_every_recorded_number_comes_back_exactly(tmp_path: Path) -> None:
    draws = random.Random(1)
    wanted = [(step, draws.gauss(0, 1e-3)) for step in range(1, 1001)]
    record(tmp_path, wanted)
    assert list(MetricsReader(tmp_path).values("loss")) == wanted


def test_a_row_holds_all_series_of_its_step_and_its_time(tmp_path: Path) -> None:
    writer = MetricsWriter(tmp_path, 0, clock=lambda: 1234.5)
    writer.record(1, {"loss": 0.5, "lr/unet": 1e-4})
    writer.record(2, {"loss": 0.25}, at=99.0)
    writer.close()
    assert list(MetricsReader(tmp_path).rows()) == [
        {"step": 1, "time": 1234.5, "loss": 0.5, "lr/unet": 1e-4},
        {"step": 2, "time": 99.0, "loss": 0.25},
    ]


def test_a_series_may_be_born_late_and_be_sparse(tmp_path: Path) -> None:
    writer = MetricsWriter(tmp_path, 0)
    for step in range(1, 31):
        values = {"loss": float(step)}
        if step % 10 == 0:
            values["validation/loss"] = step / 10
        writer.record(step, values)
    writer.close()
    reader = MetricsReader(tmp_path)
    assert reader.series() == ["loss", "validation/loss"]
    assert [row["step"] for row in reader.rows() if "validation/loss" in row] == [10, 20, 30]


def test_rows_after_a_checkpoint_are_superseded_by_the_resumed_run(tmp_path: Path) -> None:
    record(tmp_path, [(step, 1.0) for step in range(1, 121)])
    record(tmp_path, [(step, 2.0) for step in range(101, 131)], start=100)
    rows = list(MetricsReader(tmp_path).rows())
    assert [row["step"] for row in rows] == list(range(1, 131))
    assert [row["loss"] for row in rows] == [1.0] * 100 + [2.0] * 30
    assert MetricsReader(tmp_path).last("loss") == (130, 2.0)


def test_going_back_behind_an_earlier_resume_supersedes_that_too(tmp_path: Path) -> None:
    record(tmp_path, [(step, 1.0) for step in range(1, 101)])
    record(tmp_path, [(step, 2.0) for step in range(81, 121)], start=80)
    record(tmp_path, [(step, 3.0) for step in range(51, 61)], start=50)
    reader = MetricsReader(tmp_path)
    assert [row["loss"] for row in reader.rows()] == [1.0] * 50 + [3.0] * 10
    window = reader.window("loss", 1, 120, 120)
    assert [part[2] for part in window if part] == [1.0] * 50 + [3.0] * 10


def test_a_resumed_run_supersedes_before_its_first_row(tmp_path: Path) -> None:
    record(tmp_path, [(step, 1.0) for step in range(1, 21)])
    MetricsWriter(tmp_path, 15)
    assert MetricsReader(tmp_path).last("loss") == (15, 1.0)


def test_rows_can_start_later_and_skip(tmp_path: Path) -> None:
    record(tmp_path, [(step, float(step)) for step in range(1, 101)])
    rows = MetricsReader(tmp_path).rows(from_step=35, every=10)
    assert [row["step"] for row in rows] == [40, 50, 60, 70, 80, 90, 100]


@pytest.mark.parametrize("rows", [1, 7, 8, 9, 64, 100, 513, 5000])
@pytest.mark.parametrize("buckets", [1, 3, 50])
def test_a_window_equals_the_summary_of_its_rows(tmp_path: Path, rows: int, buckets: int) -> None:
    draws = random.Random(rows)
    values = [draws.gauss(0, 1) for _ in range(rows)]
    record(tmp_path, list(enumerate(values, start=1)))
    window = MetricsReader(tmp_path).window("loss", 1, rows, buckets)
    assert len(window) == buckets
    parts = [part for part in window if part]
    assert min(part[0] for part in parts) == min(values)
    assert max(part[1] for part in parts) == max(values)
    for low, high, mean in parts:
        assert low <= mean <= high


def test_a_window_of_few_rows_is_exact(tmp_path: Path) -> None:
    record(tmp_path, [(step, float(step)) for step in range(1, 1001)])
    window = MetricsReader(tmp_path).window("loss", 101, 140, 4)
    assert window == [(101, 110, 105.5), (111, 120, 115.5), (121, 130, 125.5), (131, 140, 135.5)]


def test_a_single_spike_among_many_rows_is_never_lost(tmp_path: Path) -> None:
    spike = 54_321
    record(tmp_path, ((step, 9.0 if step == spike else 0.1) for step in range(1, 100_001)))
    window = MetricsReader(tmp_path).window("loss", 1, 100_000, 100)
    tall = [index for index, part in enumerate(window) if part and part[1] == 9.0]
    assert len(tall) == 1
    assert abs(tall[0] - spike * 100 // 100_000) <= 1


def test_parts_without_rows_are_none(tmp_path: Path) -> None:
    record(tmp_path, [(step, 1.0) for step in range(1, 11)])
    window = MetricsReader(tmp_path).window("loss", 1, 40, 4)
    assert window[0] == (1.0, 1.0, 1.0)
    assert window[1:] == [None, None, None]


def test_not_a_number_is_kept_counted_and_never_swallows_its_neighbours(tmp_path: Path) -> None:
    record(tmp_path, [(step, math.nan if step == 5 else 1.0) for step in range(1, 17)])
    reader = MetricsReader(tmp_path)
    assert math.isnan(dict(reader.values("loss"))[5])
    whole = reader.summary("loss")
    assert whole is not None
    assert (whole.finite, whole.broken, whole.lo, whole.hi) == (15, 1, 1.0, 1.0)
    only = reader.window("loss", 5, 5, 1)[0]
    assert only is not None
    assert all(math.isnan(value) for value in only)


def test_reading_a_big_window_reads_few_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(tmp_path, [(step, 1.0) for step in range(1, 100_001)])
    read = 0
    plain = os.pread

    def counting(descriptor: int, size: int, offset: int) -> bytes:
        nonlocal read
        read += size
        return plain(descriptor, size, offset)

    monkeypatch.setattr(os, "pread", counting)
    MetricsReader(tmp_path).window("loss", 1, 100_000, 200)
    assert read < 2 * 200 * FAN * 48 + 10_000


def test_a_reader_sees_what_a_writer_adds_meanwhile(tmp_path: Path) -> None:
    reader = MetricsReader(tmp_path / "metrics")
    assert (reader.series(), reader.last("loss"), reader.span()) == ([], None, None)
    writer = MetricsWriter(tmp_path / "metrics", 0)
    writer.record(1, {"loss": 1.0})
    writer.flush()
    assert reader.poll()
    assert not reader.poll()
    assert reader.last("loss") == (1, 1.0)
    writer.record(2, {"loss": 2.0})
    writer.flush()
    assert reader.poll()
    assert reader.span() == (1, 2)


def test_a_step_whose_time_has_not_arrived_is_no_row_yet(tmp_path: Path) -> None:
    record(tmp_path, [(1, 1.0), (2, 2.0)])
    with (tmp_path / "0000" / "loss.raw").open("ab") as file:
        file.write(ROW.pack(3, 3.0))
    assert [row["step"] for row in MetricsReader(tmp_path).rows()] == [1, 2]


@pytest.mark.parametrize("tail", [b"\x07", ROW.pack(3, 1.0)[:15], bytes(16), bytes(40)])
def test_a_torn_or_empty_last_record_is_ignored(tmp_path: Path, tail: bytes) -> None:
    record(tmp_path, [(1, 1.0), (2, 2.0)])
    with (tmp_path / "0000" / "loss.raw").open("ab") as file:
        file.write(tail)
    reader = MetricsReader(tmp_path)
    assert reader.last("loss") == (2, 2.0)
    assert [part[2] for part in reader.window("loss", 1, 2, 2) if part] == [1.0, 2.0]


def test_a_segment_that_never_began_changes_nothing(tmp_path: Path) -> None:
    record(tmp_path, [(1, 1.0), (2, 2.0)])
    (tmp_path / "0001").mkdir()
    assert MetricsReader(tmp_path).last("loss") == (2, 2.0)
    record(tmp_path, [(3, 3.0)], start=2)
    assert [row["step"] for row in MetricsReader(tmp_path).rows()] == [1, 2, 3]


class FullDisk:
    """Stands at `os.pwrite`: takes so many more bytes, then says that the disk is full."""

    def __init__(self, room: int) -> None:
        self.room = room
        self._plain = os.pwrite

    def __call__(self, descriptor: int, data: Any, offset: int) -> int:
        taken = min(self.room, len(data))
        if not taken:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.room -= taken
        return self._plain(descriptor, bytes(data[:taken]), offset)


@pytest.mark.parametrize("room", [0, 1, 16, 100, 333, 2000])
def test_a_full_disk_costs_no_row_once_there_is_room_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    said: list[str] = []
    writer = MetricsWriter(tmp_path, 0, report=said.append)
    disk = FullDisk(room)
    monkeypatch.setattr(os, "pwrite", disk)
    for step in range(1, 201):
        writer.record(step, {"loss": float(step), "lr/unet": 1.0})
        writer.flush()
    assert len(said) == 1
    assert "training goes on" in said[0]
    for row in MetricsReader(tmp_path).rows():
        assert row["loss"] == row["step"]
    disk.room = 1 << 30
    writer.close()
    reader = MetricsReader(tmp_path)
    assert [row["loss"] for row in reader.rows()] == [float(step) for step in range(1, 201)]
    assert reader.summary("loss") == (1, 200, 1.0, 200.0, 20100.0, 200, 0)
    assert writer.lost == 0


def test_a_folder_that_cannot_be_made_stops_nothing_and_is_reported_once(tmp_path: Path) -> None:
    (tmp_path / "metrics").write_text("a file is in the way")
    said: list[str] = []
    writer = MetricsWriter(tmp_path / "metrics", 0, report=said.append)
    for step in range(1, 10_001):
        writer.record(step, {"loss": 1.0})
    writer.close()
    assert len(said) == 1
    assert writer.lost > 0
    (tmp_path / "metrics").unlink()
    writer.close()
    assert MetricsReader(tmp_path / "metrics").last("loss") == (10_000, 1.0)


def test_recording_and_flushing_from_two_threads_loses_nothing(tmp_path: Path) -> None:
    writer = MetricsWriter(tmp_path, 0)
    done = threading.Event()

    def flush() -> None:
        while not done.is_set():
            writer.flush()

    thread = threading.Thread(target=flush)
    thread.start()
    for step in range(1, 5001):
        writer.record(step, {"loss": float(step)})
    done.set()
    thread.join()
    writer.close()
    assert [value for _, value in MetricsReader(tmp_path).values("loss")] == list(range(1, 5001))


def test_a_step_that_goes_back_is_counted_as_lost_not_written(tmp_path: Path) -> None:
    writer = MetricsWriter(tmp_path, 0)
    writer.record(5, {"loss": 5.0})
    writer.record(4, {"loss": 4.0})
    writer.close()
    assert writer.lost == 1
    assert list(MetricsReader(tmp_path).values("loss")) == [(5, 5.0)]


def test_what_is_said_twice_of_a_step_counts_as_said_last(tmp_path: Path) -> None:
    writer = MetricsWriter(tmp_path, 0)
    writer.record(1, {"loss": 1.0})
    writer.record(1, {"loss": 2.0, "late": 3.0})
    writer.close()
    (row,) = MetricsReader(tmp_path).rows()
    assert (row["loss"], row["late"]) == (2.0, 3.0)


def test_the_loss_of_each_picture_is_kept_by_timestep_and_superseded_too(tmp_path: Path) -> None:
    first = MetricsWriter(tmp_path, 0)
    for step in (1, 2, 3):
        first.record(step, {"loss": 1.0}, [(500.0, 0.25), (20.0, 0.5)])
    first.close()
    second = MetricsWriter(tmp_path, 2)
    second.record(3, {"loss": 1.0}, [(999.0, 0.125)])
    second.close()
    items = list(MetricsReader(tmp_path).items(from_step=2))
    assert items == [(2, 500.0, 0.25), (2, 20.0, 0.5), (3, 999.0, 0.125)]


def test_names_with_slashes_and_dots_are_files_of_the_segment(tmp_path: Path) -> None:
    names = ["lr/unet", "gpu0.util", "../escape", "ä b", ".", "..", "%2F"]
    writer = MetricsWriter(tmp_path / "metrics", 0)
    writer.record(1, dict.fromkeys(names, 1.0))
    writer.close()
    assert MetricsReader(tmp_path / "metrics").series() == sorted(names)
    assert [path.name for path in tmp_path.iterdir()] == ["metrics"]


def test_finding_a_key_works_with_gaps(tmp_path: Path) -> None:
    draws = random.Random(3)
    keys = sorted(draws.sample(range(1, 10_000), 500))
    record(tmp_path, [(key, 1.0) for key in keys])
    with ColumnReader(tmp_path / "0000", "loss") as column:
        for key in draws.sample(range(0, 10_050), 300):
            expected = sum(known < key for known in keys)
            assert column.index_of(key) == expected
    assert file_stem("loss") == "loss"
