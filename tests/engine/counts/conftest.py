"""One tiny model folder of every family per session."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine.counts.models import BUILDERS


@pytest.fixture(scope="session")
def model_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a family's tiny model. Read it, never write into it."""
    built: dict[str, Path] = {}

    def find(arch: str) -> Path:
        if arch not in built:
            folder = tmp_path_factory.mktemp("counted") / arch
            BUILDERS[arch](folder)
            built[arch] = folder
        return built[arch]

    return find
