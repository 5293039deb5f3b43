"""Faults of shape: where they are, what was found, what would be accepted, what was meant."""

import pytest

from schema.catalogue import options
from schema.document import Document
from schema.findings import ConfigError, Finding, nearest, ordered
from schema.shapes import shape_of
from schema.words import accepted, found, number, suggestion

TOP = """\
job: extension
config:
  name: x
  process:
    - type: sd_trainer
      training_folder: out
      model: {name_or_path: m}
"""


def findings(*lines: str, top: str = TOP) -> list[Finding]:
    return Document.parse(top + "".join(f"      {line}\n" for line in lines)).findings


def only(*lines: str) -> Finding:
    (finding,) = findings(*lines)
    return finding


@pytest.mark.parametrize(
    ("lines", "path", "column", "code", "message", "meant"),
    [
        (["train: {steps: 1e3}"], "train.steps", 22, "wrong-type", "1000.0", "1000"),
        (["train: {steps: '50'}"], "train.steps", 22, "wrong-type", "the text '50'", "50"),
        (["train: {steps: 0}"], "train.steps", 22, "out-of-range", "of at least 1", "1"),
        (["train: {lr: .nan}"], "train.lr", 19, "out-of-range", "a finite number", None),
        (["train: {lr: .inf}"], "train.lr", 19, "out-of-range", "a finite number", None),
        (["train: {train_unet: 1}"], "train.train_unet", 27, "wrong-type", "true or false", "true"),
        (["train: {lr: fast}"], "train.lr", 19, "wrong-type", "a number", None),
        (["train: {optimizer: adamx}"], "train.optimizer", 26, "unknown-choice", "one of", "adam"),
        (["train: {ema_config: yes}"], "train.ema_config", 27, "wrong-type", "a mapping", None),
        (["train: [1]"], "train", 14, "wrong-type", "a list of 1", None),
        (["trigger_word: 5"], "trigger_word", 21, "wrong-type", "text", '"5"'),
        (["trigger_word: no"], "trigger_word", 21, "wrong-type", "found false", '"false"'),
        (["device: gpu"], "device", 15, "bad-format", "cpu, mps, cuda or cuda:N", None),
        (["device: cuda:x"], "device", 15, "bad-format", "cuda:N", None),
        (["sample: {prompts: a}"], "sample.prompts", 25, "wrong-type", "a list of items", "[a]"),
        (["network: {dropout: 1}"], "network.dropout", 26, "out-of-range", "below 1", None),
        (["network: {linear: 9999}"], "network.linear", 25, "out-of-range", "4096", "4096"),
        (["datasets: [{folder_path: ''}]"], "datasets[0].folder_path", 32, "bad-format", "empty",
         None),
        (["datasets: [3]"], "datasets[0]", 18, "wrong-type", "the number 3", None),
        (["datasets: {a: 1}"], "datasets", 17, "wrong-type", "a mapping", None),
        (["datasets: [{folder_path: a, resolution: [512, 7]}]"], "datasets[0].resolution[1]", 53,
         "out-of-range", "from 64 to 8192", "64"),
        (["datasets: [{folder_path: a, resolution: big}]"], "datasets[0].resolution", 47,
         "wrong-type", "or a list", None),
        (["train: {optimizer_params: {betas: [0.9]}}"], "train.optimizer_params.betas", 41,
         "bad-length", "a list of 2 items", None),
        (["train: {optimizer_params: 3}"], "train.optimizer_params", 33, "wrong-type", "mapping",
         None),
    ],
)  # fmt: skip
def test_a_wrong_value_is_found_named_and_mended(
    lines: list[str], path: str, column: int, code: str, message: str, meant: str | None
) -> None:
    finding = only(*lines)
    assert (finding.path, finding.line, finding.column) == (path, 8, column)
    assert finding.code == code
    assert message in finding.message
    assert finding.suggestion == meant


@pytest.mark.parametrize(
    ("lines", "message", "meant"),
    [
        (["train: {lr_schedular: cosine}"], "did you mean 'lr_scheduler'", "lr_scheduler"),
        (["lr: 3"], "belongs in train:", "train.lr"),
        (["network: {batch_size: 3}"], "belongs in train:", "train.batch_size"),
        (["train: {rank: 3}"], "belongs in network:", "network.linear"),
        (["train: {folder_path: a}"], "belongs in datasets:", "datasets[].folder_path"),
        (["train: {Batch-Size: 3}"], "did you mean 'batch_size'", "batch_size"),
        (["train: {optimizer_params: {weigth_decay: 1}}"], "'weight_decay'", "weight_decay"),
        (["train: {optimizer_params: {clip_threshold: 1.0}}"], "it belongs to adafactor", None),
        (["save: {zzzzzz: 3}"], "known here are save_every", None),
        (["datset: []"], "did you mean 'datasets'", "datasets"),
    ],
)
def test_an_unknown_key_gets_the_nearest_known_one(
    lines: list[str], message: str, meant: str | None
) -> None:
    finding = only(*lines)
    assert finding.code == "unknown-key"
    assert message in finding.message
    assert meant in (None, finding.suggestion)


def test_a_key_that_yaml_reads_as_something_else_is_named() -> None:
    finding = only("train: {on: 1}")
    assert (finding.path, finding.code, finding.column) == ("train", "unknown-key", 15)
    assert "true" in finding.message


def test_all_faults_come_at_once_in_the_order_of_the_file() -> None:
    found = findings("train: {steps: 0, lrr: 1, lr: x}", "sav: {}", "datasets: [{}, 3]")
    assert [f.path for f in found] == [
        "train.steps", "train.lrr", "train.lr", "sav", "datasets[0].folder_path", "datasets[1]",
    ]  # fmt: skip


def test_what_is_missing_is_reported_where_it_should_stand() -> None:
    found = Document.parse("job: extension\nconfig:\n  process: [{type: sd_trainer}]\n").findings
    assert {(f.path, f.line, f.code) for f in found} == {
        ("config.name", 3, "missing"),
        ("training_folder", 3, "missing"),
        ("model", 3, "missing"),
    }


def test_parameters_are_not_judged_while_their_optimizer_is_unknown() -> None:
    found = findings("train: {optimizer: nope, optimizer_params: {wd: 1}}")
    assert [f.path for f in found] == ["train.optimizer"]


def test_an_older_key_name_is_a_hint() -> None:
    finding = only("network: {rank: 8}")
    assert (finding.severity, finding.code, finding.suggestion) == ("hint", "older-name", "linear")
    assert finding.column == 17


def test_an_older_parameter_name_is_a_hint_too() -> None:
    finding = only("train: {lr_scheduler: cosine, lr_scheduler_params: {T_max: 5}}")
    assert (finding.path, finding.severity) == ("train.lr_scheduler_params.T_max", "hint")


def test_both_names_with_different_values_are_an_error() -> None:
    assert only("network: {rank: 8, linear: 4}").severity == "error"
    assert only("network: {rank: 8, linear: 8}").severity == "hint"


@pytest.mark.parametrize("text", ["- 1\n", "3\n", "just text\n"])
def test_a_file_that_is_no_mapping_says_so(text: str) -> None:
    (finding,) = Document.parse(text).findings
    assert finding.code == "not-a-mapping"


def test_a_config_with_faults_has_no_typed_form() -> None:
    with pytest.raises(ConfigError) as caught:
        Document.parse(TOP + "      trian: {}\n", file="a.yaml").typed()
    assert caught.value.findings[0].suggestion == "train"
    assert str(caught.value).startswith("a.yaml:8:7: error: trian:")


def test_paths_of_a_later_process_say_which() -> None:
    text = TOP + "    - type: sd_trainer\n      training_folder: b\n      model: {}\n"
    (finding,) = Document.parse(text).findings
    assert finding.path == "process[1].model.name_or_path"


@pytest.mark.proves("config.name")
def test_placeholders_are_replaced_and_unset_variables_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATA", "/data")
    document = Document.parse(
        TOP + "      trigger_word: '[name]'\n      datasets: [{folder_path: '${DATA}/[name]'}]\n"
    )
    process = document.typed().config.process[0]
    assert (process.trigger_word, process.datasets[0].folder_path) == ("x", "/data/x")
    assert document.value("trigger_word") == "[name]"
    monkeypatch.delenv("DATA")
    (finding,) = Document.parse(document.text()).findings
    assert (finding.code, finding.path) == ("variable-unset", "datasets[0].folder_path")


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, "nothing"), (True, "true"), ("", "empty text"), ("x" * 90, "..."), ([], "a list of 0"),
     ({}, "a mapping"), (1e-6, "the number 1e-6"), (2.0, "the number 2.0")],
)  # fmt: skip
def test_found_values_are_named_in_words(value: object, words: str) -> None:
    assert words in found(value)


@pytest.mark.parametrize(
    ("value", "text"), [(0.0001, "0.0001"), (1e-5, "1e-5"), (7.0, "7"), (2**32, "4294967296")]
)
def test_numbers_are_written_as_people_write_them(value: float, text: str) -> None:
    assert number(value) == text


def test_every_option_says_what_it_accepts() -> None:
    for info in options():
        shape = shape_of(info.owner.model_fields[info.name])
        words = accepted(shape)
        assert words.startswith(("a ", "one of", "true or", "text")), info.path
        assert "^" not in words, f"{info.path} needs `form` for its pattern"
        suggestion("nonsense", shape)


def test_nearest_minds_neither_case_nor_dashes() -> None:
    assert nearest("Save-Every", ["save_every", "save"]) == "save_every"
    assert nearest("zzz", ["save"]) is None


def test_findings_are_ordered_by_place_and_told_once() -> None:
    late = Finding("f", "a", 3, 1, "error", "x", "m")
    soft = Finding("f", "a", 1, 5, "hint", "x", "m")
    hard = Finding("f", "a", 1, 5, "error", "x", "m")
    assert ordered([late, soft, hard, late]) == [hard, soft, late]
    assert late.sentence() == "f:3:1: error: a: m [x]"
