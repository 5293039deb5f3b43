"""Pictures as cells."""

import threading

import pytest
from PIL import Image

from tests.tui.fake_run import picture
from tui.views.pictures import newest, picture_row
from tui.watch.history import Shot
from tui.widgets.rows import text_of, width_of
from tui.widgets.thumbs import PLAIN, ThumbLoader, Wanted, ascii_art, draw_file, half_blocks


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
        assert "prompt 2" in text_of(rows[0])
    assert asked == []


def test_before_the_first_picture_the_key_is_named(tmp_path):
    text = " ".join(text_of(line) for line in picture_row([], "", lambda w: None, 36, 13, "half"))
    assert "no samples yet" in text
    assert " s " in text
