"""The tests' own terminal: it types, reads, resizes and notices an end."""

import sys
from pathlib import Path

import pytest

from tests.e2e.terminal import Terminal

pytestmark = pytest.mark.tmux

ECHO = """
import os
while (line := input('> ')) != 'end':
    print(line.upper(), os.get_terminal_size())
"""


def test_it_types_reads_resizes_and_tells_the_exit_code(tmp_path: Path) -> None:
    with Terminal([sys.executable, "-c", ECHO], tmp_path, size=(80, 24)) as terminal:
        terminal.wait_for(r"^>")
        terminal.type_text("hello")
        terminal.type("Enter")
        terminal.wait_for(r"HELLO .*columns=80, lines=24")
        terminal.resize(100, 30)
        terminal.type("x", "Enter")
        terminal.wait_for(r"X .*columns=100, lines=30")
        terminal.type("e", "n", "d", "Enter")
        assert terminal.wait_end() == 0


def test_a_wait_in_vain_shows_the_screen(tmp_path: Path) -> None:
    with (
        Terminal([sys.executable, "-c", "input('what is there')"], tmp_path) as terminal,
        pytest.raises(AssertionError, match="what is there"),
    ):
        terminal.wait_for("what is not there", deadline=1.0)
