"""The app's look at a config's files: headers first, then every pixel, told and stoppable."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from schema.findings import Finding
from tests.tui.driver import CONFIG, opened
from tui.form.looks import Look


def spoil(path: Path) -> None:
    """Break the middle of a picture; header and end stay whole."""
    Image.effect_noise((512, 512), 90).convert("RGB").save(path)
    raw = bytearray(path.read_bytes())
    raw[2000:2400] = bytes(400)
    path.write_bytes(raw)


def look(stopped: bool = False) -> tuple[list[set[str]], list[str]]:
    """The codes of each delivery, and the words on progress."""
    deliveries: list[set[str]] = []
    words: list[str] = []

    def found(findings: list[Finding]) -> None:
        deliveries.append({finding.code for finding in findings})

    Look(CONFIG, "", found, words.append, lambda: stopped).run()
    return deliveries, words


def test_headers_are_delivered_before_pixels(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.form.looks._APART", 0.0)
    spoil(project.parent / "images" / "1.png")
    deliveries, words = look()
    assert ["image-unreadable" in codes for codes in deliveries] == [False, True]
    assert words[0] == "looking at pictures 3/3; :pixels stops"
    assert "reading pixels 3/3; :pixels stops" in words
    assert words[-1] == ""


def test_nothing_new_is_not_delivered_again(project: Path) -> None:
    deliveries, words = look()
    assert len(deliveries) == 1
    assert words == [""]


def test_a_look_that_is_stopped_reads_no_pixels(project: Path) -> None:
    spoil(project.parent / "images" / "1.png")
    deliveries, words = look(stopped=True)
    assert len(deliveries) == 1
    assert "image-unreadable" not in deliveries[0]
    assert words == []


async def test_a_broken_picture_shows_up_in_the_form(project: Path) -> None:
    spoil(project.parent / "images" / "1.png")
    async with opened(project) as screen:

        def broken() -> list[Finding]:
            found = screen.config.draft.findings
            return [finding for finding in found if finding.code == "image-unreadable"]

        await screen.until(broken, "the broken picture")
        assert "1.png cannot be decoded" in broken()[0].message


async def test_reading_is_told_in_the_status_line_and_stopped_by_command(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    going = threading.Event()

    def slow(scan: Any, tick: Any, stopped: Any) -> Any:
        while not stopped():
            tick(1, 3)
            going.wait(0.01)
        return iter(())

    monkeypatch.setattr("schema.looking.decode", slow)
    monkeypatch.setattr("tui.form.looks._APART", 0.0)
    async with opened(project) as screen:
        await screen.until(lambda: "reading pixels 1/3" in screen.status, "progress")
        await screen.command("pixels")
        await screen.until(lambda: not screen.config.files.reads, "the end of the reading")
        assert "reading pixels" not in screen.status
