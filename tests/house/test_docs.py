"""The pages people read say what is there: generated ones are fresh, commands and links exist."""

import re
import runpy
from pathlib import Path

import pytest

from tests.house.files import ROOT, tracked
from tui.cli import COMMANDS

GENERATE = runpy.run_path(str(ROOT / "docs" / "generate.py"))
PAGES = [path for path in tracked() if path.suffix == ".md"]


def test_the_generated_pages_are_fresh() -> None:
    assert sorted(GENERATE["stale"](GENERATE["pages"]())) == [], "run make docs"


def test_a_stale_page_is_noticed() -> None:
    pages = GENERATE["pages"]()
    changed = {**pages, "keys.md": pages["keys.md"] + "more"}
    found = set(GENERATE["stale"](changed))
    assert found == set(GENERATE["stale"](pages)) | {"keys.md"}


def test_every_option_and_every_key_is_on_its_page() -> None:
    from schema.catalogue import options
    from tui.keys import all_keys

    pages = GENERATE["pages"]()
    rows = {line.split("`")[1] for line in pages["options.md"].splitlines() if "| `" in line[:3]}
    assert rows == {info.path for info in options()}
    assert all(f"`{row.id}`" in pages["keys.md"] for row in all_keys())


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_command_that_a_page_names_exists(page: Path) -> None:
    text = (ROOT / page).read_text()
    named = set(re.findall(r"[`$] ?finetui ([a-z]+)\b(?!\.)", text))
    assert named <= set(COMMANDS), named - set(COMMANDS)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_make_target_that_a_page_names_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"[`$] ?make ([a-z]+)", (ROOT / page).read_text()))
    assert named <= targets, named - targets


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_link_into_the_repository_leads_somewhere(page: Path) -> None:
    text = (ROOT / page).read_text()
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text)
    missing = [link for link in links if not (ROOT / page.parent / link).exists()]
    assert not missing


def test_the_changelog_begins_with_the_version_of_the_package() -> None:
    from schema import __version__

    found = re.search(r"^## ([0-9.]+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert found is not None
    assert found[1] == __version__
