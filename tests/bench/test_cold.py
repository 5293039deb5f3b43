"""Bars: `finetui check` against its libraries' bare imports; the app's first text.

Run by `make bench`; wants a quiet machine.
"""

import sys
from pathlib import Path

import pytest

from tests.bench.measure import child_seconds, compare, first_text_seconds, python

pytestmark = pytest.mark.bench

BARE_APP = """
from textual.app import App
from textual.widgets import Static

class Bare(App):
    def compose(self):
        yield Static("first words")

Bare().run()
"""
FINETUI = [sys.executable, "-P", "-m", "tui.cli"]


def test_check_costs_less_than_twice_the_imports_of_a_screen(demo_config: Path) -> None:
    imports = python("import textual.app, pydantic, yaml")
    check = [*FINETUI, "check", str(demo_config)]
    found = compare(lambda: child_seconds(check), lambda: child_seconds(imports), pairs=15)
    print(f"\nfinetui check / import textual.app, pydantic, yaml: {found}")
    assert found.median < 2.0


def test_the_first_text_comes_within_half_a_second(demo_config: Path, tmp_path: Path) -> None:
    app = [*FINETUI, str(demo_config)]
    ours = lambda: first_text_seconds(app, "FineTUI", tmp_path)  # noqa: E731
    bare = lambda: first_text_seconds(python(BARE_APP), "first words", tmp_path)  # noqa: E731
    found = compare(ours, bare, pairs=11)
    print(f"\nfirst text of the app / of a bare Textual app: {found}")
    assert found.ours < 0.5
