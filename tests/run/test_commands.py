"""Commands: in order, exactly once, answered always."""

import os
from pathlib import Path

import pytest

from schema.run.commands import Acknowledgement, CommandInbox, send, wait, withdraw
from schema.run.events import EventWriter, read_events
from schema.run.layout import RunFolder


def test_commands_arrive_once_in_the_order_they_were_sent(folder: RunFolder) -> None:
    sent = [send(folder, name) for name in ("pause", "sample", "resume", "stop")]
    inbox = CommandInbox(folder, every=0.0)
    commands = inbox.poll()
    assert [command.id for command in commands] == sent
    assert [command.name for command in commands] == ["pause", "sample", "resume", "stop"]
    assert inbox.poll() == []


def test_arguments_travel(folder: RunFolder) -> None:
    send(folder, "sample", prompt="a cat", seed=3)
    (command,) = CommandInbox(folder).poll()
    assert command.args == {"prompt": "a cat", "seed": 3}


def test_an_unknown_command_is_refused_before_it_is_sent(folder: RunFolder) -> None:
    with pytest.raises(ValueError, match="explode"):
        send(folder, "explode")


def test_the_sender_gets_the_answer_and_the_folder_is_clean(folder: RunFolder) -> None:
    command_id = send(folder, "save")
    inbox = CommandInbox(folder)
    (command,) = inbox.poll()
    inbox.acknowledge(command, "done", "saved at step 5")
    assert wait(folder, command_id, 5) == Acknowledgement("done", "saved at step 5")
    assert list(folder.control.iterdir()) == []


def test_a_second_answer_is_ignored(folder: RunFolder) -> None:
    send(folder, "save")
    inbox = CommandInbox(folder)
    (command,) = inbox.poll()
    inbox.acknowledge(command, "done")
    inbox.acknowledge(command, "refused")
    answers = [event for event in read_events(folder) if event["kind"] == "command"]
    assert [event["status"] for event in answers] == ["done"]


def test_a_worker_killed_before_it_answered_is_answered_for_and_nothing_is_repeated(
    folder: RunFolder,
) -> None:
    command_id = send(folder, "stop")
    assert len(CommandInbox(folder).poll()) == 1
    after = CommandInbox(folder)
    assert after.poll() == []
    answer = wait(folder, command_id, 5)
    assert answer is not None
    assert answer.status == "refused"
    assert "ended while" in answer.message


def test_a_worker_killed_between_answer_and_removal_keeps_its_first_answer(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    command_id = send(folder, "save")
    inbox = CommandInbox(folder)
    (command,) = inbox.poll()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", lambda *_args, **_named: None)
        inbox.acknowledge(command, "done")
    assert CommandInbox(folder).poll() == []
    assert wait(folder, command_id, 5) == Acknowledgement("done", "")
    assert list(folder.control.iterdir()) == []


def test_on_a_full_disk_the_file_name_carries_the_answer(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    command_id = send(folder, "save")
    inbox = CommandInbox(folder)
    (command,) = inbox.poll()
    monkeypatch.setattr(EventWriter, "_append", lambda *_: False)
    inbox.acknowledge(command, "refused", "the disk is full")
    answer = wait(folder, command_id, 5)
    assert answer is not None
    assert answer.status == "refused"


def test_a_wait_ends_at_its_deadline_or_when_the_run_is_over(folder: RunFolder) -> None:
    command_id = send(folder, "save")
    assert wait(folder, command_id, 0.0) is None
    over = wait(folder, command_id, 60.0, given_up=lambda: "the run is over")
    assert over == Acknowledgement("refused", "the run is over")


def test_a_command_can_be_taken_back_until_it_is_claimed(folder: RunFolder) -> None:
    early, late = send(folder, "save"), send(folder, "stop")
    assert withdraw(folder, early)
    (command,) = CommandInbox(folder).poll()
    assert command.id == late
    assert not withdraw(folder, late)


def test_looking_often_touches_the_disk_rarely(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[object] = []
    plain = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: looks.append(path) or plain(path))
    inbox = CommandInbox(folder, every=3600.0)
    before = len(looks)
    for _ in range(100):
        inbox.poll()
    assert len(looks) == before + 1


def test_half_written_and_foreign_files_are_left_alone(folder: RunFolder) -> None:
    (folder.control / ".123-stop.json.99.tmp").write_text("{")
    (folder.control / "readme.json").write_text("{}")
    assert CommandInbox(folder).poll() == []
