"""The draft: what is set, what was changed, attempts and undo, the autosaved copy."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from schema.catalogue import find
from tests.tui.driver import CONFIG
from tui.draft import Draft


@pytest.fixture
def draft(tmp_path: Path) -> Draft:
    file = tmp_path / "project.yaml"
    file.write_text(CONFIG)
    return Draft.open(file)


def default_of(draft: Draft, path: str) -> object:
    info = find(path)
    assert info is not None
    return draft.default(info, path)


def test_values_and_defaults_come_from_file_schema_and_sibling(draft: Draft) -> None:
    assert draft.value("train.steps") == 2000
    assert draft.is_set("train.steps")
    assert draft.value("train.max_grad_norm") is None
    assert not draft.is_set("train.max_grad_norm")
    assert default_of(draft, "train.max_grad_norm") == 1.0
    info = find("train.optimizer_params.scale_parameter")
    assert info is not None
    assert not draft.exists_now(info, info.path)
    draft.set("train.optimizer", "adafactor")
    assert draft.exists_now(info, info.path)


def test_an_inherited_value_is_the_effective_one(draft: Draft) -> None:
    info = find("train.unet_lr")
    assert info is not None
    assert draft.effective(info, "train.unet_lr") == pytest.approx(1e-4)


def test_edited_compares_with_what_was_saved(draft: Draft) -> None:
    draft.set("train.steps", 10)
    assert draft.edited("train.steps")
    draft.set("train.steps", 2000)
    assert not draft.edited("train.steps")
    draft.reset("train.steps")
    assert draft.edited("train.steps")
    draft.save()
    assert not draft.edited("train.steps")


def test_attempts_replace_one_another_and_leave_one_step_of_undo(draft: Draft) -> None:
    before = draft.document.text()
    for text in ("1", "12", "12x"):
        draft.attempt("train.steps", text)
        assert draft.value("train.steps") == text
    draft.stop_trial(keep=True)
    assert len(draft.document.history()) == 1
    draft.undo()
    assert draft.document.text() == before


def test_an_attempt_with_the_same_value_takes_nothing_back_that_was_there_before(
    draft: Draft,
) -> None:
    draft.set("train.steps", 10)
    draft.attempt("train.steps", 10)
    draft.stop_trial(keep=False)
    assert draft.value("train.steps") == 10


def test_findings_belong_to_their_field_and_to_the_list_they_are_in(draft: Draft) -> None:
    draft.set("datasets[0].resolution", [512, "big"])
    assert draft.findings_at("datasets[0].resolution")
    assert not draft.findings_at("train.steps")
    assert draft.count("error") == 1


def test_what_the_files_said_about_a_value_goes_when_the_value_changes(draft: Draft) -> None:
    from schema.findings import Finding

    found = Finding("", "datasets[0].folder_path", 1, 1, "error", "no-folder", "not there")
    draft.set_file_findings([found], {})
    assert draft.count("error") == 1
    draft.set("datasets[0].folder_path", "elsewhere")
    assert draft.count("error") == 0


def test_requirements_and_capabilities_make_an_option_not_apply(draft: Draft) -> None:
    info = find("train.text_encoder_lr")
    assert info is not None
    assert draft.not_applicable(info, info.path) == "needs train text encoder"
    draft.set("train.train_text_encoder", True)
    assert draft.not_applicable(info, info.path) is None
    keep = find("datasets[].keep_tokens")
    assert keep is not None
    reason = draft.not_applicable(keep, "datasets[0].keep_tokens")
    assert reason is not None
    assert reason.startswith("needs shuffle tags")
    draft.set("datasets[0].shuffle_tokens", True)
    assert draft.not_applicable(keep, "datasets[0].keep_tokens") is None


def test_the_autosaved_copy_is_offered_only_while_it_is_newer_and_different(draft: Draft) -> None:
    assert draft.autosaved() is None
    draft.set("train.steps", 10)
    assert draft.autosave()
    assert draft.path is not None
    again = Draft.open(draft.path)
    found = again.autosaved()
    assert found is not None
    again.restore(found[0])
    assert again.value("train.steps") == 10
    assert again.edited("train.steps")
    os.utime(draft.path, (found[1] + 60, found[1] + 60))
    assert Draft.open(draft.path).autosaved() is None


def test_saving_forgets_the_autosaved_copy(draft: Draft) -> None:
    draft.set("train.steps", 10)
    draft.autosave()
    draft.save()
    assert not draft.kept.file.exists()
    assert not draft.unsaved


def test_a_new_config_has_no_file_until_it_is_saved_under_a_name(tmp_path: Path) -> None:
    draft = Draft.new(CONFIG)
    assert not draft.on_disk
    with pytest.raises(ValueError, match="no file name"):
        draft.save()
    draft.save(tmp_path / "new.yaml")
    assert (tmp_path / "new.yaml").read_text() == CONFIG
    assert draft.on_disk


def test_a_file_written_by_somebody_else_is_noticed(draft: Draft) -> None:
    assert not draft.changed_on_disk()
    assert draft.path is not None
    draft.path.write_text(CONFIG + "# other\n")
    assert draft.changed_on_disk()


@pytest.mark.parametrize("model", [{"arch": "flux:any"}, {"is_flux": True}])
def test_the_family_that_is_named_decides_what_applies(
    draft: Draft, model: dict[str, object]
) -> None:
    draft.set("model", {"name_or_path": "m", **model})
    row = draft.family()
    assert row is not None
    assert row.arch == "flux"
    conv = find("network.conv")
    assert conv is not None
    assert "convolution layers" in str(draft.not_applicable(conv, conv.path))
