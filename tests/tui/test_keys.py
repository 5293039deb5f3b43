"""Keys: no clash, no key that terminals or tmux swallow, overrides from the user's file."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.binding import Binding

from schema.home import config_dir
from tests.tui.driver import opened
from tui.keys import APP_KEYS, CONFIG_KEYS, Key, all_keys, bindings, clashes, shown
from tui.widgets.hints import fitting

# The tmux prefix, keys that are Backspace, Tab, Enter and Esc on a terminal, a second tmux prefix.
SWALLOWED = {
    "ctrl+b",
    "ctrl+h",
    "ctrl+i",
    "ctrl+m",
    "ctrl+j",
    "ctrl+a",
    "ctrl+@",
    "ctrl+left_square_bracket",
}


def test_no_two_bindings_answer_to_one_key_in_one_place() -> None:
    assert clashes(all_keys()) == []


def test_a_clash_is_reported_with_both_ids() -> None:
    rows = (*APP_KEYS, Key("mine", "?", "x", "config"))
    (found,) = clashes(rows)
    assert "mine" in found
    assert "help" in found
    assert clashes(all_keys(), {"undo": "t"}) != []
    assert clashes(all_keys(), {"nonsense": "t"}) == ["keys.yaml: there is no binding nonsense"]


@pytest.mark.parametrize("row", all_keys(), ids=lambda row: row.id)
def test_every_key_arrives_over_ssh_and_inside_tmux(row: Key) -> None:
    for key in row.keys:
        assert key not in SWALLOWED
        assert not key.startswith(("alt+", "ctrl+shift+"))
    assert row.key != "escape", "Esc takes 600 ms in stock tmux: never the only way"
    assert row.key != "ctrl+p", "docker attach holds it back: an alias at most"
    assert row.words
    assert row.words[0].islower() or row.words[0].isupper()


def test_ids_are_unique_in_each_place() -> None:
    seen = [(row.id, row.where) for row in all_keys()]
    assert len(seen) == len(set(seen))


def test_keys_are_shown_as_people_write_them() -> None:
    assert [shown(key) for key in ("ctrl+s", "escape", "delete", "x")] == ["^s", "esc", "del", "x"]


def test_a_comma_as_a_key_does_not_split_the_binding() -> None:
    (made,) = bindings([Key("prompt.previous", ",", "words", "samples")])
    assert isinstance(made, Binding)
    assert made.key == "comma"


def test_hints_drop_the_least_important_first_and_keep_the_order() -> None:
    rows = [row for row in (*CONFIG_KEYS, *APP_KEYS) if row.hint]
    wide, narrow = fitting(rows, 300), fitting(rows, 40)
    assert wide == rows
    assert {"help", "edit"} <= {row.id for row in narrow}
    assert [row for row in rows if row in narrow] == narrow
    assert sum(len(shown(row.key)) + len(row.hint) + 3 for row in narrow) <= 42


async def test_a_key_can_be_replaced_from_the_users_file(project: Path) -> None:
    config_dir().mkdir(parents=True, exist_ok=True)
    (config_dir() / "keys.yaml").write_text("undo: U\nyaml: [V, f9]\n")
    async with opened(project) as screen:
        await screen.go("train.steps")
        await screen.press("+", "u")
        assert screen.config.draft.value("train.steps") == 2100
        await screen.press("U")
        assert screen.config.draft.value("train.steps") == 2000
        await screen.press("f9")
        assert screen.config.panes.shown == "yaml"


async def test_a_clash_in_the_users_file_is_said_at_the_start(project: Path) -> None:
    config_dir().mkdir(parents=True, exist_ok=True)
    (config_dir() / "keys.yaml").write_text("undo: t\n")
    async with opened(project) as screen:
        assert "undo" in screen.status
        assert "tier" in screen.status


async def test_a_hint_that_is_clicked_does_what_its_key_does(project: Path) -> None:
    async with opened(project) as screen:
        await screen.go("train.steps")
        line = (await screen.text()).splitlines()[-1]
        await screen.pilot.click("#hints", offset=(line.index("yaml"), 0))
        await screen.settle()
        assert screen.config.panes.shown == "yaml"
