"""The sample gallery."""

from __future__ import annotations

import pytest

from tests.tui.dashboard.screens import opened, screen, shows, until
from tests.tui.fake_run import FakeRun, picture
from tui.views.sample_grid import Gallery, cut, grid_rows, preview_rows
from tui.watch.history import Shot
from tui.widgets.rows import text_of, width_of


def shots(tmp_path, prompts=2, steps=(250, 500, 750)):
    return [
        Shot(tmp_path / f"{step}_{index}.png", step, index, f"prompt {index}", 42, float(step))
        for step in steps
        for index in range(prompts)
    ]


def test_the_newest_step_is_chosen_until_another_is(tmp_path):
    gallery = Gallery()
    gallery.fill(shots(tmp_path))
    assert (gallery.prompt, gallery.step) == (0, 750)
    gallery.fill(shots(tmp_path, steps=(250, 500, 750, 1000)))
    assert gallery.step == 1000
    gallery.move(steps=-2)
    gallery.fill(shots(tmp_path, steps=(250, 500, 750, 1000, 1250)))
    assert gallery.step == 500


def test_moving_stops_at_the_edges(tmp_path):
    gallery = Gallery()
    gallery.move(prompts=1, steps=1)
    assert gallery.chosen is None
    gallery.fill(shots(tmp_path))
    gallery.move(prompts=-1)
    assert gallery.prompt == 0
    gallery.move(prompts=5, steps=5)
    assert (gallery.prompt, gallery.step) == (1, 750)
    gallery.ends(-1)
    assert gallery.step == 250


def test_a_picture_drawn_again_at_a_step_replaces_the_older(tmp_path):
    gallery = Gallery()
    gallery.fill([*shots(tmp_path), Shot(tmp_path / "again.png", 750, 0)])
    assert gallery.chosen.path.name == "again.png"


def test_holding_twice_lets_go(tmp_path):
    gallery = Gallery()
    gallery.fill(shots(tmp_path))
    assert gallery.lock() is gallery.chosen
    assert gallery.lock() is None


@pytest.mark.parametrize("size", [(60, 12), (80, 20), (120, 36), (200, 56)])
@pytest.mark.parametrize("prompts", [1, 3, 12])
def test_the_grid_fits_and_always_holds_the_chosen_cell(tmp_path, size, prompts):
    gallery = Gallery()
    gallery.fill(shots(tmp_path, prompts, tuple(range(100, 3100, 100))))
    gallery.ends(-1)
    for _ in range(prompts):
        for _ in range(4):
            rows = grid_rows(gallery, lambda wanted: None, *size, "half")
            assert len(rows) <= size[1]
            assert all(width_of(line) <= size[0] for line in rows)
            assert any(role == "cursor-text" for line in rows for _, role in line)
            gallery.move(steps=3)
        gallery.move(prompts=1)


def test_a_prompt_that_was_not_drawn_at_a_step_is_a_dash(tmp_path):
    gallery = Gallery()
    gallery.fill([s for s in shots(tmp_path) if (s.index, s.step) != (1, 500)])
    rows = grid_rows(gallery, lambda wanted: None, 120, 36, "half")
    assert sum(text_of(line).count(" - ") for line in rows) >= 1
    gallery.move(prompts=1, steps=-1)
    assert gallery.chosen is None
    assert "not drawn" in text_of(preview_rows(None, lambda w: None, 40, 10, "half")[1])


def test_neighbouring_steps_are_written_alike(tmp_path):
    gallery = Gallery()
    gallery.fill(shots(tmp_path, steps=(1000, 1050, 1100)))
    drawn = "".join(text_of(line) for line in grid_rows(gallery, lambda w: None, 120, 36, "half"))
    assert all(f"{step} " in drawn for step in (1000, 1050, 1100))


def test_only_pictures_that_are_shown_are_drawn(tmp_path):
    gallery, asked = Gallery(), []
    gallery.fill(shots(tmp_path, 12, tuple(range(100, 3100, 100))))
    cells = cut(80, 20, 12)
    grid_rows(gallery, lambda wanted: asked.append(wanted), 80, 20, "half")
    assert len(asked) == cells.columns * cells.rows < 40
    grid_rows(gallery, lambda wanted: asked.append(wanted), 80, 20, "off")
    assert len(asked) == cells.columns * cells.rows


@pytest.fixture
def run(tmp_path):
    made = FakeRun(tmp_path)
    for _ in range(3):
        made.train(250)
        made.sample(made.step)
    made.status()
    return made


async def test_enter_shows_the_picture_large_and_q_goes_back(run):
    async with opened(run.folder, mode="samples") as (app, pilot):
        await until(pilot, shows(app, "6 pictures", "▸750"))
        await pilot.press("enter")
        await until(pilot, lambda: app.screen.query_one("#preview").display)
        await until(pilot, shows(app, "step 750   prompt 1   seed 42", "▀" * 20))
        await pilot.press("q")
        await until(pilot, shows(app, "▸750"))


async def test_two_pictures_are_switched_in_place(run):
    async with opened(run.folder, mode="samples") as (app, pilot):
        await until(pilot, shows(app, "▸750"))
        await pilot.press("b")
        await until(pilot, shows(app, "hold one first"))
        await pilot.press("=", "left", "enter")
        await until(pilot, shows(app, "held: step 750", " step 500   prompt 1"))
        await pilot.press("b")
        await until(pilot, shows(app, "held: step 750   prompt 1"))
        await pilot.press("b")
        await until(pilot, shows(app, " step 500   prompt 1"))


async def test_the_path_can_be_copied(run, monkeypatch):
    async with opened(run.folder, mode="samples") as (app, pilot):
        await until(pilot, shows(app, "▸750"))
        copied = []
        monkeypatch.setattr(app, "copy_text", copied.append)
        await pilot.press("down", "y")
        await until(pilot, lambda: copied)
        assert copied == [str(run.folder.path / "samples/000000750_1.png")]


async def test_new_pictures_appear_by_themselves(run):
    async with opened(run.folder, mode="samples") as (app, pilot):
        await until(pilot, shows(app, "6 pictures"))
        run.train(250)
        run.sample(1000)
        app.screen._follower.look_now()
        await until(pilot, shows(app, "8 pictures", "▸1000"))


async def test_a_run_without_pictures_names_the_key(tmp_path):
    run = FakeRun(tmp_path)
    run.status()
    async with opened(run.folder, mode="samples") as (app, pilot):
        await until(pilot, shows(app, "No samples yet", "draws them after the next step"))


async def test_a_wide_screen_shows_grid_and_picture_together(run):
    async with opened(run.folder, (200, 60), mode="samples") as (app, pilot):
        await until(pilot, shows(app, "▸750", "step 750   prompt 1"))


async def test_a_picture_that_vanished_says_so(run):
    async with opened(run.folder, mode="samples") as (app, pilot):
        await until(pilot, shows(app, "▸750"))
        (run.folder.path / "samples/000000750_0.png").unlink()
        await pilot.press("enter")
        await until(pilot, shows(app, "not there (any more)"))


async def test_pictures_can_be_turned_off(run):
    async with opened(run.folder, mode="samples") as (app, pilot):
        app.settings.images = "off"
        await until(pilot, shows(app, "▸750"))
        app.screen.paint()
        await pilot.pause()
        assert "▀" not in screen(app)
        assert "000" in screen(app)


async def test_kitty_pictures_are_drawn_where_they_are_turned_on(run, monkeypatch):
    async with opened(run.folder, mode="samples") as (app, pilot):
        sent = []
        monkeypatch.setattr(app._driver, "write", sent.append)
        app.settings.images = "kitty"
        await until(pilot, shows(app, "▸750"))
        app.screen.paint()
        await until(pilot, shows(app, "\U0010eeee"))
        assert any("a=T,U=1" in sequence for sequence in sent)


def test_the_fake_picture_is_one(tmp_path):
    assert picture(tmp_path / "a.png", 0, 1).stat().st_size > 50
