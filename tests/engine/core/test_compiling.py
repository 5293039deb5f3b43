"""Compiled denoisers: what is compiled and how, that names stay, that steps stay the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import nn

from engine import compiling
from engine.compiling import Compiling, compile_denoisers
from engine.families.base import Denoiser
from schema.run.layout import RunFolder
from tests.engine.core import runs

NewRun = Callable[..., RunFolder]
CPU = torch.device("cpu")
COMPILED: dict[str, Any] = {"model__compile": True}


class Blocks(nn.Module):
    """A model with two lists of blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.transformer_blocks = nn.ModuleList(nn.Linear(2, 2) for _ in range(3))
        self.single_transformer_blocks = nn.ModuleList(nn.Linear(2, 2) for _ in range(2))


class Stand:
    """Stands where a family does: its row and its denoisers."""

    def __init__(self, module: nn.Module, *blocks: str) -> None:
        self.denoisers = [Denoiser("transformer", module)]
        self.row = type("Row", (), {"blocks": blocks})()


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """The settings of every call of torch's compiler, which does nothing here."""
    import torch._dynamo

    config: Any = torch._dynamo.config
    before = config.recompile_limit, config.suppress_errors
    found: list[dict[str, Any]] = []
    monkeypatch.setattr(nn.Module, "compile", lambda self, **settings: found.append(settings))
    yield found
    config.recompile_limit, config.suppress_errors = before


def _wish(**changes: Any) -> Compiling:
    settings: dict[str, Any] = {
        "mode": "default", "fullgraph": False, "dynamic": True, "by_block": False, "limit": None,
    }  # fmt: skip
    return Compiling(**(settings | changes))


@pytest.mark.proves("model.block_compile", "model.compile_fullgraph")
def test_every_block_is_compiled_once_and_only_blocks_in_one_graph(
    calls: list[dict[str, Any]],
) -> None:
    family: Any = Stand(Blocks())
    assert compile_denoisers(family, _wish(by_block=True, fullgraph=True), CPU, print) == 5
    assert calls == [{"dynamic": True, "fullgraph": True}] * 5
    calls.clear()
    assert compile_denoisers(family, _wish(fullgraph=True), CPU, print) == 1
    assert calls == [{"dynamic": True, "fullgraph": False}]
    calls.clear()
    named: Any = Stand(Blocks(), "transformer_blocks")
    assert compile_denoisers(named, _wish(by_block=True), CPU, print) == 3


@pytest.mark.proves("model.cache_size_limit")
def test_the_limit_is_never_below_two_variants_of_every_block(
    calls: list[dict[str, Any]],
) -> None:
    import torch._dynamo

    config: Any = torch._dynamo.config
    family: Any = Stand(Blocks())
    for limit, by_block, expected in (
        (None, True, 10),
        (4, True, 10),
        (64, True, 64),
        (9, False, 9),
    ):
        compile_denoisers(family, _wish(limit=limit, by_block=by_block), CPU, print)
        assert config.recompile_limit == expected


@pytest.mark.proves("model.compile", "model.compile_mode", "model.compile_dynamic")
def test_a_run_compiles_its_denoiser_as_its_config_says(
    new_run: NewRun, calls: list[dict[str, Any]]
) -> None:
    runs.finished(new_run, "plain", train__steps=1)
    assert calls == []
    runs.finished(
        new_run,
        train__steps=1,
        **COMPILED,
        model__compile_mode="max-autotune-no-cudagraphs",
        model__compile_dynamic=False,
    )
    mode = "max-autotune-no-cudagraphs"
    assert calls == [{"dynamic": False, "mode": mode, "fullgraph": False}]


def test_without_a_compiler_the_run_goes_on_and_says_so(
    new_run: NewRun, calls: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    folder = runs.finished(new_run, train__steps=1, **COMPILED)
    assert calls == []
    told = [event["message"] for event in runs.kinds(folder, "warning")]
    assert "The model is not compiled: there is no C++ compiler." in told


@pytest.mark.soak
@pytest.mark.skipif(bool(compiling.missing_compiler(CPU)), reason="no C++ compiler here")
def test_compiled_steps_equal_plain_ones_and_files_keep_their_names(new_run: NewRun) -> None:
    settings: dict[str, Any] = {"train__steps": 3, "save__save_every": 3}
    plain = runs.finished(new_run, "plain", **settings)
    compiled = runs.finished(new_run, "compiled", **settings, **COMPILED)
    one, other = runs.state_of(plain, 3), runs.state_of(compiled, 3)
    assert one.keys() == other.keys()
    assert max(float((one[name] - other[name]).abs().max()) for name in one) < 1e-4
    assert runs.weights_file(plain).keys() == runs.weights_file(compiled).keys()
