"""The config editor by real key sequences: edit, validate, undo, toggle, step, reset, search."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input

from schema.document import Document
from tests.tui.driver import opened
from tui.form.inspector import Lines


async def test_a_number_is_edited_by_enter_typing_enter(project: Path) -> None:
    async with opened(project) as screen:
        await screen.go("train.steps")
        await screen.press("enter", *["backspace"] * 4)
        await screen.type("3k")
        await screen.press("enter")
        assert screen.config.draft.value("train.steps") == 3000
        assert screen.row.path == "train.steps"
        assert "was 2000" in await screen.text()


async def test_each_key_is_validated_and_a_half_typed_value_is_kept_and_never_blocks(
    project: Path,
) -> None:
    async with opened(project) as screen:
        await screen.go("train.lr")
        await screen.press("enter", *["backspace"] * 6)
        await screen.type("1e")
        messages = screen.config.query_one("#messages", Lines).lines
        assert "number" in messages[0][0]
        assert screen.row.mark == "!"
        await screen.press("tab")
        assert not screen.config.editing
        assert screen.config.draft.value("train.lr") == "1e"
        assert screen.row.path != "train.lr"
        assert "1 error" in await screen.text()
        await screen.go("train.lr")
        await screen.press("enter")
        await screen.type("-4")
        await screen.press("enter")
        assert screen.config.draft.value("train.lr") == pytest.approx(1e-4)
        assert screen.config.draft.count("error") == 0


async def test_ctrl_g_brings_the_old_value_back(project: Path) -> None:
    async with opened(project) as screen:
        before = screen.config.draft.document.text()
        await screen.go("config.name")
        await screen.press("enter")
        await screen.type("_other")
        assert screen.config.draft.value("config.name") == "first_light_other"
        await screen.press("ctrl+g")
        assert screen.config.draft.document.text() == before
        assert not screen.config.editing
        assert not screen.config.draft.unsaved


async def test_an_empty_number_means_the_default(project: Path) -> None:
    async with opened(project) as screen:
        await screen.go("train.batch_size")
        await screen.press("enter", "backspace", "enter")
        assert not screen.config.draft.is_set("train.batch_size")


async def test_one_edit_is_one_step_of_undo_however_many_keys(project: Path) -> None:
    async with opened(project) as screen:
        before = screen.config.draft.document.text()
        await screen.go("train.steps")
        await screen.press("enter", "backspace", "5", "5", "enter")
        assert screen.config.draft.document.history() == ["set train.steps"]
        await screen.press("u")
        assert screen.config.draft.document.text() == before
        await screen.press("ctrl+r")
        assert screen.config.draft.value("train.steps") == 20055


async def test_undo_goes_to_the_field_it_changed(project: Path) -> None:
    async with opened(project) as screen:
        await screen.go("train.batch_size")
        await screen.press("+")
        await screen.go("config.name")
        await screen.press("u")
        assert screen.row.path == "train.batch_size"
        assert screen.config.draft.value("train.batch_size") == 4


async def test_space_toggles_switches_and_cycles_choices(project: Path) -> None:
    async with opened(project) as screen:
        await screen.go("train.gradient_checkpointing")
        await screen.press("space")
        assert screen.config.draft.value("train.gradient_checkpointing") is False
        await screen.go("train.optimizer")
        await screen.press("space")
        assert screen.config.draft.value("train.optimizer") == "adam8bit"


async def test_plus_steps_the_learning_rate_by_a_quarter_of_a_decade(project: Path) -> None:
    async with opened(project) as screen:
        await screen.go("train.lr")
        seen = []
        for _ in range(4):
            await screen.press("+")
            seen.append(screen.config.draft.value("train.lr"))
        assert seen == pytest.approx([1.8e-4, 3.2e-4, 5.6e-4, 1e-3])
        await screen.press("minus")
        assert screen.config.draft.value("train.lr") == pytest.approx(5.6e-4)


async def test_up_and_down_step_inside_the_editor(project: Path) -> None:
    async with opened(project) as screen:
        await screen.go("train.batch_size")
        await screen.press("enter", "up", "up", "down")
        assert screen.config.query_one("#inspector Input", Input).value == "5"
        await screen.press("enter")
        assert screen.config.draft.value("train.batch_size") == 5


async def test_a_choice_is_filtered_by_typing_and_says_a_word_on_each(project: Path) -> None:
    async with opened(project) as screen:
        await screen.go("sample.sampler")
        await screen.press("enter")
        assert "Karras" in await screen.text()
        await screen.type("euler_a")
        await screen.press("enter")
        assert screen.config.draft.value("sample.sampler") == "euler_a"


async def test_reset_takes_the_key_out_of_the_file(project: Path) -> None:
    async with opened(project) as screen:
        await screen.go("train.lr_scheduler")
        await screen.press("r")
        assert not screen.config.draft.is_set("train.lr_scheduler")
        assert "lr_scheduler:" not in screen.config.draft.document.text()
        await screen.press("r")
        assert "default already" in screen.status


async def test_reset_section_resets_what_has_a_default_and_nothing_else(project: Path) -> None:
    async with opened(project) as screen:
        await screen.go("save.save_every")
        await screen.press("R")
        assert not screen.config.draft.is_set("save.save_every")
        assert screen.config.draft.is_set("train.steps")


async def test_another_optimizer_shows_its_own_parameters(project: Path) -> None:
    async with opened(project) as screen:
        await screen.go("train.optimizer_params.weight_decay")
        labels = {row.path for row in screen.config.option_list.rows}
        assert "train.optimizer_params.scale_parameter" not in labels
        screen.config.draft.set("train.optimizer", "adafactor")
        screen.app.settings.tier = "expert"
        screen.config.refresh_form()
        paths = {row.path for row in screen.config.option_list.rows}
        assert "train.optimizer_params.scale_parameter" in paths


async def test_a_list_is_edited_an_item_a_line_and_a_mapping_as_yaml(project: Path) -> None:
    async with opened(project) as screen:
        await screen.go("datasets[0].resolution")
        await screen.press("enter")
        screen.config.query_one("#inspector Input", Input).value = "[512, 640"
        await screen.settle()
        assert screen.row.mark == "!"
        screen.config.query_one("#inspector Input", Input).value = "[512, 640]"
        await screen.press("enter")
        assert screen.config.draft.value("datasets[0].resolution") == [512, 640]


async def test_search_finds_in_all_sections_and_enter_goes_there(project: Path) -> None:
    async with opened(project) as screen:
        await screen.press("/")
        await screen.type("dropout")
        paths = {row.path for row in screen.config.option_list.rows if row.selectable}
        assert {"network.dropout", "datasets[0].caption_dropout_rate"} <= paths
        await screen.type(" caption")
        await screen.press("enter")
        assert screen.row.path == "datasets[0].caption_dropout_rate"
        assert screen.config.node.id == "datasets[0]"


async def test_search_reads_help_and_choices_and_has_operators(project: Path) -> None:
    async with opened(project) as screen:
        await screen.press("/")
        await screen.type("adafactor")
        assert "train.optimizer" in {row.path for row in screen.config.option_list.rows}
        await screen.press("ctrl+g")
        await screen.press("/")
        await screen.type("type:bool cache")
        found = [row for row in screen.config.option_list.rows if row.option]
        assert found
        assert {row.option.type for row in found if row.option} == {"bool"}


async def test_n_walks_the_matches_after_a_search(project: Path) -> None:
    async with opened(project) as screen:
        await screen.press("n")
        assert "search first" in screen.status
        await screen.press("/")
        await screen.type("learning rate")
        await screen.press("enter")
        first = screen.row.path
        await screen.press("n")
        assert screen.row.path != first
        await screen.press("N")
        assert screen.row.path == first


async def test_e_goes_from_error_to_error(project: Path) -> None:
    async with opened(project) as screen:
        await screen.press("e")
        # Only the warning that the model is not on this machine.
        assert screen.row.path == "model.name_or_path"
        screen.config.draft.set("train.steps", "many")
        screen.config.draft.set("sample.width", -1)
        screen.config.refresh_form()
        seen = set()
        for _ in range(2):
            await screen.press("e")
            seen.add(screen.row.path)
        assert seen == {"train.steps", "sample.width"}


async def test_c_shows_only_what_was_changed_and_goes_back(project: Path) -> None:
    async with opened(project) as screen:
        await screen.go("train.steps")
        await screen.press("+", "c")
        paths = [row.path for row in screen.config.option_list.rows if row.selectable]
        assert paths == ["train.steps"]
        await screen.press("c")
        assert screen.row.path == "train.steps"


async def test_t_shows_more_options_and_settings_remember_it(project: Path) -> None:
    async with opened(project) as screen:
        await screen.go("train.lr")
        few = len(screen.config.option_list.rows)
        await screen.press("t")
        assert len(screen.config.option_list.rows) > few
        assert screen.app.settings.tier == "advanced"
    async with opened(project) as screen:
        assert screen.app.settings.tier == "advanced"


async def test_brackets_walk_the_sections(project: Path) -> None:
    async with opened(project) as screen:
        first = screen.config.node.id
        await screen.press("]")
        assert screen.config.node.id == "model"
        await screen.press("[")
        assert screen.config.node.id == first


async def test_a_whole_section_is_switched_off_and_on_again(project: Path) -> None:
    async with opened(project) as screen:
        screen.config.show_node("network")
        await screen.settle()
        assert screen.row.kind == "switch"
        await screen.press("space")
        assert screen.config.draft.value("network") is None
        network = next(
            line for line in (await screen.text()).splitlines() if line[1:8] == "Network"
        )
        assert " off " in network
        await screen.press("space")
        assert screen.config.draft.value("network.linear") == 16


async def test_not_applicable_options_say_why(project: Path) -> None:
    async with opened(project) as screen:
        await screen.go("train.text_encoder_lr")
        assert screen.row.mark == "~"
        assert "needs train text encoder" in screen.row.note
        assert "inherits 0.0001" in screen.row.value


async def test_k_swaps_labels_and_keys(project: Path) -> None:
    async with opened(project) as screen:
        await screen.go("train.lr")
        assert "Learning rate" in await screen.text()
        await screen.press("K")
        assert " lr " in await screen.text()


async def test_the_mouse_selects_and_edits(project: Path) -> None:
    async with opened(project) as screen:
        await screen.go("train.steps")
        rows = screen.config.option_list
        y = next(at for at, row in enumerate(rows.rows) if row.path == "train.batch_size")
        await screen.pilot.click(rows, offset=(5, y))
        assert screen.row.path == "train.batch_size"
        await screen.pilot.click(rows, offset=(5, y))
        await screen.until(lambda: screen.config.editing, "the editor")


async def test_a_text_that_is_no_yaml_is_shown_and_nothing_breaks(project: Path) -> None:
    project.write_text("config: [unclosed\n")
    async with opened(project) as screen:
        assert "1 error" in await screen.text()
        await screen.press("E", "v")
        assert "unclosed" in await screen.text()
        await screen.press("v", "q", "space")
        assert screen.config.draft.document.text() == "config: [unclosed\n"


async def test_saving_rewrites_only_what_was_changed_and_keeps_comments(project: Path) -> None:
    before = project.read_text().splitlines()
    async with opened(project) as screen:
        await screen.go("train.lr")
        await screen.press("+", "ctrl+s")
        assert "saved" in screen.status
    after = project.read_text().splitlines()
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert len(changed) == 1
    assert "# a good start" in changed[0][1]
    assert Document.load(project).value("train.lr") == pytest.approx(1.8e-4)


async def test_what_the_engine_does_not_know_yet_is_hidden_until_it_is_asked_for(
    project: Path,
) -> None:
    async with opened(project) as screen:
        draft = screen.config.draft
        infos = draft.layout.options_of("train")
        waiting = next((info for info in infos if draft.beyond(info)), None)
        if waiting is None:
            pytest.skip("the engine knows every option")
        group = f"train/{waiting.group}"
        if screen.config.sidebar.go(group):
            screen.config.show_node(group)
        assert waiting.path not in {row.path for row in screen.config.option_list.rows}
        await screen.go(waiting.path)
        assert screen.row.mark == "~"
        assert screen.app.settings.tier == "basic"
