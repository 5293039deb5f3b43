"""Fixtures of the metamorphic tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.core.conftest import _torch_as_it_was  # noqa: F401
from tests.engine.metamorphic.trying import Runs


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny_sd1: Path, pictures: Path) -> Runs:
    """Runs of the tiny model."""
    return Runs(tmp_path_factory.mktemp("metamorphic"), tiny_sd1, pictures)
