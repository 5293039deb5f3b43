"""Every preset that is offered is right as it stands; what cannot be offered says why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.families import FAMILIES as TRAINED
from schema import presets
from schema.check import check_document
from schema.document import Document
from schema.families import FAMILIES, FamilyRow
from schema.findings import Finding
from schema.pending import waiting_values
from schema.presets import (
    PRESETS,
    NoPresetError,
    Preset,
    all_presets,
    compose,
    find_preset,
    named_preset,
    peak_of,
    waiting,
)
from schema.presets.axes import Goal, family_sheet, goals, memory_classes

PLAIN = [row for row in FAMILIES.values() if row.kind == "image" and not row.controls[0]]


def findings(text: str) -> list[Finding]:
    return check_document(Document.parse(text), files=False)


@pytest.mark.parametrize("preset", all_presets(), ids=lambda preset: preset.name)
def test_a_preset_has_nothing_to_find(preset: Preset) -> None:
    assert findings(preset.text) == []


@pytest.mark.parametrize("preset", all_presets(), ids=lambda preset: preset.name)
def test_a_preset_has_a_reason_for_each_value(preset: Preset) -> None:
    document = Document.parse(preset.text)
    for one in preset.advice.values:
        assert one.why.endswith("."), one
        assert "\n" not in one.why
        assert document.is_set(one.path), one.path
        assert document.value(one.path) == one.value
    assert len(preset.advice.values) > 25


def test_presets_are_of_the_families_that_the_engine_trains() -> None:
    with_presets = {preset.family for preset in all_presets()}
    apart = {  # edit families, whose goals need control pictures
        row.arch
        for row in presets.trained_families()
        if all(waiting(goal, row) is not None for goal in goals().values())
    }
    assert with_presets | apart == set(TRAINED)
    assert PRESETS[0].family in TRAINED


def test_names_are_unique_and_lead_back() -> None:
    names = [preset.name for preset in all_presets()]
    assert len(set(names)) == len(names)
    assert all(find_preset(preset.name) == preset for preset in all_presets())


def test_the_names_of_old_still_work() -> None:
    for name in ("style", "character", "full"):
        preset = named_preset(name)
        assert preset.goal == name
        assert f"# {goals()[name].label} for" in preset.text
    assert named_preset("24gb-style") == named_preset("sd1-style-24gb")
    assert named_preset("sd1-style").memory == "12gb"
    assert named_preset("sd15-style").family == "sd1"


@pytest.mark.parametrize("goal", [goal for goal in goals().values() if goal.essential])
def test_a_goal_that_waits_says_what_for(goal: Goal, monkeypatch: pytest.MonkeyPatch) -> None:
    row = FAMILIES["sd1"]
    reason = waiting(goal, row)
    if reason is None:  # the engine has learned it
        assert find_preset(f"sd1-{goal.name}") is not None
        return
    assert reason.startswith("not in the engine yet: ")
    with pytest.raises(NoPresetError, match="not in the engine yet"):
        compose("sd1", goal.name)
    assert not [preset for preset in all_presets() if preset.goal == goal.name]


@pytest.mark.parametrize("name", [goal.name for goal in goals().values() if goal.essential])
def test_a_waiting_goal_is_right_but_for_what_it_waits_for(name: str) -> None:
    found = findings(Preset("", "sd1", name, "24gb").text)
    assert [one.sentence() for one in found if one.code != "not-yet"] == []


def test_the_pending_table_alone_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    slider, row = goals()["slider"], FAMILIES["sd1"]
    monkeypatch.setattr("schema.pending.waiting_values", lambda *_: {})
    monkeypatch.setattr("schema.pending.waits", lambda *_: None)
    assert waiting(slider, row) is None
    assert waiting(goals()["control"], row) is None
    monkeypatch.setattr(
        "schema.pending.waits", lambda path, _: "things" if path == "adapter" else None
    )
    assert waiting(goals()["control"], row) == "not in the engine yet: things"


def test_an_adapter_goal_is_for_families_that_take_the_adapter() -> None:
    row = next(
        row for row in PLAIN if not {"control_net", "control_lora", "t2i"} & set(row.adapters)
    )
    assert waiting(goals()["control"], row) == f"{row.label} takes no such adapter"


@pytest.mark.parametrize("row", PLAIN, ids=lambda row: row.arch)
@pytest.mark.parametrize("goal", ["style", "character", "full"])
def test_a_family_needs_no_file_of_its_own(row: FamilyRow, goal: str) -> None:
    """Also those that the engine does not train yet: nothing but that is found."""
    found = findings(Preset("", row.arch, goal, "24gb").text)
    rest = [one for one in found if (one.code, one.path) != ("not-yet", "model.arch")]
    usual = [one for one in rest if one.code != "layers-usually-left-out"]
    assert [one.sentence() for one in usual] == []
    assert bool(found) is (row.arch in waiting_values("model.arch")) or rest


def test_a_family_without_a_file_counts_as_large() -> None:
    known = family_sheet("sd1")
    assert family_sheet("nobody").billions > 10 * known.billions
    assert family_sheet("nobody").rates["network"] == 1e-4


def test_what_does_not_fit_names_the_class_from_which_on_it_does() -> None:
    with pytest.raises(NoPresetError, match=r"about \d+ GB: from 16gb on"):
        compose("sd1", "full", "8gb")


def test_more_memory_never_stops_a_goal_from_fitting() -> None:
    classes = list(memory_classes())
    for row in presets.trained_families():
        for goal in goals().values():
            if waiting(goal, row) is None:
                fits = [peak_of(row.arch, goal.name, name)[0] for name in classes]
                assert fits == sorted(fits), (row.arch, goal.name)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("stile", "did you mean style?"),
        ("qqq", "there are style"),
        ("sd1-style-13gb", "did you"),
        ("style-style", "there is no preset"),
        ("", "there is no preset"),
        ("sd1-sdxl", "there is no preset"),
    ],
)  # fmt: skip
def test_an_unknown_preset_gets_the_nearest(name: str, words: str) -> None:
    assert find_preset(name) is None
    with pytest.raises(NoPresetError, match=words.replace("?", r"\?")):
        named_preset(name)


@pytest.mark.parametrize(
    ("axes", "words"),
    [
        ({"family": "sdd1"}, "did you mean sd1?"), ({"goal": "stile"}, "did you mean style?"),
        ({"memory": "13gb"}, "no memory class '13gb'"), ({"goal": "zzzz"}, "there are style"),
    ],
)  # fmt: skip
def test_an_unknown_name_on_an_axis_gets_the_nearest(axes: dict[str, str], words: str) -> None:
    with pytest.raises(NoPresetError, match=words.replace("?", r"\?")):
        compose(**axes)


def test_a_family_by_its_other_name_is_the_same() -> None:
    assert compose("sd15", "style") == compose("sd1", "style")


def test_a_new_family_needs_only_its_row(monkeypatch: pytest.MonkeyPatch) -> None:
    row = replace(FAMILIES["auraflow"], engine=True)
    monkeypatch.setattr(presets, "trained_families", lambda: [row])
    monkeypatch.setattr("schema.pending.waiting_values", lambda *_: {})
    all_presets.cache_clear()
    try:
        names = [preset.name for preset in all_presets()]
        assert "auraflow-style-48gb" in names
        assert "auraflow-style-8gb" not in names
    finally:
        all_presets.cache_clear()
