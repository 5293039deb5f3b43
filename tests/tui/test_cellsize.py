"""The size of a cell in pixels: from a setting, the kernel, or the terminal's own answer."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import termios
import threading
from types import SimpleNamespace

import pytest

from tui import cellsize
from tui.terminal import tmux_lacks_sixel


@pytest.mark.parametrize(
    ("text", "cell"),
    [("10x20", (10, 20)), (" 8 x 17 ", (8, 17)), ("auto", None), ("0x0", None), ("10", None)],
)
def test_a_setting_is_two_numbers(text, cell):
    assert cellsize.parse_cell(text) == cell


@pytest.mark.parametrize(
    ("answer", "cell"),
    [
        (b"\x1b[6;17;8t\x1b[4;680;960t\x1b[?62;4c", (8, 17)),
        (b"\x1b[4;680;960t\x1b[?62;4c", (8, 17)),
        (b"\x1b[?62;4c", None),
        (b"", None),
        (b"\x1b[6;0;0t", None),
    ],
)
def test_the_cells_own_size_counts_before_that_of_the_window(answer, cell):
    assert cellsize.read_answer(answer, (120, 40)) == cell


@pytest.fixture
def terminal(monkeypatch):
    """A terminal in place of the test's own; what is written to it can be answered."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    stream = SimpleNamespace(fileno=lambda: slave)
    monkeypatch.setattr(cellsize.sys, "__stdin__", stream)
    monkeypatch.setattr(cellsize.sys, "__stderr__", stream)
    yield master, slave
    os.close(master)
    os.close(slave)


def answering(master, answer):
    """A thread that answers once the question has arrived."""

    def answer_it():
        seen = b""
        while cellsize.QUESTION not in seen:
            seen += os.read(master, 64)
        os.write(master, answer)

    thread = threading.Thread(target=answer_it)
    thread.start()
    return thread


def test_a_terminal_is_asked_and_left_as_it_was(terminal):
    master, slave = terminal
    before = termios.tcgetattr(slave)
    thread = answering(master, b"\x1b[6;20;10t\x1b[?62;4c")
    assert cellsize.asked_cell(10) == (10, 20)
    thread.join(10)
    assert termios.tcgetattr(slave) == before


def test_a_terminal_that_knows_no_sizes_is_not_waited_for(terminal):
    thread = answering(terminal[0], b"\x1b[?6c")
    assert cellsize.asked_cell(600) is None
    thread.join(10)


def test_a_silent_terminal_is_given_up(terminal):
    assert cellsize.asked_cell(0.01) is None


def test_the_kernel_tells_where_it_knows(monkeypatch):
    def ioctl(descriptor, request, buffer):
        if descriptor == 2:
            raise OSError("not a terminal")
        return struct.pack("HHHH", 40, 120, 960, 680)

    monkeypatch.setattr(fcntl, "ioctl", ioctl)
    assert cellsize.kernel_cell() == (8, 17)
    monkeypatch.setattr(fcntl, "ioctl", lambda *_: struct.pack("HHHH", 40, 120, 0, 0))
    assert cellsize.kernel_cell() is None


def test_tmux_says_itself_whether_it_passes_sixel_on(monkeypatch):
    said = "3.3a 256,RGB"
    monkeypatch.setattr("tui.terminal._tmux", lambda *_: said)
    assert tmux_lacks_sixel({}) == ""
    assert "tmux 3.3a" in tmux_lacks_sixel({"TMUX": "x"})
    said = "3.5 256,sixel"
    assert tmux_lacks_sixel({"TMUX": "x"}) == ""
