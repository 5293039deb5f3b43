"""Jobs of several processes, lists inside list items, free mappings, repeated sections, by keys."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input

from schema.pending import waiting_values
from tests.tui.driver import CONFIG, SIZES, Screen, check_golden, opened
from tui.form.commands import type_completions
from tui.form.editors import ChecksEditor
from tui.form.pathtree import PathTree

SEVERAL = """\
# Two processes in one job.
job: extension
config:
  name: first_light
  process:
    # the trainer
    - type: sd_trainer
      training_folder: output
      network: {type: lora, linear: 16}
      model: {name_or_path: someone/base-model, arch: sd1}
      datasets:
        - folder_path: images
          augmentations:
            - method: HorizontalFlip
              params: {p: 0.5}
            - method: Blur
      train:
        steps: 2000
        batch_size: 4
    # the merger
    - type: example_merge_extension
      models_to_merge:
        - name_or_path: first
          weight: 0.5
          colour: red
      save_path: merged
"""


@pytest.fixture
def several(project: Path) -> Path:
    project.write_text(SEVERAL)
    return project


def ids(screen: Screen) -> list[str]:
    return [node.id for node in screen.config.nodes]


async def test_p_goes_round_the_processes_and_each_has_its_own_sections(several: Path) -> None:
    async with opened(several) as screen:
        assert "train" in ids(screen)
        await screen.press("p")
        assert screen.config.draft.kind == "example_merge_extension"
        assert "train" not in ids(screen)
        assert "process[1].models_to_merge[0]" in ids(screen)
        assert "process 2 of 2" in await screen.text()
        await screen.press("p")
        assert screen.config.draft.process == 0


async def test_an_edit_goes_into_the_process_that_is_shown(several: Path) -> None:
    async with opened(several) as screen:
        await screen.go("process[1].models_to_merge[0].weight")
        await screen.press("enter")
        screen.config.query_one("#inspector Input", Input).value = "0.75"
        await screen.press("enter")
        draft = screen.config.draft
        assert draft.value("process[1].models_to_merge[0].weight") == 0.75
        assert "          weight: 0.75\n" in draft.document.text()
        await screen.press("p", "u")
        assert draft.process == 1  # undo goes to where the edit was made
        assert screen.row.path == "process[1].models_to_merge[0].weight"


async def test_findings_lead_into_their_process(several: Path) -> None:
    async with opened(several) as screen:
        view = screen.config
        row = next(f for f in view.draft.findings if f.code == "unknown-key")
        assert row.path == "process[1].models_to_merge[0].colour"
        await screen.press("E")
        assert any("2 " in one.label for one in view.option_list.rows)
        assert view.go(row.path)
        assert view.draft.process == 1
        assert screen.row.kind == "unknown"
        await screen.press("x")
        assert "colour" not in view.draft.document.text()
        await screen.press("u")
        assert "colour: red" in view.draft.document.text()


async def test_a_process_is_added_duplicated_moved_and_removed(several: Path) -> None:
    async with opened(several) as screen:
        draft = screen.config.draft
        await screen.command("process-add lora")
        assert draft.kinds == ["sd_trainer", "lora", "example_merge_extension"]
        assert screen.config.node.id == "process[1]"
        await screen.press("I")
        assert list(draft.kinds).count("lora") == 2
        await screen.press("{")
        await screen.press("{")
        assert draft.kinds[0] == "lora"
        assert draft.process == 0
        assert "# the trainer" in draft.document.text()
        await screen.press("x", "u", "x")
        assert draft.kinds == ["sd_trainer", "lora", "example_merge_extension"]
        await screen.command("process-add nonsense")
        assert "no process type" in screen.status
        await screen.command("process 3")
        assert draft.process == 2
        await screen.command("process 9")
        assert "1 to 3" in screen.status


async def test_the_last_process_stays(project: Path) -> None:
    async with opened(project) as screen:
        await screen.press("p")
        assert "P adds another" in screen.status
        await screen.press("P")
        await screen.type("super_tagger")
        await screen.press("enter")
        assert screen.config.draft.kind == "super_tagger"
        await screen.press("x")
        screen.config.show_node("process[0]")
        await screen.settle()
        assert len(screen.config.draft.kinds) == 1


async def test_another_type_has_other_sections(several: Path) -> None:
    async with opened(several) as screen:
        await screen.command("set process[1].type sd_trainer")
        assert screen.config.draft.kind == "sd_trainer"
        assert "process[1].train" in ids(screen)
        await screen.command("set batch_size 3")
        assert screen.config.draft.value("process[1].train.batch_size") == 3
        assert screen.config.draft.value("train.batch_size") == 4


async def test_what_is_of_the_whole_job_stands_once(several: Path) -> None:
    async with opened(several) as screen:
        await screen.go("config.name")
        assert screen.config.node.id == "#job"
        screen.config.show_node("process[0]")
        await screen.settle()
        assert not any(row.path.startswith("config.") for row in screen.config.option_list.rows)


async def test_search_and_changed_find_all_processes(several: Path) -> None:
    async with opened(several) as screen:
        await screen.command("set process[1].save_path other")
        await screen.command("set train.steps 3")
        assert "no option" in screen.status  # of a merge
        await screen.command("set process[0].train.steps 3")
        await screen.press("c")
        headings = [row.label for row in screen.config.option_list.rows if row.kind == "heading"]
        assert headings == ["1 sd_trainer: Training", "2 example_merge_extension: Job"]
        await screen.press("c", "/")
        await screen.type("weight")
        paths = [row.path for row in screen.config.option_list.rows]
        assert "process[1].models_to_merge[0].weight" in paths
        assert "datasets[0].augmentations[0].params" not in paths


async def test_lists_in_a_list_item_have_forms_of_their_own(several: Path) -> None:
    async with opened(several) as screen:
        draft = screen.config.draft
        await screen.go("datasets[0].augmentations")
        assert screen.row.value.startswith("2 ")
        await screen.press("enter")
        assert screen.config.node.id == "datasets[0].augmentations[0]"
        await screen.press("i")
        assert screen.config.node.id == "datasets[0].augmentations[1]"
        assert draft.value("datasets[0].augmentations[1]") == {"method": ""}
        await screen.press("}", "I", "x")
        assert [one["method"] for one in draft.value("datasets[0].augmentations")] == [
            "HorizontalFlip", "Blur", "",
        ]  # fmt: skip
        await screen.go("datasets[0].augmentations[0].method")
        assert screen.row.path == "datasets[0].augmentations[0].method"


async def test_an_empty_list_is_begun_from_its_row(project: Path) -> None:
    async with opened(project) as screen:
        await screen.go("train.validation_config.validation_items")
        assert screen.row.value == "none"
        await screen.press("enter")
        assert screen.config.node.id == "train.validation_config.validation_items+"
        await screen.press("enter")
        assert len(screen.config.draft.value("train.validation_config.validation_items")) == 1
        await screen.press("u")
        await screen.go("train.validation_config.validation_items")
        await screen.press("i")
        assert len(screen.config.draft.value("train.validation_config.validation_items")) == 1


async def test_entries_of_a_mapping_are_added_edited_and_removed(several: Path) -> None:
    async with opened(several) as screen:
        draft, path = screen.config.draft, "network.network_kwargs.modules_dim"
        await screen.go(path)
        await screen.press("enter", "i")
        await screen.type("mid.0 8")
        await screen.press("enter")
        assert draft.value(path) == {"mid.0": 8}
        assert screen.row.path == f'{path}["mid.0"]'
        await screen.press("enter", "backspace")
        await screen.type("12")
        await screen.press("enter")
        assert draft.value(path) == {"mid.0": 12}
        await screen.press("i")
        await screen.type("mid.0 3")
        await screen.press("enter")
        assert "already" in screen.status
        await screen.press("x")
        assert draft.value(path) == {}
        await screen.press("u")
        assert draft.value(path) == {"mid.0": 12}


async def test_some_of_several_choices_are_ticked(several: Path) -> None:
    async with opened(several) as screen:
        await screen.go("datasets[0].controls")
        await screen.press("enter")
        assert screen.config.query_one(ChecksEditor)
        await screen.press("space", "down", "down", "space", "up", "space", "space", "enter")
        assert screen.config.draft.value("datasets[0].controls") == ["depth", "pose"]
        await screen.press("enter", "space", "ctrl+g")
        assert screen.config.draft.value("datasets[0].controls") == ["depth", "pose"]


async def test_a_section_that_repeats_another_is_a_form(several: Path) -> None:
    async with opened(several) as screen:
        draft = screen.config.draft
        await screen.command("set adapter.type i2v")
        await screen.go("adapter.lora_config")
        await screen.press("enter")
        assert screen.config.node.id == "adapter.lora_config"
        await screen.command("set adapter.lora_config.linear 8")
        assert draft.value("adapter.lora_config") == {"linear": 8}
        assert screen.config.node.id == "adapter.lora_config"
        assert draft.value("network.linear") == 16


async def test_an_option_of_a_section_that_is_off_can_be_gone_to(several: Path) -> None:
    async with opened(several) as screen:
        await screen.go("embedding.tokens")
        await screen.press("+")
        assert screen.config.draft.value("embedding.tokens") is not None


async def test_figures_that_follow_stand_beside_their_options(several: Path) -> None:
    several.write_text(
        SEVERAL.replace("batch_size: 4", "batch_size: 2\n        gradient_accumulation: 2")
    )
    async with opened(several) as screen:
        await screen.go("train.gradient_accumulation")
        assert screen.row.note == "effective batch 4"
        await screen.go("train.steps")
        assert screen.row.note == "2,000 epochs of 1"  # three pictures, one step each time
        await screen.command("set datasets[0].num_repeats 4")
        await screen.go("train.steps")
        assert "667 epochs of 3" in screen.row.note


async def test_the_tree_chooses_a_path(several: Path) -> None:
    (several.parent / "deep" / "pictures").mkdir(parents=True)
    async with opened(several) as screen:
        await screen.go("datasets[0].folder_path")
        await screen.press("enter", "ctrl+t")
        tree = screen.config.query_one(PathTree)
        await screen.until(lambda: "deep/" in screen.drawn(), "the folders")
        await screen.press("down", "space")
        await screen.until(lambda: "pictures/" in screen.drawn(), "the inner folder")
        await screen.press("down", "enter")
        assert not screen.config.query(PathTree)
        assert screen.config.query_one("#inspector Input", Input).value == "deep/pictures"
        await screen.press("enter")
        assert screen.config.draft.value("datasets[0].folder_path") == "deep/pictures"
        assert tree is not None


@pytest.mark.usefixtures("steady")
@pytest.mark.parametrize("size", SIZES)
async def test_several_processes_look_as_stored(several: Path, size: tuple[int, int]) -> None:
    async with opened(several, size) as screen:
        await screen.go("process[1].models_to_merge[0].weight")
        check_golden(f"processes_{size[0]}x{size[1]}", await screen.text())


META = "meta:\n  author: somebody\n  made:\n    year: 2026\n    shared: true\n"


@pytest.mark.usefixtures("steady")
@pytest.mark.parametrize("size", SIZES)
async def test_nested_forms_look_as_stored(project: Path, size: tuple[int, int]) -> None:
    project.write_text(CONFIG + META)
    async with opened(project, size) as screen:
        await screen.go("meta.made.year")
        check_golden(f"nested_{size[0]}x{size[1]}", await screen.text())


def test_types_that_the_engine_cannot_run_yet_come_last_and_say_so() -> None:
    found = type_completions("")
    waiting = waiting_values("type", "sd_trainer")
    assert found[0].text == "sd_trainer"
    assert waiting
    assert {one.text for one in found[-len(waiting) :]} == set(waiting)
    assert all((one.off == "not in the engine yet") == (one.text in waiting) for one in found)
