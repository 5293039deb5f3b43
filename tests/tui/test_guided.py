"""`finetui presets`, `finetui new` by axes and guided, and the look at this machine."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from schema.advice import Answers
from schema.presets import all_presets, trained_families
from tests.tui.fake_nvml import FakeNvml
from tui import guided
from tui.cli import main
from tui.commands import guided as command
from tui.machine import disk_kind, machine_words, read_machine
from tui.watch.gpu import Nvml

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Twelve captioned pictures."""
    folder = tmp_path / "zorbs"
    folder.mkdir()
    for number in range(12):
        Image.new("RGB", (640, 512)).save(folder / f"{number}.png")
        (folder / f"{number}.txt").write_text(f"a zorb number {number} on a table")
    return folder


def trained(text: str) -> dict[str, Any]:
    """The one process of a config."""
    process: dict[str, Any] = yaml.safe_load(text)["config"]["process"][0]
    return process


def test_presets_show_the_axes_and_what_waits(capsys: Captured) -> None:
    assert main(["presets"]) == 0
    out = capsys.readouterr().out
    for words in ("Character LoRA", "sd1", "full 16gb", "RTX 3090", "--guided", "slider"):
        assert words in out
    assert main(["presets", "--all"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(all_presets())


def test_presets_as_json_name_every_one_that_works(capsys: Captured) -> None:
    assert main(["presets", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == [preset.name for preset in all_presets()]
    assert {"style", "character", "full", "sd1-style-24gb"} <= {row["name"] for row in rows}
    assert all(row.keys() == rows[0].keys() for row in rows)


def test_one_preset_is_shown_value_by_value(capsys: Captured) -> None:
    assert main(["presets", "sd1-full-24gb"]) == 0
    assert "warmup" in capsys.readouterr().out
    assert main(["presets", "style", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)["values"]
    assert all(one["why"] for one in values)
    assert main(["presets", "stile"]) == 2
    assert "did you mean style?" in capsys.readouterr().err


def test_new_composes_from_the_axes(capsys: Captured) -> None:
    assert main(["new", "--goal", "full", "--family", "sd15", "--memory", "24gb"]) == 0
    by_axes = capsys.readouterr().out
    assert main(["new", "--preset", "sd1-full-24gb"]) == 0
    assert capsys.readouterr().out == by_axes
    assert main(["new", "--preset", "full", "--memory", "24GB"]) == 0
    assert capsys.readouterr().out == by_axes


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--goal", "stile"], "did you mean style?"),
        (["--memory", "9gb"], "no memory class"),
        (["--goal", "full", "--memory", "8gb"], "from 16gb on"),
        (["--family", "nothing"], "no family"),
        (["--yes"], "--yes can be given with --guided only"),
        (["--images", "x", "--trigger", ""], "--images, --trigger can be given"),
        (["--guided", "--yes", "--priority", "sped"], "did you mean speed?"),
        (["--guided", "--yes", "--assist", "loads"], "--assist: there is no 'loads'"),
        (["--guided", "--yes", "--family", "nothing"], "no family 'nothing'"),
        (["--guided", "--yes", "--memory", "9gb"], "no '9gb'"),
        (["--guided", "--yes", "--preset", "stile"], "did you mean style?"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    flags: list[str], words: str, capsys: Captured
) -> None:
    assert main(["new", *flags]) == 2
    captured = capsys.readouterr()
    assert words in captured.err
    assert captured.out == ""


def test_guided_by_flags_writes_a_config_that_fits(
    pictures: Path, tmp_path: Path, capsys: Captured
) -> None:
    file = tmp_path / "out" / "zorb-1.yaml"
    file.parent.mkdir()
    flags = ["--goal", "character", "--images", str(pictures), "--memory", "8gb", "--yes"]
    assert main(["new", "--guided", *flags, "-o", str(file)]) == 0
    assert "12 pictures, 640x512, all captioned" in capsys.readouterr().err
    process = trained(file.read_text())
    assert yaml.safe_load(file.read_text())["config"]["name"] == "zorb-1"
    assert process["trigger_word"] == "zorb"
    assert process["datasets"][0]["folder_path"] == str(pictures)
    assert process["train"]["steps"] == 600
    assert main(["check", "--no-files", "--strict", str(file)]) == 0
    assert main(["new", "--guided", *flags, "-o", str(file)]) == 2


def test_guided_as_json_prints_values_with_reasons(pictures: Path, capsys: Captured) -> None:
    flags = ["--images", str(pictures), "--priority", "quality", "--memory", "24gb"]
    assert main(["new", "--guided", "--json", *flags]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["fits"] is True
    assert data["priority"] == "quality"
    assert {"path", "value", "why", "from"} == data["values"][0].keys()
    assert data["config"]["config"]["process"][0]["network"]["linear"] == 64


def test_without_a_terminal_nothing_is_asked(capsys: Captured) -> None:
    assert main(["new", "--guided"]) == 0
    captured = capsys.readouterr()
    assert "What do you want" not in captured.err
    assert trained(captured.out)["type"] == "sd_trainer"


def answering(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    """A terminal at which somebody types these lines."""
    typed = io.StringIO("".join(f"{line}\n" for line in lines))
    monkeypatch.setattr(typed, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", typed)


def test_guided_asks_what_is_open(
    pictures: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    answering(monkeypatch, "slider", "caracter", "2", "", str(pictures), "", "speed", "none")
    assert main(["new", "--guided"]) == 0
    captured = capsys.readouterr()
    for words in ("This machine:", "not in the engine yet", "such as character", "12 pictures"):
        assert words in captured.err
    process = trained(captured.out)
    assert process["trigger_word"] == "zorb"
    assert process["train"]["batch_size"] == 2
    assert captured.out.count("#") == 1


def test_guided_does_not_ask_what_the_flags_say(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    answering(monkeypatch)
    flags = ["--preset", "style", "--images", "nowhere", "--priority", "speed", "--assist", "some"]
    assert main(["new", "--guided", *flags]) == 0
    captured = capsys.readouterr()
    assert "What" not in captured.err
    assert "nowhere is not there yet" in captured.err


def test_the_end_of_the_input_takes_the_usual_answers(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    answering(monkeypatch)
    assert main(["new", "--guided"]) == 0
    assert trained(capsys.readouterr().out)["network"]["linear"] == 32


def test_a_dash_means_no_trigger_word(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, "-")
    asked = Answers(goal="character")
    known = {"goal", "family", "folder", "priority", "help"}
    answers, _ = command.ask(asked, read_machine(Path(), Nvml(FakeNvml())), known)
    assert answers.trigger == ""


# -- questions


def test_questions_follow_from_the_goal() -> None:
    names = [question.name for question in guided.questions(Answers(goal="style"))]
    assert names == ["goal", "family", "folder", "priority", "help"]
    assert "trigger" in [q.name for q in guided.questions(Answers(goal="character"))]
    assert "folder" not in [q.name for q in guided.questions(Answers(goal="slider"))]


def test_choices_that_wait_say_so() -> None:
    goal, family, *_ = guided.questions(Answers())
    off = {choice.name: choice.off for choice in goal.choices}
    assert off["style"] is None
    assert off["slider"] is None or "not in the engine yet" in off["slider"]
    assert family.choices[0].off is None
    assert {choice.name for choice in family.choices} == {r.arch for r in trained_families()}


def test_another_goal_forgets_what_was_of_the_old_one() -> None:
    answers = Answers(goal="character", trigger="zorb", pins={"train.steps": 5})
    changed = guided.with_answer(answers, "goal", "concept")
    assert (changed.trigger, changed.pins) == (None, {})
    assert guided.with_answer(answers, "goal", "character") == answers
    assert guided.with_answer(answers, "priority", "speed").pins == {"train.steps": 5}


def test_a_free_file_name_is_found(tmp_path: Path) -> None:
    assert guided.free_file(tmp_path, "my style!").name == "my_style.yaml"
    (tmp_path / "a.yaml").touch()
    (tmp_path / "a-2.yaml").touch()
    assert guided.free_file(tmp_path, "a").name == "a-3.yaml"
    assert guided.free_file(tmp_path, "../..").name == "config.yaml"


# -- the machine


def test_the_largest_card_counts(tmp_path: Path) -> None:
    machine = read_machine(tmp_path / "not" / "there", Nvml(FakeNvml()))
    assert machine.accelerator == "cuda"
    assert machine.memory is not None
    assert machine.memory > 2**30
    assert machine.disk_free
    assert machine.ram
    assert machine.gpu in machine_words(machine)


def test_without_a_card_it_is_said(tmp_path: Path) -> None:
    machine = read_machine(tmp_path, Nvml(FakeNvml(absent=True)))
    assert machine.accelerator in ("cpu", "mps")
    assert machine.eight_bit is False
    if machine.accelerator == "cpu":
        assert machine_words(machine).startswith("no NVIDIA GPU")


@pytest.mark.parametrize(("kind", "found"), [("nfs4", "network"), ("ext4", None)])
def test_a_network_disk_is_known_by_its_mount(tmp_path: Path, kind: str, found: str | None) -> None:
    import os

    device = tmp_path.stat().st_dev
    numbers = f"{os.major(device)}:{os.minor(device)}"
    table = tmp_path / "mountinfo"
    table.write_text(f"36 35 {numbers} / /x rw shared:1 - {kind} host:/x rw\ngarbage\n")
    assert (disk_kind(tmp_path, table) == "network") is (found == "network")
    assert disk_kind(tmp_path, tmp_path / "nothing") is None
