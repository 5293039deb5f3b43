"""Fixtures of the networks' tests."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.families.base import Family
from schema.run.layout import RunFolder
from tests.engine.core import runs

NewRun = Callable[..., RunFolder]


@pytest.fixture
def family(sd1: Any) -> Family:
    """The tiny model with everything loaded, for one test alone."""
    found: Family = copy.deepcopy(sd1)
    return found


@pytest.fixture
def new_run(tmp_path: Path, tiny_sd1: Path, pictures: Path) -> NewRun:
    """`new_run("name", train__lr=1e-3)`: lay out a run, or change the config of one."""

    def lay(name: str = "run", **changes: Any) -> RunFolder:
        return runs.lay_out(runs.make_config(name, tmp_path / "out", tiny_sd1, pictures, **changes))

    return lay
