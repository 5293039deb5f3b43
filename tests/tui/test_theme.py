"""Themes: every text readable at every colour depth, surfaces distinct, broken files named."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from tests.tui.driver import opened
from tui import theme
from tui.nearest import NearestColors, nearest, shown_as
from tui.terminal import Depth

SURFACES = ("background", "surface", "panel")
NOT_TEXT = {*SURFACES, "border", "cursor", "cursor-text", "chart-raw", "gpu-empty"}
DEPTHS: tuple[Depth, ...] = ("true", "256", "16")
SHIPPED = theme.names()


def seen(look: theme.Look, name: str, depth: Depth) -> tuple[int, int, int]:
    color = Color.parse(look.colors[name])
    return shown_as((color.r, color.g, color.b), depth)


def contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    """The ratio of WCAG 2: 1 for equal colours, 21 for black on white."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(color: tuple[int, int, int]) -> float:
    parts = [c / 255 / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in color]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def test_there_are_themes_for_dark_light_contrast_colour_vision_and_the_terminals_own() -> None:
    assert {"dark", "light", "high-contrast", "blue-orange", "teal-red", "ansi"} <= set(SHIPPED)
    assert not theme.load("light").dark


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("name", [name for name in SHIPPED if name != "ansi"])
def test_every_text_colour_is_readable_on_every_surface(name: str, depth: Depth) -> None:
    look = theme.load(name, depth)
    floor = 7.0 if name == "high-contrast" and depth == "true" else 4.5
    for surface in SURFACES:
        behind = seen(look, surface, depth)
        for text in set(theme.FIELDS) - NOT_TEXT:
            ratio = contrast(seen(look, text, depth), behind)
            assert ratio >= floor, f"{text} on {surface}: {ratio:.2f}"
    cursor = contrast(seen(look, "cursor-text", depth), seen(look, "cursor", depth))
    assert cursor >= 4.5
    assert contrast(seen(look, "chart-raw", depth), seen(look, "background", depth)) >= 2.4


@pytest.mark.parametrize("depth", ["true", "256"])
@pytest.mark.parametrize("name", [name for name in SHIPPED if name != "ansi"])
def test_surfaces_stay_apart_and_none_turns_navy(name: str, depth: Depth) -> None:
    look = theme.load(name, depth)
    shown = [seen(look, surface, depth) for surface in SURFACES]
    assert len(set(shown)) == 3
    for color in shown:
        assert max(color) - min(color) < 30


def test_the_terminals_own_theme_uses_no_fixed_colours() -> None:
    look = theme.load("ansi")
    assert all(color.startswith("ansi_") for color in look.colors.values())
    style = look.style("cursor-text", "cursor")
    assert style.reverse  # the cursor shows without any colour


def test_dark_grey_is_matched_to_grey_at_256_colours() -> None:
    assert 232 <= nearest((30, 30, 36), "256") <= 255


def test_the_filter_leaves_text_and_attributes_and_replaces_colours() -> None:
    style = Style(color="#8fc97a", bgcolor="#14161b", bold=True)
    (segment,) = NearestColors("256").apply([Segment("x", style)], Color(0, 0, 0))
    assert segment.text == "x"
    assert segment.style is not None
    assert segment.style.bold
    assert segment.style.color is not None
    assert segment.style.color.number is not None
    assert segment.style.color.number >= 16
    assert not NearestColors("true").enabled


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("primary:", "primry:"), r"dark.yaml:\d+: unknown colour name 'primry'"),
        (('"#82aaff"', '"#82aaf"'), r"dark.yaml:\d+: primary: not a colour"),
        (("colors:", "colours:"), "needs `colors:`"),
        (("label: Dark", "label: [Dark"), r"dark.yaml:\d+:"),
        (('  border: "#454c5b"\n', ""), "missing colours: border"),
    ],
)
def test_a_broken_theme_file_names_line_and_key(
    tmp_path: Path, change: tuple[str, str], message: str
) -> None:
    text = (theme.SHIPPED / "dark.yaml").read_text()
    assert change[0] in text
    (tmp_path / "dark.yaml").write_text(text.replace(*change, 1))
    with pytest.raises(theme.ThemeError, match=message):
        theme.load("dark", user_folder=tmp_path)


async def test_a_broken_theme_of_the_user_falls_back_and_is_said(tmp_path: Path) -> None:
    from tui import settings

    folder = settings.theme_folder()
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text("colors: {}\n")
    (folder.parent / "settings.yaml").write_text("theme: mine\n")
    async with opened(None) as screen:
        assert screen.app.look.name == "dark"
        assert "mine.yaml" in screen.status


async def test_a_theme_of_the_user_is_offered_and_used() -> None:
    from tui import settings

    folder = settings.theme_folder()
    folder.mkdir(parents=True)
    text = (theme.SHIPPED / "light.yaml").read_text()
    (folder / "paper.yaml").write_text(text)
    async with opened(None) as screen:
        await screen.command("theme paper")
        assert screen.app.look.name == "paper"


async def test_no_color_uses_no_colour_at_all(project: Path) -> None:
    async with opened(project, depth="none") as screen:
        assert screen.app.look.ansi
        (no_color,) = screen.app.get_line_filters()
        for strip in screen.app.screen._compositor.render_strips():
            for segment in strip.apply_filter(no_color, Color(0, 0, 0)):
                style = segment.style
                assert style is None or style.color is None or style.color.is_default
                assert style is None or style.bgcolor is None or style.bgcolor.is_default
