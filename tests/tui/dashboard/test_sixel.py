"""Pictures in pixels through sixel: the encoder, the cells they stand on, when they are redrawn."""

from __future__ import annotations

import re

import pytest
from PIL import Image, ImageChops
from textual.app import App

from tests.tui.dashboard.screens import opened, shows, until
from tests.tui.fake_run import FakeRun, picture
from tui import settings
from tui.widgets import sixel
from tui.widgets.pixels import WithPictures
from tui.widgets.rows import text_of, width_of
from tui.widgets.sharp import LARGEST_PIXELS, Place, Sixels, places
from tui.widgets.thumbs import SIXEL, ThumbLoader, Wanted, draw_file

START = re.compile(r"\x1b\[(\d+);(\d+)H\x1bP")


def decoded(sequence):
    """The picture that a terminal would draw; pixels that no colour names are magenta."""
    found = re.fullmatch(r'\x1bP0;1q"1;1;(\d+);(\d+)(.*)\x1b\\', sequence, re.DOTALL)
    width, height = int(found[1]), int(found[2])
    image = Image.new("RGB", (width, height), (255, 0, 255))
    palette, colour, x, top, count = {}, 0, 0, 0, 1
    tokens = re.findall(r"#\d+;2;\d+;\d+;\d+|#\d+|!\d+|[?-~]|[$-]", found[3])
    assert "".join(tokens) == found[3]
    for token in tokens:
        if ";" in token:
            number, _, *parts = map(int, token[1:].split(";"))
            palette[number] = tuple(round(part * 255 / 100) for part in parts)
        elif token[0] == "#":
            colour = int(token[1:])
        elif token[0] == "!":
            count = int(token[1:])
        elif token == "$":
            x = 0
        elif token == "-":
            x, top = 0, top + 6
        else:
            bits = ord(token) - 63
            for column in range(x, x + count):
                for row in range(6):
                    if bits >> row & 1:
                        image.putpixel((column, top + row), palette[colour])
            x, count = x + count, 1
    return image


def largest_difference(one, other):
    """Of any channel of any pixel."""
    return max(high for _, high in ImageChops.difference(one, other).getextrema())


def stripes(width, height):
    """Eight colours that a palette holds exactly."""
    image = Image.new("RGB", (width, height))
    for y in range(height):
        for x in range(width):
            at = x // 3 + y // 2
            image.putpixel((x, y), (255 * (at & 1), 255 * (at >> 1 & 1), 255 * (at >> 2 & 1)))
    return image


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (40, 6), (33, 13), (20, 24)])
def test_what_is_encoded_is_what_a_terminal_draws(size):
    image = stripes(*size)
    assert largest_difference(decoded(sixel.encode(image)), image) <= 1


def test_a_soft_picture_stays_close_in_few_colours():
    image = Image.merge("RGB", [Image.radial_gradient("L").resize((60, 60))] * 3)
    sequence = sixel.encode(image, 32)
    assert len(re.findall(r"#\d+;2;", sequence)) <= 32
    assert largest_difference(decoded(sequence), image) < 32


def test_an_incomplete_band_names_no_pixel_below_the_picture():
    sequence = sixel.encode(Image.new("RGB", (3, 8), (255, 0, 0)))
    first, second, _ = sequence.split("\x1b\\")[0].rsplit(";0#", 1)[1].split("-")
    assert (first[-3:], second[-3:]) == ("~~~", "BBB")


def test_runs_are_counted_and_empty_columns_at_the_right_left_out():
    image = Image.new("RGB", (50, 6), (0, 0, 0))
    image.paste((255, 255, 255), (0, 0, 10, 6))
    sequence = sixel.encode(image)
    assert "!10~" in sequence
    assert "!10?!40~" in sequence
    assert "!10~!40?" not in sequence


def test_a_picture_fills_its_cells_exactly_and_half_blocks_lie_below(tmp_path):
    sixels = Sixels(lambda: (8, 17))
    rows = draw_file(Wanted(picture(tmp_path / "a.png", 0, 500), 20, 10, SIXEL), sixels)
    assert {width_of(line) for line in rows} == {20}
    assert text_of(rows[0]) == "▀" * 20
    (place,) = places(rows)
    assert (place.x, place.y, place.columns, place.rows) == (0, 0, 20, 9)
    sequence = sixels.drawn_at(place, 4, 6)
    assert sequence.startswith("\x1b[7;5H")
    assert decoded(sequence.removeprefix("\x1b[7;5H")).size == (20 * 8, 9 * 17)


def test_no_picture_is_larger_than_xterm_draws(tmp_path):
    sixels = Sixels(lambda: (20, 40))
    rows = draw_file(Wanted(picture(tmp_path / "a.png", 0, 1), 180, 90, SIXEL), sixels)
    (place,) = places(rows)
    assert place.columns * 20 <= LARGEST_PIXELS
    assert place.rows * 40 <= LARGEST_PIXELS
    assert place.x == (180 - place.columns) // 2


def test_a_picture_that_is_cut_off_or_forgotten_is_not_drawn(tmp_path):
    sixels = Sixels(lambda: (4, 8))
    rows = draw_file(Wanted(picture(tmp_path / "a.png", 0, 500), 20, 10, SIXEL), sixels)
    (whole,) = places(rows)
    assert sixels.drawn_at(whole, 0, 0)
    (cut,) = places(rows[:5])
    assert sixels.drawn_at(cut, 0, 0) == ""
    sixels.forget(rows)
    assert not sixels
    assert sixels.drawn_at(whole, 0, 0) == ""


def test_marked_cells_side_by_side_are_places_of_their_own():
    rows = [(("  ", ""), ("▀▀", "#1!px4"), ("▀", "#2!px4"), (" ", ""), ("▀", "#1!px5"))] * 2
    assert places(rows) == [Place(4, 2, 0, 3, 2), Place(5, 6, 0, 1, 2)]


def test_another_size_of_cells_draws_anew(tmp_path):
    cell = [(8, 16)]
    sixels = Sixels(lambda: cell[0])
    loader = ThumbLoader(lambda *_: loader.stop(), lambda: sixels)
    wanted = Wanted(picture(tmp_path / "a.png", 0, 500), 10, 5, SIXEL)
    loader.get(wanted)
    loader.run()
    assert loader.get(wanted) is not None
    cell[0] = (9, 18)
    assert loader.get(wanted) is None


# -- in the app ------------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path):
    made = FakeRun(tmp_path)
    for _ in range(2):
        made.train(250)
        made.sample(made.step)
    made.status()
    return made


@pytest.fixture
def frames(monkeypatch):
    """What would be sent to a terminal, frame by frame, by an app that draws sixel."""
    monkeypatch.delenv("TMUX", raising=False)
    chosen = settings.load()
    chosen.images, chosen.cell_pixels = "sixel", "6x12"
    chosen.save()
    sent = []

    def display(app, screen, renderable):
        if renderable is not None:
            sent.append(renderable.render_segments(app.console))

    monkeypatch.setattr(App, "_display", display)
    return sent


def corners(frames):
    """Row and column at which pictures were drawn."""
    return [(int(y), int(x)) for frame in frames for y, x in START.findall(frame)]


async def all_drawn(pilot, frames, app, count):
    """Until that many different pictures have been drawn, and nothing is under way."""
    await until(pilot, lambda: len(set(corners(frames))) >= count)
    await pilot.pause()
    frames.clear()


async def test_the_gallery_draws_each_picture_behind_its_half_blocks(run, frames):
    async with opened(run.folder, (120, 40), mode="samples") as (app, pilot):
        await until(pilot, shows(app, "▸500", "▀▀▀"))
        await until(pilot, lambda: len(set(corners(frames))) >= 4)
        frame = next(frame for frame in frames if START.search(frame))
        assert frame.rindex("▀") < START.search(frame).start()


async def test_moving_the_choice_draws_no_picture_again(run, frames):
    async with opened(run.folder, (120, 40), mode="samples") as (app, pilot):
        await until(pilot, shows(app, "▸500"))
        await all_drawn(pilot, frames, app, 4)
        await pilot.press("left")
        await until(pilot, shows(app, "▸250"))
        assert frames
        assert corners(frames) == []


async def test_after_a_resize_pictures_stand_where_their_cells_are(run, frames):
    async with opened(run.folder, (120, 40), mode="samples") as (app, pilot):
        await until(pilot, shows(app, "▸500"))
        await all_drawn(pilot, frames, app, 4)
        await pilot.resize_terminal(90, 30)
        grid = app.screen.query_one("#grid")
        await until(pilot, lambda: {p.columns for p in places(grid.rows)} == {20})
        shown = places(grid.rows)
        wanted = {(grid.region.y + p.y + 1, grid.region.x + p.x + 1): p for p in shown}
        await until(pilot, lambda: set(corners(frames)) >= wanted.keys())
        sizes = dict(re.findall(r'\x1b\[(\d+;\d+)H\x1bP0;1q"1;1;(\d+;\d+)', "".join(frames)))
        for (y, x), place in wanted.items():
            assert sizes[f"{y};{x}"] == f"{place.columns * 6};{place.rows * 12}"


async def test_switching_views_wipes_pictures_and_brings_them_back(run, frames):
    async with opened(run.folder, (120, 40), mode="samples") as (app, pilot):
        await until(pilot, shows(app, "▸500"))
        await all_drawn(pilot, frames, app, 4)
        await pilot.press("5")
        await until(pilot, shows(app, "Runs on this machine"))
        assert corners(frames) == []
        assert any(frame.count("\n") >= 39 for frame in frames)  # every cell is written
        frames.clear()
        await pilot.press("4")
        await until(pilot, lambda: len(set(corners(frames))) >= 4)


async def test_a_picture_under_a_panel_stays_half_blocks_until_the_panel_goes(run, frames):
    async with opened(run.folder, (120, 40), mode="samples") as (app, pilot):
        await until(pilot, shows(app, "▸500"))
        await pilot.press("enter")
        await until(pilot, lambda: any(x > 20 for _, x in corners(frames)))
        await pilot.pause()
        frames.clear()
        await pilot.press("question_mark")
        await until(pilot, shows(app, "everywhere"))
        assert corners(frames) == []
        await pilot.press("question_mark")
        await until(pilot, lambda: corners(frames))


async def test_the_dashboard_draws_pictures_and_its_numbers_leave_them_alone(run, frames):
    async with opened(run.folder, (120, 40)) as (app, pilot):
        await until(pilot, lambda: len(set(corners(frames))) >= 2)
        await pilot.pause()
        frames.clear()
        run.train(10)
        run.status()
        app.screen._follower.look_now()
        await until(pilot, shows(app, "510/20000"))
        assert frames
        assert corners(frames) == []


async def test_inside_an_older_tmux_half_blocks_are_drawn_and_the_reason_told(
    run, frames, monkeypatch
):
    monkeypatch.setenv("TMUX", "/nowhere,1,0")
    monkeypatch.setattr("tui.terminal._tmux", lambda *_, **__: "3.3a 256,RGB,title")
    async with opened(run.folder, (120, 40), mode="samples") as (app, pilot):
        await until(pilot, shows(app, "▀▀▀"))
        assert corners(frames) == []
        assert not any(isinstance(frame, WithPictures) for frame in frames)
        assert "tmux 3.3a passes none on" in app.why_not_sixel()
        assert app.picture_trouble() == ""  # it has been told


async def test_a_newer_tmux_that_knows_sixel_gets_it(run, frames, monkeypatch):
    monkeypatch.setenv("TMUX", "/nowhere,1,0")
    monkeypatch.setattr("tui.terminal._tmux", lambda *_, **__: "3.5 256,RGB,sixel,title")
    async with opened(run.folder, (120, 40), mode="samples") as (_app, pilot):
        await until(pilot, lambda: len(set(corners(frames))) >= 4)


async def test_without_the_size_of_a_cell_the_setting_is_named(run, frames, monkeypatch):
    monkeypatch.setattr("tui.widgets.pixels.kernel_cell", lambda: None)
    chosen = settings.load()
    chosen.cell_pixels = "auto"
    chosen.save()
    async with opened(run.folder, (120, 40)) as (app, pilot):
        await until(pilot, shows(app, "cell_pixels: 10x20"))
        assert corners(frames) == []
