"""Tiny FLUX.1 folders, one of dev's kind and one of schnell's, per session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from schema.run.layout import RunFolder
from tests.engine import tiny_flux
from tests.engine.core import runs


@pytest.fixture(scope="session")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a guidance input. Read it, never write into it."""
    return tiny_flux.build_flux(tmp_path_factory.mktemp("models") / "tiny-dev")


@pytest.fixture(scope="session")
def schnell(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder without a guidance input. Read it, never write into it."""
    return tiny_flux.build_flux(tmp_path_factory.mktemp("models") / "tiny-schnell", guided=False)


@pytest.fixture(scope="session")
def family(dev: Path) -> Any:
    """The guided model, loaded in float32. Do not train it or put a network on it."""
    return tiny_flux.load_flux(dev)


@pytest.fixture(scope="session")
def pipeline(dev: Path) -> Any:
    """diffusers' own pipeline on the same folder."""
    from diffusers import FluxPipeline

    found = FluxPipeline.from_pretrained(dev)
    found.set_progress_bar_config(disable=True)
    return found


@pytest.fixture
def new_run(tmp_path: Path, dev: Path, pictures: Path) -> Callable[..., RunFolder]:
    """`new_run("name", train__lr=1e-3)`: a run of the tiny guided model."""

    def lay(name: str = "run", **changes: Any) -> RunFolder:
        usual = {"model__arch": "flux", "train__noise_scheduler": "flowmatch"}
        usual |= {"sample__sampler": "flowmatch"}
        config = runs.make_config(name, tmp_path / "out", dev, pictures, **(usual | changes))
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
