"""Whole runs with control pictures and masks: with an assistant, and with what holds outside."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from schema.run.layout import RunFolder
from schema.run.status import read_status
from tests.engine.core.runs import equal, finished, rows, run_here, weights_file
from tests.engine.core.stepwise import Bench, make_batch
from tests.engine.core.test_assistants import build_t2i

NewRun = Callable[..., RunFolder]


@pytest.fixture
def masks(tmp_path: Path, pictures: Path) -> Path:
    """The left half of every picture."""
    folder = tmp_path / "masks"
    folder.mkdir()
    for path in pictures.glob("*.png"):
        mask = Image.new("L", (64, 64), 0)
        mask.paste(255, (0, 0, 32, 64))
        mask.save(folder / path.name)
    return folder


@pytest.mark.proves("train.adapter_assist_name_or_path", "train.match_adapter_chance")
def test_a_run_with_an_assistant_goes_on_bit_for_bit(
    new_run: NewRun, tmp_path: Path, pictures: Path
) -> None:
    control = shutil.copytree(pictures, tmp_path / "control")
    adapter = build_t2i(tmp_path / "t2i")
    before = (adapter / "diffusion_pytorch_model.safetensors").read_bytes()
    options: dict[str, Any] = {
        "train__adapter_assist_name_or_path": str(adapter),
        "train__match_adapter_chance": 0.5,
        "datasets__control_path": str(control),
        "save__save_every": 2,
    }
    plain = finished(new_run, "plain", train__steps=4)
    straight = finished(new_run, "straight", train__steps=4, **options)
    finished(new_run, "parts", train__steps=2, **options)
    parts = finished(new_run, "parts", train__steps=4, **options)
    assert equal(weights_file(parts), weights_file(straight))
    assert rows(parts) == rows(straight)
    assert all(rows(plain)[step]["loss"] != rows(straight)[step]["loss"] for step in range(1, 5))
    assert (adapter / "diffusion_pytorch_model.safetensors").read_bytes() == before
    assert weights_file(straight).keys() == weights_file(plain).keys()


def test_an_assistant_that_is_not_there_ends_the_run_with_its_option(
    new_run: NewRun, tmp_path: Path, pictures: Path
) -> None:
    folder = new_run(
        train__adapter_assist_name_or_path=str(tmp_path / "none"),
        datasets__control_path=str(pictures),
    )
    assert run_here(folder) == 1
    status = read_status(folder)
    assert status is not None
    assert "T2IAdapter" in status["error"]


@pytest.mark.proves("train.inverted_mask_prior", "train.inverted_mask_prior_multiplier")
def test_outside_the_mask_a_run_is_held_to_the_untrained_model(
    new_run: NewRun, masks: Path
) -> None:
    options: dict[str, Any] = {"datasets__mask_path": str(masks), "train__steps": 3}
    plain = rows(finished(new_run, "plain", **options))
    held = {
        strength: rows(
            finished(
                new_run,
                f"held_{strength:g}",
                train__inverted_mask_prior=True,
                train__inverted_mask_prior_multiplier=strength,
                **options,
            )
        )
        for strength in (0.0, 0.5, 500.0)
    }
    assert held[0.0] == plain
    # A new network is the untrained model: nothing is added yet.
    assert held[500.0][1]["loss"] == pytest.approx(plain[1]["loss"], rel=1e-6)
    assert held[500.0][2]["loss"] > held[0.5][2]["loss"] > plain[2]["loss"]


@pytest.mark.proves("train.inverted_mask_prior", "train.inverted_mask_prior_multiplier")
def test_the_extra_loss_is_linear_and_needs_one_more_pass(tiny_sd1: Path) -> None:
    bench = Bench(tiny_sd1)
    mask = torch.ones(4, 1, 64, 64)
    mask[..., 32:] = 0
    dataset = {"mask_path": "masks"}
    plain = bench.seen(make_batch(mask_B1HW=mask), dataset=dataset)
    assert bench.calls == 1
    found = []
    for strength in (1.0, 3.0):
        options: dict[str, Any] = {"inverted_mask_prior_multiplier": strength}
        batch = make_batch(mask_B1HW=mask)
        seen = bench.seen(batch, inverted_mask_prior=True, dataset=dataset, **options)
        assert bench.calls == 2
        found.append(seen.total - plain.total)
        assert torch.equal(seen.example.target, plain.example.target)
    assert found[1] == pytest.approx(3 * found[0], rel=1e-3)
    assert found[0] > 0
    bench.seen(make_batch(), inverted_mask_prior=True, dataset=dataset)
    assert bench.calls == 1


@pytest.mark.proves("datasets[].mask_path")
def test_what_a_mask_leaves_out_has_no_gradient(tiny_sd1: Path) -> None:
    """The same step with other noise to predict under the black part has the same gradients."""
    bench = Bench(tiny_sd1)
    mask = torch.ones(4, 1, 64, 64)
    mask[..., 32:] = 0
    gradients = []
    for change in (0.0, 1.0):
        objective = bench.objective(dataset={"mask_path": "masks"})

        def move(example: Any, change: float = change) -> None:
            example.target = example.target.clone()
            example.target[..., 4:] += change

        objective._places.target.append(move)  # type: ignore[attr-defined]
        bench.seen(make_batch(mask_B1HW=mask), objective=objective)
        gradients.append(bench.gradients())
    assert equal(*gradients)
