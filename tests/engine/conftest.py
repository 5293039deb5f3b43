"""Shared by the engine's tests: one tiny model folder and one picture folder per session."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.engine import tiny


@pytest.fixture(scope="session")
def tiny_sd1(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random SD1-type diffusers folder. Read it, never write into it."""
    return tiny.build_sd1(tmp_path_factory.mktemp("models") / "tiny-sd1")


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight captioned 64x64 pictures. Read them, never write beside them."""
    return tiny.draw_pictures(tmp_path_factory.mktemp("data") / "pictures")


@pytest.fixture(scope="session")
def sd1(tiny_sd1: Path) -> Any:
    """The tiny model, loaded in float32. Do not train it or put a network on it."""
    return tiny.load_sd1(tiny_sd1)
