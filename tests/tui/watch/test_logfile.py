"""The worker's output, however long, and the log in memory."""

import threading
from queue import Queue

import pytest

from tui.watch.history import ERROR, INFO, WARNING
from tui.watch.logfile import LONGEST_LINE, LineIndex, LogReader, LogRequest, level_of


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "log.txt"
    path.write_text("")
    return path


def add(path, text):
    with path.open("ab") as file:
        file.write(text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text)


def test_lines_are_found_as_the_file_grows(log):
    index = LineIndex(log)
    index.poll()
    assert len(index) == 0
    add(log, "one\ntwo\nhal")
    assert index.poll()
    assert (len(index), index.lines(0, 3)) == (3, ["one", "two", "hal"])
    add(log, "f\nlast\n")
    index.poll()
    assert index.lines(0, 9) == ["one", "two", "half", "last"]
    assert not index.poll()


def test_a_long_file_gives_any_window(log):
    add(log, "".join(f"line {n}\n" for n in range(100_000)))
    index = LineIndex(log)
    index.poll()
    assert len(index) == 100_000
    assert index.lines(99_998, 100_000) == ["line 99998", "line 99999"]
    assert index.lines(50_000, 50_001) == ["line 50000"]


def test_a_file_that_was_replaced_by_a_shorter_one_is_read_anew(log):
    add(log, "a\nb\nc\n")
    index = LineIndex(log)
    index.poll()
    log.write_text("x\n")
    index.poll()
    assert index.lines(0, 5) == ["x"]


def test_progress_bars_and_colours_leave_only_their_last_words(log):
    add(log, "10%\r50%\r100% done\r\n\x1b[31mred\x1b[0m\x07\n")
    index = LineIndex(log)
    index.poll()
    assert index.lines(0, 2) == ["100% done", "red"]


def test_bytes_of_another_encoding_and_endless_lines_are_shown_all_the_same(log):
    add(log, b"caf\xe9\n" + b"x" * 10_000 + b"\n")
    index = LineIndex(log)
    index.poll()
    first, second = index.lines(0, 2)
    assert first == "caf�"
    assert len(second) == LONGEST_LINE


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("loading unet", INFO), ("UserWarning: x", WARNING), ("torch.OutOfMemoryError: y", ERROR),
        ("Traceback (most recent call last):", ERROR),
    ],
)  # fmt: skip
def test_lines_are_graded_by_their_words(text, level):
    assert level_of(text) == level


@pytest.fixture
def reader(log):
    answers = Queue()
    made = LogReader(log, answers.put, every=60)
    made.start()
    answers.get(timeout=5)  # what it shows before it is asked for anything
    yield made, answers
    made.stop()
    made.join(5)


def ask(reader, **request):
    made, answers = reader
    made.ask(LogRequest(**request))
    return answers.get(timeout=5)


def test_the_end_is_shown_first(log, reader):
    add(log, "".join(f"line {n}\n" for n in range(100)))
    window = ask(reader, count=3)
    assert (window.total, window.top) == (100, 97)
    assert [text for _, text in window.lines] == ["line 97", "line 98", "line 99"]
    window = ask(reader, top=0, count=2)
    assert [text for _, text in window.lines] == ["line 0", "line 1"]


def test_a_pattern_counts_and_shows_only_what_matches(log, reader):
    add(log, "a cat\na dog\nWarning: cat\nCATS\n")
    window = ask(reader, count=10, pattern="cat")
    assert [text for _, text in window.lines] == ["a cat", "Warning: cat", "CATS"]
    window = ask(reader, count=10, pattern="cat", levels=frozenset({WARNING, ERROR}))
    assert window.lines == ((WARNING, "Warning: cat"),)


def test_new_matches_are_found_when_the_file_grows(log, reader):
    add(log, "cat 1\ndog\nca")
    assert ask(reader, count=10, pattern="cat").total == 1
    add(log, "t 2\nmore\n")
    window = ask(reader, count=11, pattern="cat")
    assert [text for _, text in window.lines] == ["cat 1", "cat 2"]


def test_a_wrong_pattern_is_explained(log, reader):
    add(log, "a\n")
    assert "not a pattern" in ask(reader, count=5, pattern="(").problem


def test_a_missing_file_is_no_error(tmp_path):
    heard, news = threading.Event(), []

    def notify(window):
        news.append(window)
        heard.set()

    made = LogReader(tmp_path / "none.txt", notify, every=60)
    made.start()
    assert heard.wait(5)
    made.stop()
    made.join(5)
    assert news[0].problem == "nothing written yet"
