"""Two short runs of the tiny model, with and without an option, compared bit for bit."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from schema.catalogue import OptionInfo
from schema.document import Document
from schema.run.layout import RunFolder
from schema.run.status import read_status
from tests.engine.core import runs
from tests.engine.metamorphic.cases import (
    ALIKE,
    GIVEN,
    UNTRIED,
    Case,
    derived,
    faults,
    settings,
    text,
    tried,
)


def options_of(*sections: str) -> list[str]:
    """The paths to try, of some sections."""
    return [
        info.path
        for info in tried()
        if info.path.partition(".")[0].removesuffix("[]") in sections and info.path not in UNTRIED
    ]


class Runs:
    """Trains configs; the ones without an option are shared."""

    def __init__(self, folder: Path, model: Path, pictures: Path) -> None:
        self._folder, self._model, self._pictures = folder, model, pictures
        self._known: dict[str, dict[str, torch.Tensor]] = {}

    def after(self, chosen: dict[str, Any], *, shared: bool) -> dict[str, torch.Tensor]:
        """Everything that was trained and averaged, after the run."""
        key = json.dumps(chosen, sort_keys=True)
        if key not in self._known:
            found = self._train(chosen)
            if not shared:
                return found
            self._known[key] = found
        return self._known[key]

    def _train(self, chosen: dict[str, Any]) -> dict[str, torch.Tensor]:
        pictures = self._folder / "pictures"
        shutil.copytree(self._pictures, pictures)  # a run may leave caches beside them
        document = Document.parse(text("run", str(self._folder), str(self._model), str(pictures)))
        for path, value in chosen.items():
            document.set(path, value)
        folder = RunFolder.create(self._folder / "run", document.text(), "run")
        try:
            assert runs.run_here(folder) == 0, read_status(folder)
            state = max(folder.state.glob("step_*"))
            found: dict[str, torch.Tensor] = {}
            for part in ("trained", "ema"):
                if (state / f"{part}.safetensors").exists():
                    tensors = runs.state_of(folder, int(state.name.removeprefix("step_")), part)
                    found |= {f"{part}.{name}": tensor for name, tensor in tensors.items()}
            return found
        finally:
            shutil.rmtree(folder.path, ignore_errors=True)
            shutil.rmtree(pictures)


def case_of(info: OptionInfo) -> Case:
    """The case that is given, or the one that follows from the declaration."""
    case = GIVEN.get(info.path) or derived(info)
    if case is None:
        pytest.fail(f"{info.path} has no case: give one, or say in UNTRIED why there is none")
    assert faults(case) == []
    return case


def try_out(path: str, trained: Runs) -> None:
    """The trained numbers change where the option says that they may, and nowhere else."""
    info = next(info for info in tried() if info.path == path)
    case = case_of(info)
    without = trained.after(settings(case, case.before), shared=True)
    changed = trained.after(settings(case, case.value), shared=False)
    same = runs.equal(without, changed) if shapes(without) == shapes(changed) else False
    expected = info.on_resume == "safe" or path in ALIKE
    assert same == expected, f"{case.value!r} leaves the numbers {'alike' if same else 'changed'}"


def shapes(tensors: dict[str, torch.Tensor]) -> dict[str, tuple[int, ...]]:
    """Shapes by name."""
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}
