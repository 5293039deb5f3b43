"""Pictures as cells."""

import base64
import io
import threading

import pytest
from PIL import Image

from tests.tui.fake_run import picture
from tui.views.pictures import newest, picture_row
from tui.watch.history import Shot
from tui.widgets import kitty
from tui.widgets.rows import text_of, width_of
from tui.widgets.sharp import Kitty
from tui.widgets.thumbs import KITTY, PLAIN, ThumbLoader, Wanted, ascii_art, draw_file, half_blocks


def test_a_cell_shows_two_pixels_one_above_the_other():
    image = Image.new("RGB", (2, 2))
    image.putdata([(255, 0, 0), (0, 255, 0), (0, 0, 255), (9, 9, 9)])
    (line,) = half_blocks(image, 2, 1)
    assert line == (("▀", "#ff0000 on #0000ff"), ("▀", "#00ff00 on #090909"))


def test_cells_of_one_colour_are_one_span():
    (line, *_) = half_blocks(Image.new("RGB", (8, 8), (1, 2, 3)), 8, 4)
    assert line == (("▀" * 8, "#010203 on #010203"),)


@pytest.mark.parametrize("size", [(64, 64), (128, 64), (30, 90), (1, 1)])
def test_every_picture_fills_its_box_in_one_direction_and_keeps_its_shape(size):
    rows = half_blocks(Image.new("RGB", size, (200, 0, 0)), 20, 10)
    assert len(rows) == 10
    assert {width_of(line) for line in rows} == {20}
    across = max(text_of(line).count("▀") for line in rows)
    down = sum("▀" in text_of(line) for line in rows) * 2
    assert across == 20 or down == 20
    assert across / down == pytest.approx(size[0] / size[1], rel=0.2)


def test_a_picture_can_be_drawn_without_colours():
    gradient = Image.linear_gradient("L")
    rows = [text_of(line) for line in ascii_art(gradient.convert("RGB"), 10, 5)]
    assert all(line.isascii() for line in rows)
    assert rows[0].strip() == ""
    assert "%" in rows[-1]


def test_a_file_becomes_rows(tmp_path):
    path = picture(tmp_path / "a.png", 0, 500)
    rows = draw_file(Wanted(path, 16, 8))
    assert len(rows) == 8
    assert text_of(rows[4]).count("▀") == 16
    assert all(text_of(line).isascii() for line in draw_file(Wanted(path, 16, 8, PLAIN)))


@pytest.mark.parametrize(
    ("content", "words"), [(None, "not there"), (b"", "not a picture"), (b"\x89PNG\r\n", "not a")]
)
def test_a_file_that_cannot_be_drawn_says_why(tmp_path, content, words):
    path = tmp_path / "a.png"
    if content is not None:
        path.write_bytes(content)
    assert words in "".join(text_of(line) for line in draw_file(Wanted(path, 30, 5)))


def test_a_half_written_picture_is_a_sentence_and_not_a_traceback(tmp_path):
    path = picture(tmp_path / "a.png", 0, 500, size=256)
    path.write_bytes(path.read_bytes()[:200])
    assert len(draw_file(Wanted(path, 30, 5))) == 5


def test_transparency_lies_over_a_dark_ground(tmp_path):
    path = tmp_path / "a.png"
    Image.new("RGBA", (4, 4), (255, 255, 255, 0)).save(path)
    assert "#181818" in draw_file(Wanted(path, 4, 2))[0][0][1]


def test_the_loader_draws_each_picture_once_and_off_the_screens_thread(tmp_path):
    path = picture(tmp_path / "a.png", 0, 500)
    drawn, threads = threading.Event(), []

    def notify(wanted, rows):
        threads.append(threading.current_thread())
        drawn.set()

    loader = ThumbLoader(notify)
    loader.start()
    wanted = Wanted(path, 16, 8)
    assert loader.get(wanted) is None
    assert loader.get(wanted) is None
    assert drawn.wait(5)
    assert len(loader.get(wanted)) == 8
    loader.stop()
    loader.join(5)
    assert threads == [loader]


def test_a_kitty_picture_is_sent_once_and_shown_by_ordinary_cells(tmp_path):
    path = picture(tmp_path / "a.png", 0, 500, size=128)
    sent = []
    sharp = Kitty(sent.append)
    rows = draw_file(Wanted(path, 20, 10, KITTY), sharp)
    (sequence,) = sent
    parts = sequence.split("\x1b\\")[:-1]
    assert parts[0].startswith("\x1b_Ga=T,U=1,i=")
    assert ",c=20,r=10," in parts[0]
    data = base64.b64decode("".join(part.split(";", 1)[1] for part in parts))
    with Image.open(io.BytesIO(data)) as image:
        assert image.size == (128, 128)
    assert len(rows) == 10
    assert {width_of(line) for line in rows} == {20}
    number = parts[0].split("i=")[1].split(",")[0]
    assert rows[0][0][1] == f"color({number})"
    sharp.forget(rows)
    assert sent[1:] == [kitty.forget(int(number))]


def test_long_pictures_are_sent_in_chunks_that_say_whether_more_comes():
    noise = Image.effect_noise((300, 300), 90).convert("RGB")
    parts = kitty.transmit(noise, 20, 30, 15, {}).split("\x1b\\")[:-1]
    assert len(parts) > 2
    assert all(",m=1;" in part for part in parts[:-1])
    assert ",m=0;" in parts[-1]
    assert all(len(part.split(";", 1)[1]) <= kitty.CHUNK for part in parts)


def test_inside_tmux_sequences_are_passed_through():
    sequence = kitty.forget(20, {"TMUX": "/tmp/tmux-0/default,1,0"})
    assert sequence == "\x1bPtmux;\x1b\x1b_Ga=d,d=I,i=20,q=2\x1b\x1b\\\x1b\\"
    assert kitty.forget(20, {}) == "\x1b_Ga=d,d=I,i=20,q=2\x1b\\"


def test_every_cell_names_its_row_and_column():
    rows = kitty.cells(16, 3, 2)
    assert rows[1][0][0][3:6] == kitty.PLACEHOLDER + kitty.ACCENTS[1] + kitty.ACCENTS[1]
    assert len(set(kitty.ACCENTS)) == 120
    assert len(kitty.cells(16, 500, 500)) == 120


def shots(tmp_path, count=3, step=500):
    return [Shot(tmp_path / f"{n}.png", step, n, f"prompt {n}", 42 + n, step) for n in range(count)]


def test_the_newest_pictures_are_those_of_the_latest_step(tmp_path):
    older, later = shots(tmp_path, 3, 500), shots(tmp_path, 2, 1000)
    assert newest([*older, *later]) == later
    assert newest([]) == []


@pytest.mark.parametrize(("width", "height", "across"), [(36, 13, 2), (70, 14, 3), (24, 13, 1)])
def test_as_many_pictures_as_fit_stand_side_by_side(tmp_path, width, height, across):
    asked = []
    picture_row(
        shots(tmp_path), "cfg 4", lambda wanted: asked.append(wanted), width, height, "half"
    )
    assert len(asked) == across
    assert (across + 1) * 0 + sum(w.columns + 1 for w in asked) <= width


def test_without_room_or_without_wish_only_names_are_shown(tmp_path):
    asked = []
    for mode, height in (("off", 14), ("half", 6)):
        rows = picture_row(shots(tmp_path), "", lambda w: asked.append(w), 36, height, mode)
        assert "3 prompt 2" in "".join(text_of(line) for line in rows[:3])
    assert asked == []


def test_before_the_first_picture_the_key_is_named(tmp_path):
    text = " ".join(text_of(line) for line in picture_row([], "", lambda w: None, 36, 13, "half"))
    assert "no samples yet" in text
    assert " s " in text
