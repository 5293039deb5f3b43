"""What recording on shapes says is what a real step keeps, and the formula agrees at any size.

The table of errors per family and bucket is printed (`pytest -s`).
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.counts.activations import Recorder
from engine.counts.model import opened, prompt_row
from engine.counts.recording import Kept, Living, fake
from engine.families import family_for
from engine.networks import build
from schema.estimate import activations
from schema.estimate.counts import Point
from schema.estimate.scope import model_part
from tests.engine.counts import models

TOLERANCE = 0.05
"""Of the formula against recording: odd sizes are rounded up inside a network."""
BUCKETS = [(1, (1.25, 0.75)), (3, (0.75, 1.25)), (4, (0.5, 0.5))]
NETWORKS = {"lora": models.LORA, "whole": None}


def recorder_of(process: Any, dtype: torch.dtype) -> Recorder:
    """A recorder on the model without weights; use it inside `fake`."""
    part = model_part(process)
    family = opened(part, dtype)
    trained = build(family, part.network, part.train, "safetensors", 0)
    with fake():
        return Recorder(family, trained, part, prompt_row(family))


@pytest.mark.parametrize(
    ("arch", "network"), [("sd1", "lora"), ("sd1", "whole"), ("sdxl", "lora"), ("flux", "lora")]
)
def test_the_formula_agrees_with_recording_at_every_bucket(
    arch: str, network: str, model_of: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    process = models.process(arch, model_of(arch), NETWORKS[network], dtype="bf16")
    recorder = recorder_of(process, torch.bfloat16)
    multiple, side = recorder._family.size_multiple, recorder.sizes()[1][0]
    worst = 0.0
    with fake():
        for checkpointed in (False, True):
            if checkpointed:
                recorder.checkpoint()
            points = [recorder.training(*one) for one in recorder.points()]
            for batch, (across, down) in BUCKETS:
                size = tuple(round(side * share / multiple) * multiple for share in (across, down))
                real = recorder.training(batch, (size[0], size[1]))
                worst = max(worst, *_errors(arch, network, checkpointed, points, real, capsys))
    assert worst < TOLERANCE


def _errors(
    arch: str,
    network: str,
    checkpointed: bool,
    points: list[Point],
    real: Point,
    capsys: pytest.CaptureFixture[str],
) -> tuple[float, float]:
    """Of what is kept and of the peak, as shares; a line of the table."""
    kept = activations.kept(points, real.batch, real.pixels)
    peak = activations.peak(points, real.batch, real.pixels)
    assert kept is not None
    assert peak is not None
    off = kept / real.kept - 1, peak / real.peak - 1
    how = "checkpointed" if checkpointed else "plain"
    with capsys.disabled():
        print(
            f"\n{arch:5} {network:6} {how:12} {real.batch} x {real.pixels:>8} pixels: "
            f"kept {real.kept / 2**20:8.1f} MiB {off[0]:+.2%}, "
            f"peak {real.peak / 2**20:8.1f} MiB {off[1]:+.2%}",
            end="",
        )
    return abs(off[0]), abs(off[1])


@pytest.mark.parametrize(
    ("arch", "network", "checkpointed"),
    [
        ("sd1", "lora", False),
        ("sd1", "whole", True),
        ("sdxl", "lora", True),
        ("flux", "lora", False),
        ("flux", "lora", True),
    ],
)
def test_recording_on_shapes_equals_recording_a_real_step(
    arch: str, network: str, checkpointed: bool, model_of: Callable[[str], Path]
) -> None:
    process = model_part(models.process(arch, model_of(arch), NETWORKS[network]))
    recorder = recorder_of(process, torch.float32)
    real = _really(process)
    size = (64, 96)
    if checkpointed:
        recorder.checkpoint()
        real.checkpoint()
    with fake():
        expected = recorder.training(2, size)
    found = real.training(2, size)
    assert found.kept == pytest.approx(expected.kept, rel=0.002)
    assert found.peak == pytest.approx(expected.peak, rel=0.02)


def _really(process: Any) -> Recorder:
    """The same recorder on a model with weights, which computes."""
    exact = torch.float32 if process.network is None else None
    family = family_for(process.model.arch).open(
        process.model, process.train, torch.device("cpu"), torch.float32
    )
    family.load_text_encoders()
    family.load_vae()
    family.load_denoisers(exact)
    trained = build(family, process.network, process.train, "safetensors", 0)
    with torch.no_grad():
        row = family.encode_prompts(["a photo"])
    return Recorder(family, trained, process, row)


def test_a_storage_counts_once_and_weights_do_not() -> None:
    layer = torch.nn.Linear(8, 8)
    x = torch.randn(4, 8, requires_grad=True)
    kept = Kept([layer])
    with kept.watching():
        y = layer(x).square()
    assert kept.bytes == 2 * 4 * 8 * 4  # x for the weight's gradient, the output for the square's
    del y


def test_the_peak_is_the_most_that_lived_at_once() -> None:
    living = Living([])
    with living:
        first = torch.zeros(1000)
        second = first + 1
        del first
        gc.collect()
        third = second + 1
    assert living.peak == 8000
    assert living.bytes == 8000
    del second, third
    assert living.bytes == 0
