"""Tiny models of every family that can learn words, per session, and runs on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from schema.run.layout import RunFolder
from tests.engine import tiny_flux, tiny_sd
from tests.engine.core import runs

FLOW: dict[str, Any] = {"train__noise_scheduler": "flowmatch", "sample__sampler": "flowmatch"}


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory, tiny_sd1: Path) -> dict[str, Path]:
    """A folder of each. Read them, never write into them."""
    folder = tmp_path_factory.mktemp("models")
    return {
        "sd1": tiny_sd1,
        "sd2": tiny_sd.build_sd2(folder / "sd2"),
        "sdxl": tiny_sd.build_sdxl(folder / "sdxl"),
        "flux": tiny_flux.build_flux(folder / "flux"),
    }


@pytest.fixture
def new_run(tmp_path: Path, models: dict[str, Path], pictures: Path) -> Callable[..., RunFolder]:
    """`new_run("name", arch="sdxl", train__lr=1e-3)`: lay out a run, or change its config."""

    def lay(name: str = "run", arch: str = "sd1", **changes: Any) -> RunFolder:
        settings = {"model__arch": arch, **(FLOW if arch == "flux" else {}), **changes}
        config = runs.make_config(name, tmp_path / "out", models[arch], pictures, **settings)
        return runs.lay_out(config)

    return lay


@pytest.fixture(autouse=True)
def _torch_as_it_was() -> Iterator[None]:
    """A run sets torch's global switches for its process; here the process goes on."""
    before = torch.are_deterministic_algorithms_enabled()
    state = torch.random.get_rng_state()
    yield
    torch.use_deterministic_algorithms(before)
    torch.random.set_rng_state(state)
