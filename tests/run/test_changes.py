"""Which changes of a config keep a run what it is."""

import pytest

from schema.catalogue import options
from schema.document import Document
from schema.run.changes import changes, on_resume
from tests.run.configs import config_text


def differences(**edits: object) -> dict[str, str]:
    """Path and meaning of what differs after setting `edits` (`__` stands for a dot)."""
    before, after = Document.parse(config_text()), Document.parse(config_text())
    for path, value in edits.items():
        after.set(path.replace("__", "."), value)
    return {change.path: change.on_resume for change in changes(before.typed(), after.typed())}


def test_equal_configs_differ_in_nothing() -> None:
    assert differences() == {}


def test_a_default_that_is_written_out_is_no_change() -> None:
    assert differences(train__batch_size=1) == {}


def test_another_name_or_place_is_no_change_of_the_run() -> None:
    assert differences(config__name="dogs", training_folder="elsewhere") == {}


def test_more_steps_are_safe() -> None:
    assert differences(train__steps=20) == {"train.steps": "safe"}


def test_another_learning_rate_makes_another_course() -> None:
    assert differences(train__lr=3e-4) == {"train.lr": "new-trajectory"}


def test_another_rank_cannot_go_on() -> None:
    assert differences(network__linear=8) == {"network.linear": "refused"}


def test_a_section_that_goes_is_another_training() -> None:
    before, after = Document.parse(config_text()), Document.parse(config_text())
    after.unset("network")
    (change,) = changes(before.typed(), after.typed())
    assert (change.path, change.on_resume) == ("network", "refused")
    assert change.sentence() == "network: (given) -> (not set)"


def test_parameters_of_the_optimizer_are_compared_by_name() -> None:
    before, after = Document.parse(config_text()), Document.parse(config_text())
    after.set("train.optimizer_params", {"weight_decay": 0.5})
    (change,) = changes(before.typed(), after.typed())
    assert change.path == "train.optimizer_params.weight_decay"
    assert change.after == 0.5


def test_a_second_dataset_is_listed_with_its_index() -> None:
    found = differences(datasets=[{"folder_path": "pictures"}, {"folder_path": "more"}])
    assert found == {"datasets[1]": "new-trajectory"}


def test_preview_prompts_may_come_and_go() -> None:
    assert set(differences(sample__samples=[{"prompt": "a cat"}]).values()) == {"safe"}


def test_a_change_says_both_values() -> None:
    before, after = Document.parse(config_text()), Document.parse(config_text())
    after.set("train.lr", 3e-4)
    (change,) = changes(before.typed(), after.typed())
    assert change.sentence() == "train.lr: 0.0001 -> 0.0003"


@pytest.mark.parametrize("option", options(), ids=lambda option: option.path)
def test_every_option_has_a_meaning_on_resume(option: object) -> None:
    assert on_resume(option.path) == option.on_resume  # type: ignore[attr-defined]
