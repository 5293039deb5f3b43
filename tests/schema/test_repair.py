"""What suggestions do to a document; the history as data; items change places; quoted paths."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema import edit_log
from schema.check import check_document
from schema.document import Document
from schema.findings import Finding
from schema.paths import absolute, parse, written
from schema.repair import Repair, is_weighty, repair_of, safe_text

CONFIG = """\
job: extension
config:
  name: first
  process:
    # the trainer
    - type: sd_trainer
      network: {type: lora, linear: 16}
      model: {name_or_path: a/b, arch: sd1}
      datasets:
        # dogs
        - folder_path: dogs
        # cats
        - folder_path: cats  # many
          flip_x: true
      train:
        lrr: 1e-4
        batch_size: "4"
        optimizer: adam88
    # the second
    - type: sd_trainer
      model: {name_or_path: a/b, arch: sd1}
      datasets: [{folder_path: dogs}]
      lr: 2e-4
"""


def finding_at(document: Document, path: str) -> Finding:
    return next(one for one in check_document(document, files=False) if one.path == path)


def repaired(document: Document, path: str) -> Repair:
    repair = repair_of(document, finding_at(document, path))
    assert repair is not None
    repair.apply(document)
    return repair


def test_a_mistyped_key_gets_its_name_and_keeps_its_value() -> None:
    document = Document.parse(CONFIG)
    assert repaired(document, "train.lrr").words == "train.lrr becomes train.lr"
    assert document.raw["config"]["process"][0]["train"]["lr"] == pytest.approx(1e-4)
    assert not document.is_set("train.lrr")


def test_a_key_of_another_section_moves_there_in_its_own_process() -> None:
    document = Document.parse(CONFIG)
    assert repaired(document, "process[1].lr").path == "process[1].train.lr"
    assert document.value("process[1].train.lr") == pytest.approx(2e-4)
    assert not document.is_set("train.lr")


def test_a_value_is_read_as_yaml_and_a_choice_as_text() -> None:
    document = Document.parse(CONFIG)
    repaired(document, "train.batch_size")
    assert document.value("train.batch_size") == 4
    assert repaired(document, "train.optimizer").value == "adam8"


def test_an_older_name_that_stands_beside_the_new_one_goes() -> None:
    text = CONFIG.replace("lrr: 1e-4", "lr: 1e-4").replace("linear: 16", "linear: 16, rank: 8")
    document = Document.parse(text)
    found = [one for one in check_document(document, files=False) if one.code == "given-twice"]
    assert found
    repair = repair_of(document, found[0])
    assert repair is not None
    assert repair.action == "drop"
    repair.apply(document)
    assert document.value("network.linear") == 16
    assert "rank" not in document.text()


def test_a_suggestion_may_be_about_another_option() -> None:
    document = Document.parse(CONFIG)
    place = Finding("", "process[1].network", 1, 1, "error", "x", "no", "train.lr: 3e-5")
    repair = repair_of(document, place)
    assert repair == Repair("set", "process[1].train.lr", 3e-5)


def test_what_is_safe_leaves_fewer_findings_and_no_new_one() -> None:
    document = Document.parse(CONFIG.replace("optimizer: adam88", "lr_schedular: no_such"))
    before = {(one.path, one.code) for one in check_document(document, files=False)}
    text, count = safe_text(document)
    after = {(one.path, one.code) for one in check_document(Document.parse(text), files=False)}
    assert after < before
    assert count == 3  # lrr, batch_size, the second process's lr
    # With its right name the key would have a wrong value: one error for another.
    assert ("train.lr_schedular", "unknown-key") in after


def test_which_model_or_file_it_is_stays_a_persons_choice() -> None:
    assert is_weighty(Finding("", "model.arch", 1, 1, "error", "not-yet", "", "sd1"))
    assert is_weighty(Finding("", "process[1].type", 1, 1, "error", "unknown-choice", "", "lora"))
    assert is_weighty(Finding("", "datasets[0].folder_path", 1, 1, "error", "missing", "", "x"))
    assert not is_weighty(Finding("", "train.lr", 1, 1, "error", "wrong-type", "", "1"))


def test_items_change_places_with_their_comments_and_nothing_else() -> None:
    document = Document.parse(CONFIG)
    document.swap("datasets", 0)
    lines = document.text().splitlines()
    assert sorted(lines) == sorted(CONFIG.splitlines())
    at = lines.index("        # cats")
    assert lines[at + 1] == "        - folder_path: cats  # many"
    assert lines[at + 3] == "        # dogs"
    document.swap("datasets", 0)
    assert document.text() == CONFIG


def test_processes_change_places() -> None:
    document = Document.parse(CONFIG)
    document.swap("config.process", 0)
    assert document.value("datasets[0].folder_path") == "dogs"
    assert document.value("lr") is None or document.is_set("lr")
    assert "    # the second\n    - type: sd_trainer" in document.text()
    assert document.undo() == "move in config.process"
    assert document.text() == CONFIG


def test_items_in_flow_style_change_places_too() -> None:
    document = Document.parse(
        CONFIG.replace("[{folder_path: dogs}]", "[{folder_path: a}, {folder_path: b}]")
    )
    document.swap("process[1].datasets", 0)
    assert [one["folder_path"] for one in document.value("process[1].datasets")] == ["b", "a"]
    with pytest.raises(KeyError):
        document.swap("process[1].datasets", 1)


def test_the_history_comes_back_from_data(tmp_path: Path) -> None:
    document = Document.parse(CONFIG)
    document.set("train.steps", 10)
    document.set("train.steps", 20)
    document.unset("datasets[1]")
    document.undo()
    data = json.loads(json.dumps(edit_log.packed(document)))
    assert len(json.dumps(data)) < len(CONFIG) + 1000  # not a copy of the text for each step
    again = Document.parse(document.text())
    assert edit_log.unpacked(again, data)
    assert again.history() == document.history()
    assert again.future() == document.future()
    assert again.redo() == "reset datasets[1]"
    while again.undo():
        pass
    assert again.text() == CONFIG


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data.update(version=9),
        lambda data: data.update(text="other"),
        lambda data: data.update(done=7),
        lambda data: data.update(steps=[["x", 5, 10**6, ""]]),
        lambda data: data.update(steps=[["x"]]),
        lambda data: data.update(base="another text"),
        lambda data: data.clear(),
    ],
)
def test_a_history_that_does_not_fit_is_left_aside(spoil: object) -> None:
    document = Document.parse(CONFIG)
    document.set("train.steps", 10)
    data = edit_log.packed(document)
    assert callable(spoil)
    spoil(data)
    again = Document.parse(document.text())
    assert not edit_log.unpacked(again, data)
    assert again.text() == document.text()
    assert again.history() == []


@given(st.lists(st.text(max_size=30), max_size=6))
def test_any_series_of_texts_can_be_packed(texts: list[str]) -> None:
    document = Document.parse("a: 1\n")
    for text in texts:
        document.replace_text(text)
    again = Document.parse(document.text())
    packed = json.loads(json.dumps(edit_log.packed(document)))
    if document.history() and again.plain_text == document.plain_text:
        assert edit_log.unpacked(again, packed)
        assert again.edits == document.edits


@given(st.lists(st.one_of(st.integers(0, 9), st.text(min_size=1, max_size=5)), min_size=1))
def test_a_written_path_leads_back_to_its_keys(keys: list[object]) -> None:
    whole = ("config", "process", 1, "a", *keys)
    assert absolute(written(whole)) == whole


def test_a_key_with_a_dot_is_quoted() -> None:
    assert parse('network.modules_dim["mid.0"].x') == ("network", "modules_dim", "mid.0", "x")
    document = Document.parse(CONFIG)
    document.set("network.network_kwargs.modules_dim", {"mid.0": 4, "up": 8})
    document.set('network.network_kwargs.modules_dim["mid.0"]', 6)
    assert document.value("network.network_kwargs.modules_dim") == {"mid.0": 6, "up": 8}
