"""Events: whole lines, merged by time, whatever the disk and the other writers do."""

import errno
import json
import os
import threading

import pytest

from schema.run.events import EventTail, EventWriter, read_events
from schema.run.layout import RunFolder


def test_what_is_emitted_is_read_with_its_kind_time_and_fields(folder: RunFolder) -> None:
    assert EventWriter(folder, "worker").emit("sample", path="samples/a.png", step=3, kind2="ä\n")
    (event,) = read_events(folder)
    assert event["kind"] == "sample"
    assert (event["path"], event["step"], event["kind2"]) == ("samples/a.png", 3, "ä\n")
    assert event["role"] == "worker"
    assert event["t"] > 0


def test_fields_cannot_forge_the_head_of_an_event(folder: RunFolder) -> None:
    EventWriter(folder, "worker").emit("warning", t=0, role="other", n=99)
    (event,) = read_events(folder)
    assert (event["role"], event["n"]) == ("worker", 1)
    assert event["t"] > 0


def test_a_tail_gives_each_event_once_in_order_of_time(folder: RunFolder) -> None:
    worker, supervisor = EventWriter(folder, "worker"), EventWriter(folder, "supervisor")
    tail = EventTail(folder)
    supervisor.emit("started")
    worker.emit("state", state="training")
    supervisor.emit("exit", code=0)
    assert [event["kind"] for event in tail.poll()] == ["started", "state", "exit"]
    assert tail.poll() == []
    worker.emit("finished")
    assert [event["kind"] for event in tail.poll()] == ["finished"]


def test_a_torn_last_line_waits_for_its_rest(folder: RunFolder) -> None:
    EventWriter(folder, "worker").emit("started")
    tail = EventTail(folder)
    tail.poll()
    (path,) = folder.events.glob("*.jsonl")
    line = json.dumps({"kind": "warning", "message": "late"}) + "\n"
    with path.open("a") as file:
        file.write(line[:10])
        file.flush()
        assert tail.poll() == []
        file.write(line[10:])
    assert [event["message"] for event in tail.poll()] == ["late"]


def test_a_broken_line_costs_only_itself(folder: RunFolder) -> None:
    writer = EventWriter(folder, "worker")
    writer.emit("started")
    (path,) = folder.events.glob("*.jsonl")
    with path.open("ab") as file:
        file.write(b'{"kind": "warn\n[1, 2]\nnull\n\xff\xfe\n{"no": "kind"}\n')
    writer.emit("finished")
    assert [event["kind"] for event in read_events(folder)] == ["started", "finished"]


def test_a_full_disk_is_counted_and_told_when_there_is_room(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = EventWriter(folder, "worker")
    plain, room = os.write, [7]

    def full(descriptor: int, data: bytes) -> int:
        taken = min(room[0], len(data))
        if not taken:
            raise OSError(errno.ENOSPC, "full")
        room[0] -= taken
        return plain(descriptor, data[:taken])

    monkeypatch.setattr(os, "write", full)
    assert not writer.emit("warning", message="torn")
    assert not writer.emit("warning", message="none")
    assert writer.lost == 2
    room[0] = 1 << 20
    assert writer.emit("warning", message="there")
    (event,) = read_events(folder)
    assert (event["message"], event["lost_before"]) == ("there", 2)
    assert writer.lost == 0


def test_many_threads_write_whole_lines(folder: RunFolder) -> None:
    writer = EventWriter(folder, "worker")

    def emit() -> None:
        for number in range(50):
            writer.emit("progress", phase="latents", done=number)

    threads = [threading.Thread(target=emit) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(read_events(folder)) == 200


def test_a_folder_without_events_has_none(folder: RunFolder) -> None:
    folder.events.rmdir()
    assert read_events(folder) == []
