"""A project to edit: a config with comments, three pictures, an output folder beside it."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.tui.driver import CONFIG


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path of a valid config; its folder is the working folder."""
    monkeypatch.chdir(tmp_path)
    images = tmp_path / "images"
    images.mkdir()
    for number in range(3):
        Image.new("RGB", (512, 512), (number * 80, 0, 0)).save(images / f"{number}.png")
        (images / f"{number}.txt").write_text(f"a zorble, number {number}")
    config = tmp_path / "project.yaml"
    config.write_text(CONFIG)
    return config


@pytest.fixture(autouse=True)
def _no_estimates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Views do not look for estimates by themselves, unless a test is about them."""
    monkeypatch.setattr("tui.estimating.live", False)


@pytest.fixture
def steady(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits for the engine: whole screens must not change with every option it learns."""
    monkeypatch.setattr("tui.documents.waits", lambda *_: None)
    for module in ("editing", "record"):
        monkeypatch.setattr(f"tui.form.{module}.waiting_values", lambda *_: {})
