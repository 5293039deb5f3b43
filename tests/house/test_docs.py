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
    text = "".join(page for name, page in pages.items() if name.startswith("options/"))
    heads = re.findall(r"^### `(.+)`$", text, re.MULTILINE)
    assert sorted(heads) == sorted(info.path for info in options())
    assert all(f"`{row.id}`" in pages["keys.md"] for row in all_keys())


def test_an_option_is_described_with_all_that_is_declared() -> None:
    """Each kind of fact, shown at an option that has it."""
    from schema.catalogue import find
    from schema.pending import waiting_values

    pages = GENERATE["pages"]()
    facts = {
        "train.lr": ["**Learning rate.**", "| type | a number of at least 0 |", "`1e-6`"],
        "train.unet_lr": ["| on resume | may change; the run then takes another course |"],
        "datasets[].folder_path": ["none, it must be given", "`datasets[].dataset_path`"],
        "train.refiner_lr": ["the value of `train.lr`"],
        "train.optimizer": ["- `adamw`: ", "- `prodigy`: "],
        "train.optimizer_params.weight_decay": ["`0.01` (adamw", "why this default"],
        "model.low_vram": ["| tier |"],
        "train.ema_config.ema_decay": ["| needs |"],
        "train.steps": ["| unit | steps |"],
        "datasets[].caption_ext": ["| older names | `caption_type` |"],
        "config.is_v2": ["| process types |"],
    }  # fmt: skip
    for path, wanted in facts.items():
        info = find(path)
        assert info is not None
        page = pages[f"options/{info.section}.md"]
        part = page.split(f"### `{path}`\n")[1].split("\n<a id")[0]
        for fact in wanted:
            assert fact in part, (path, fact)
    waiting = [(info, info.waiting) for info in map(find, _paths()) if info and info.waiting]
    for info, words in waiting[:20]:
        part = pages[f"options/{info.section}.md"].split(f"### `{info.path}`\n")[1]
        assert f"| not in the engine yet | {words} |" in part.split("\n<a id")[0]
        assert all(f"`{value}`" in part for value in waiting_values(info.path))


def _paths() -> list[str]:
    from schema.catalogue import options

    return [info.path for info in options()]


def test_links_of_the_index_lead_to_the_option() -> None:
    pages = GENERATE["pages"]()
    links = re.findall(r"\]\(([a-z]+)\.md#([^)]+)\)", pages["options/README.md"])
    assert len(links) == len(_paths())
    for section, anchor in links:
        assert pages[f"options/{section}.md"].count(f'<a id="{anchor}"></a>') == 1


def test_a_page_of_a_section_that_is_gone_is_stale() -> None:
    stale = GENERATE["stale"]
    gone = {name: text for name, text in GENERATE["pages"]().items() if name != "options/save.md"}
    assert "options/save.md" in set(stale(gone))


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
