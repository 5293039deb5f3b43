"""Fixtures of the training core's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from schema.run.layout import RunFolder
from tests.engine.core import runs

NewRun = Callable[..., RunFolder]


@pytest.fixture
def new_run(tmp_path: Path, tiny_sd1: Path, pictures: Path) -> NewRun:
    """`new_run("name", train__lr=1e-3)`: lay out a run, or change the config of one."""

    def lay(name: str = "run", **changes: Any) -> RunFolder:
        return runs.lay_out(runs.make_config(name, tmp_path / "out", tiny_sd1, pictures, **changes))

    return lay


@pytest.fixture(autouse=True)
def _torch_as_it_was() -> Iterator[None]:
    """A run sets torch's global switches for its process; here the process goes on."""
    before = torch.are_deterministic_algorithms_enabled()
    state = torch.random.get_rng_state()
    yield
    torch.use_deterministic_algorithms(before)
    torch.random.set_rng_state(state)
