"""YAML and diff panes, list items, tiers, the path editor, the text areas."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input, TextArea

from tests.tui.driver import opened
from tui.form.pathedit import PathEditor, common, complete, path_words
from tui.form.textpane import TextPane, diff_lines, yaml_lines
from tui.palette import Completion
from tui.widgets.commandline import Choices


async def test_v_shows_the_yaml_with_changed_lines_marked_and_the_field_lit(project: Path) -> None:
    async with opened(project) as screen:
        await screen.go("train.steps")
        await screen.press("+", "v")
        pane = screen.config.query_one(TextPane)
        changed = [text.strip() for kind, text in pane.lines if kind == "changed"]
        assert changed == ["steps: 2100"]
        (lit,) = pane.lit
        assert pane.lines[lit][1].strip() == "steps: 2100"
        assert "YAML as it would be saved" in await screen.text()
        await screen.press("v")
        assert screen.row.path == "train.steps"


async def test_the_changed_lines_can_be_seen_as_text(project: Path) -> None:
    async with opened(project) as screen:
        await screen.command("difference")
        assert "the same" in await screen.text()
        await screen.press("q")
        await screen.go("train.steps")
        await screen.press("+")
        await screen.command("difference")
        text = await screen.text()
        assert "- " in text
        assert "steps: 2000" in text
        assert "steps: 2100" in text
        await screen.press("q")
        assert "Difference" not in await screen.text()


def test_diff_and_yaml_lines_name_their_kind() -> None:
    lines = diff_lines("a: 1\nb: 3\n", "a: 1\nb: 2\n", exists=True)
    assert ("del", "b: 2") in lines
    assert ("add", "b: 3") in lines
    assert yaml_lines("a: 1\nb: 3", "a: 1\nb: 2") == [("yaml", "a: 1"), ("changed", "b: 3")]


async def test_items_are_added_duplicated_moved_and_removed_with_undo(project: Path) -> None:
    async with opened(project) as screen:
        view = screen.config
        screen.config.show_node("datasets[0]")
        await screen.press("I")
        assert len(view.draft.value("datasets")) == 2
        assert view.node.id == "datasets[1]"
        await screen.command("set datasets[1].folder_path other")
        view.show_node("datasets[1]")
        await screen.press("{")
        assert view.draft.value("datasets[0].folder_path") == "other"
        assert view.node.id == "datasets[0]"
        await screen.press("{")
        assert "first one" in screen.status
        await screen.press("x")
        assert [d["folder_path"] for d in view.draft.value("datasets")] == ["images"]
        await screen.press("u")
        assert len(view.draft.value("datasets")) == 2


async def test_enter_on_add_makes_a_new_dataset_that_says_what_is_missing(project: Path) -> None:
    async with opened(project) as screen:
        screen.config.show_node("datasets+")
        screen.config.sidebar.focus()
        await screen.press("enter")
        assert screen.config.node.id == "datasets[1]"
        assert screen.row.mark == "!"
        assert "1!" in await screen.text()


async def test_prompts_are_items_with_a_text_of_their_own(project: Path) -> None:
    async with opened(project) as screen:
        screen.config.show_node("sample.prompts[0]")
        await screen.settle()
        screen.config.option_list.focus()
        await screen.press("enter")
        screen.config.query_one(TextArea).text = "a zorble, sleeping"
        await screen.press("enter")
        assert screen.config.draft.value("sample.prompts")[0] == "a zorble, sleeping"
        await screen.press("i")
        assert screen.config.draft.value("sample.prompts")[1] == ""
        assert screen.config.node.id == "sample.prompts[1]"


async def test_a_list_of_texts_is_edited_one_a_line(project: Path) -> None:
    async with opened(project) as screen:
        await screen.go("sample.prompts")
        await screen.press("enter")
        area = screen.config.query_one(TextArea)
        assert area.text.splitlines()[1] == "a zorble in the rain, blue sky"
        area.text = "one, two\nthree"
        await screen.press("tab")
        assert screen.config.draft.value("sample.prompts") == ["one, two", "three"]


async def test_the_path_editor_completes_from_the_file_system(project: Path) -> None:
    (project.parent / "imagery").mkdir()
    async with opened(project) as screen:
        await screen.go("datasets[0].folder_path")
        await screen.press("enter")
        line = screen.config.query_one("#inspector Input", Input)
        line.value = "im"
        await screen.until(lambda: "imagery/" in screen.drawn(), "the completions")
        await screen.press("tab")
        assert line.value == "image"
        line.value = "images"
        await screen.until(lambda: "imagery/" not in screen.drawn(), "the new completions")
        await screen.press("tab", "enter")
        assert screen.config.draft.value("datasets[0].folder_path") == "images/"


async def test_no_completion_is_marked_until_one_is_moved_to_and_enter_takes_that_one(
    project: Path,
) -> None:
    (project.parent / "imago").mkdir()
    async with opened(project) as screen:
        await screen.go("datasets[0].folder_path")
        await screen.press("enter")
        line = screen.config.query_one("#inspector Input", Input)
        line.value = "im"
        choices = screen.config.query_one(PathEditor).query_one(Choices)
        await screen.until(lambda: len(choices.items) == 2, "the completions")
        assert choices.cursor == -1
        await screen.press("down")
        assert choices.cursor == 0
        await screen.press("enter")
        assert line.value == "images/"
        await screen.press("enter")
        assert screen.config.draft.value("datasets[0].folder_path") == "images/"


async def test_completions_that_come_while_the_editor_closes_are_let_go(project: Path) -> None:
    async with opened(project) as screen:
        await screen.go("datasets[0].folder_path")
        await screen.press("enter")
        editor = screen.config.query_one(PathEditor)
        await editor.query_one(Choices).remove()
        editor._show(editor.text, [Completion("images/", "folder")])
        await screen.press("escape")
        assert screen.app.is_running


def test_completions_keep_the_way_the_path_was_begun(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "inner").mkdir()
    (tmp_path / "sub" / ".hidden").mkdir()
    (tmp_path / "sub" / "file.txt").write_text("x")
    found = [one.text for one in complete("./sub/", tmp_path, folders_only=False)]
    assert found == ["./sub/inner/", "./sub/file.txt"]
    assert [one.text for one in complete("sub/i", tmp_path, folders_only=True)] == ["sub/inner/"]
    assert [one.text for one in complete("sub/.", tmp_path, folders_only=True)] == ["sub/.hidden/"]
    assert complete("nowhere/", tmp_path, folders_only=True) == []


def test_common_is_the_longest_shared_start() -> None:
    assert common([Completion("images/"), Completion("imagery/")]) == "image"


def test_path_words_say_what_lies_there(project: Path) -> None:
    assert path_words("images", project.parent) == "3 images"
    assert path_words("nothing", project.parent) == "not there yet"
    assert path_words("project.yaml", project.parent) == "exists"
    assert path_words(".", project.parent) == "folder, 2 inside"
    (project.parent / "output").mkdir()
    assert path_words("output", project.parent) == "folder, empty"


async def test_the_number_of_images_stands_in_the_row(project: Path) -> None:
    async with opened(project) as screen:
        await screen.go("datasets[0].folder_path")
        assert screen.row.note == "3 images"


async def test_a_missing_folder_becomes_a_finding_once_the_files_were_looked_at(
    project: Path,
) -> None:
    async with opened(project) as screen:
        await screen.command("set datasets[0].folder_path nowhere")
        screen.config.files.flush()
        await screen.until(lambda: screen.config.draft.count("error") == 1, "the finding")
        assert "nowhere" in screen.config.draft.findings_at("datasets[0].folder_path")[0].message


@pytest.mark.parametrize("key", ["c", "E"])
async def test_the_list_of_changes_goes_back_to_where_one_was(project: Path, key: str) -> None:
    async with opened(project) as screen:
        await screen.go("train.lr")
        await screen.press("+", key)
        assert screen.config.node.kind == "virtual"
        await screen.press(key)
        assert screen.row.path == "train.lr"


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_narrow_list_says_in_a_word_why_an_option_is_off(
    project: Path, size: tuple[int, int]
) -> None:
    async with opened(project, size=size) as screen:
        screen.app.settings.tier = "expert"
        await screen.go("model.quantize")
        drawn = (await screen.text()).splitlines()
        assert any("Quantize model" in line and "not sd1" in line for line in drawn)
        assert any("Layer offloading" in line and "not yet" in line for line in drawn)


async def test_a_section_does_not_repeat_its_title_as_a_heading(project: Path) -> None:
    async with opened(project) as screen:
        await screen.go("config.name")
        assert [row.label for row in screen.config.option_list.rows if row.kind == "heading"][
            :1
        ] != ["Job"]


@pytest.mark.parametrize("ways", [("[",), ("c", "]"), ("end",)])
async def test_all_ways_through_the_sections_lead_past_the_text_of_the_file(
    project: Path, ways: tuple[str, ...]
) -> None:
    async with opened(project) as screen:
        if ways[0] == "end":
            screen.config.set_focus(screen.config.sidebar)
        await screen.press(*ways)
        assert screen.config.node.id == "#yaml"
        assert "YAML as it would be saved" in await screen.text()
        assert "someone/base-model" in await screen.text()
        await screen.press("]" if ways[0] != "end" else "up")
        assert screen.config.node.id != "#yaml"
