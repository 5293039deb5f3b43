"""Editing a config: the text keeps its comments, order and quotes, and every edit can be undone."""

from pathlib import Path

import pytest

from schema.document import Document
from schema.findings import ConfigError
from tests.schema.conftest import BASE


def edited_lines(document: Document) -> tuple[list[str], list[str]]:
    """The lines that went and the lines that came, against the small config."""
    before, after = BASE.splitlines(), document.text().splitlines()
    return [x for x in before if x not in after], [x for x in after if x not in before]


@pytest.mark.parametrize(
    ("path", "value", "gone", "came"),
    [
        ("train.lr", 0.0005, "        lr: 1e-4   # fast", "        lr: 5e-4   # fast"),
        ("config.name", "second", '  name: "first"   # the name', '  name: "second"   # the name'),
        ("datasets[1].flip_x", False, "          flip_x: yes", "          flip_x: false"),
        ("datasets[1].folder_path", "it's", "        - folder_path: 'more'",
         "        - folder_path: 'it''s'"),
        ("datasets[0].resolution", [512, 768], "          resolution: [256, 512]",
         "          resolution: [512, 768]"),
        ("datasets[0].resolution[0]", 64, "          resolution: [256, 512]",
         "          resolution: [64, 512]"),
        ("model.arch", "1e5", "        arch: sd1", "        arch: '1e5'"),
    ],
)  # fmt: skip
def test_a_changed_value_changes_nothing_else(
    document: Document, path: str, value: object, gone: str, came: str
) -> None:
    document.set(path, value)
    assert edited_lines(document) == ([gone], [came])
    assert document.value(path) == value


@pytest.mark.parametrize(
    ("path", "value", "came"),
    [
        ("train.optimizer", "adafactor", ["        optimizer: adafactor"]),
        ("train.ema_config.use_ema", True, ["        ema_config:", "          use_ema: true"]),
        ("save.save_every", 10, ["      save:", "        save_every: 10"]),
        ("network.dropout", 0.1, ["        dropout: 0.1"]),
        ("datasets[2]", {"folder_path": "c", "flip_x": True},
         ["        - folder_path: c", "          flip_x: true"]),
        ("sample.samples", [{"prompt": "a: b", "seed": 3}],
         ["      sample:", "        samples:", "          - prompt: 'a: b'",
          "            seed: 3"]),
        ("train.optimizer_params", {"betas": [0.9, 0.99]},
         ["        optimizer_params:", "          betas: [0.9, 0.99]"]),
    ],
)  # fmt: skip
def test_a_new_value_gets_lines_of_its_own_in_its_section(
    document: Document, path: str, value: object, came: list[str]
) -> None:
    document.set(path, value)
    assert edited_lines(document) == ([], came)
    assert document.value(path) == value


def test_a_comment_above_the_next_section_stays_with_it(document: Document) -> None:
    document.set("network.dropout", 0.1)
    text = document.text()
    assert text.index("dropout") < text.index("\n      model:")
    document.set("datasets[0].flip_x", True)
    lines = document.text().splitlines()
    assert lines[lines.index("          flip_x: true") + 1] == "        # the second set"


def test_a_removed_value_leaves_the_rest(document: Document) -> None:
    document.unset("datasets[0]")
    document.unset("network.type")
    gone, came = edited_lines(document)
    assert gone == [
        "        type: lora",
        "        - folder_path: images",
        "          resolution: [256, 512]",
    ]
    assert came == []
    assert document.raw["config"]["process"][0]["datasets"] == [
        {"folder_path": "more", "flip_x": True}
    ]


def test_the_first_key_of_a_list_item_can_go(document: Document) -> None:
    document.unset("datasets[1].folder_path")
    assert "        - flip_x: yes" in document.text()


def test_the_last_key_of_a_section_leaves_an_empty_section(document: Document) -> None:
    document.unset("train.steps")
    document.unset("train.lr")
    assert document.raw["config"]["process"][0]["train"] == {}
    document.set("train.steps", 5)
    assert document.typed().config.process[0].train.steps == 5


def test_an_item_is_inserted_where_it_was_asked_for(document: Document) -> None:
    document.insert("datasets", 1, {"folder_path": "between"})
    paths = [d["folder_path"] for d in document.raw["config"]["process"][0]["datasets"]]
    assert paths == ["images", "between", "more"]
    document.insert("sample.prompts", 0, "first of its list")
    assert document.value("sample.prompts") == ["first of its list"]


FLOW = """\
job: extension
config: {name: x, process: [{type: sd_trainer, train: {lr: 1e-4, steps: 010}}]}
"""
ANCHORED = """\
job: extension
config:
  name: x
  process:
    - datasets:
        - &first
          folder_path: a   # one
          flip_x: on
        - <<: *first
          folder_path: b
        - *first
"""


def test_flow_style_keeps_its_style_and_scalars() -> None:
    document = Document.parse(FLOW)
    document.set("train.batch_size", 2)
    assert "{lr: 1e-4, steps: 010, batch_size: 2}" in document.text()
    document.unset("train.steps")
    assert document.value("train.lr") == 1e-4
    assert "010" not in document.text()


def test_an_edit_below_an_alias_touches_one_place_only() -> None:
    document = Document.parse(ANCHORED)
    document.set("datasets[2].folder_path", "c")
    datasets = document.raw["config"]["process"][0]["datasets"]
    assert [d["folder_path"] for d in datasets] == ["a", "b", "c"]
    assert [d["flip_x"] for d in datasets] == [True, True, True]
    assert "# one" in document.text()


def test_an_edit_of_the_anchor_leaves_what_was_taken_from_it() -> None:
    document = Document.parse(ANCHORED)
    document.set("datasets[1].flip_x", False)
    document.set("datasets[0].folder_path", "new")
    datasets = document.raw["config"]["process"][0]["datasets"]
    assert [d["folder_path"] for d in datasets] == ["new", "b", "a"]
    assert [d["flip_x"] for d in datasets] == [True, False, True]


def test_an_older_name_becomes_the_present_one_when_it_is_set() -> None:
    document = Document.parse(BASE.replace("linear: 8", "rank: 8  # how much"))
    assert document.value("network.linear") == 8
    assert document.is_set("network.linear")
    document.set("network.linear", 16)
    assert "        linear: 16  # how much" in document.text()
    assert document.history() == ["set network.linear"]
    document.undo()
    document.unset("network.linear")
    assert not document.is_set("network.linear")


def test_a_value_that_is_not_given_is_the_default(document: Document) -> None:
    assert document.value("train.batch_size") == 1
    assert document.value("train.optimizer_params.weight_decay") == 0.01
    document.set("train.optimizer", "adam")
    assert document.value("train.optimizer_params.weight_decay") == 0.0
    assert not document.is_set("train.batch_size")
    assert document.value("no.such.option") is None


def test_edits_are_undone_and_redone_by_name(document: Document) -> None:
    document.set("train.lr", 1e-3)
    document.set("train.steps", 7, name="halve the run")
    assert document.history() == ["set train.lr", "halve the run"]
    assert document.undo() == "halve the run"
    assert document.value("train.steps") == 100
    assert document.future() == ["halve the run"]
    assert document.redo() == "halve the run"
    assert [document.undo(), document.undo(), document.undo()] == [
        "halve the run", "set train.lr", None,
    ]  # fmt: skip
    assert document.text() == BASE
    document.set("train.lr", 5.0)
    assert document.redo() is None


def test_setting_what_is_there_already_is_no_edit(document: Document) -> None:
    document.set("train.lr", 1e-4)
    document.unset("train.batch_size")
    assert document.history() == []
    document.set("train.steps", True)
    assert document.history() == ["set train.steps"]


def test_changed_paths_are_those_that_differ_from_the_file(
    document: Document, tmp_path: Path
) -> None:
    assert not document.changed
    document.set("train.lr", 1e-3)
    document.set("train.ema_config.use_ema", True)
    document.unset("network.type")
    assert document.changed_paths() == ["network.type", "train.ema_config.use_ema", "train.lr"]
    document.save(tmp_path / "saved.yaml")
    assert document.changed_paths() == []
    assert not document.changed
    assert Document.load(tmp_path / "saved.yaml").value("train.lr") == 1e-3
    document.undo()
    assert document.changed


def test_text_may_be_replaced_even_by_broken_text(document: Document) -> None:
    document.replace_text("a: [")
    assert document.findings[0].code == "yaml-syntax"
    assert not document.editable
    with pytest.raises(ConfigError, match=r"base\.yaml"):
        document.set("train.lr", 1.0)
    assert document.undo() == "edit text"
    assert document.findings == []


@pytest.mark.parametrize("path", ["", "train..lr", "train.lr]", "[0"])
def test_what_is_no_path_is_refused(document: Document, path: str) -> None:
    with pytest.raises(ValueError, match="not a path"):
        document.set(path, 1)


@pytest.mark.parametrize("path", ["datasets[7].flip_x", "datasets[7]", "datasets[0].resolution[5]"])
def test_a_list_item_that_is_not_there_is_refused(document: Document, path: str) -> None:
    with pytest.raises(KeyError, match="there is no"):
        document.set(path, 1)
    assert document.text() == BASE


def test_windows_line_ends_and_a_mark_are_kept(tmp_path: Path) -> None:
    source = b"\xef\xbb\xbf" + BASE.replace("\n", "\r\n").encode()
    (tmp_path / "w.yaml").write_bytes(source)
    document = Document.load(tmp_path / "w.yaml")
    assert document.findings == []
    document.set("train.steps", 101)
    document.save()
    expected = source.replace(b"steps: 100", b"steps: 101")
    assert (tmp_path / "w.yaml").read_bytes() == expected


def test_a_file_of_another_encoding_is_a_finding_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "l.yaml").write_bytes(BASE.replace("first", "caf\xe9").encode("latin-1"))
    (finding,) = Document.load(tmp_path / "l.yaml").findings
    assert (finding.code, finding.line, finding.column) == ("not-utf8", 4, 13)


def test_a_document_is_made_from_plain_values() -> None:
    data = {"job": "extension", "config": {"name": "x", "process": [{"a": [1, {"b": None}]}, []]}}
    assert Document.create(data).raw == data


def test_the_typed_form_follows_the_text(document: Document) -> None:
    assert document.typed().config.process[0].train.lr == 1e-4
    document.set("train.lr", 1)
    assert document.typed().config.process[0].train.lr == 1.0
    assert document.place("train.lr") == (28, 13)
