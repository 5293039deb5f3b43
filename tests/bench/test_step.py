"""Bars: the demo's training step against a plain loop over the same tensors.

Counting is exact and belongs to `make test`; timing wants a quiet machine (`make bench`).
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from schema.run.layout import RunFolder
from schema.run.metrics import MetricsReader
from tests.bench.bench_recording import record
from tests.bench.measure import compare, ratio_of
from tests.house.files import ROOT

# What the engine does beyond the loop in a step, each with its reason.
MORE: dict[str, tuple[int, str]] = {
    "aten.cat": (1, "noise is drawn per picture, so that batches can be split at will"),
    "aten.stack": (1, "the batch is put together from cached rows"),
    "aten.index": (1, "the batch is put together from cached rows"),
    "aten.lift_fresh": (2, "the timesteps come as numbers"),
    "aten.mean": (2, "the loss is kept per picture, for the chart by timestep"),
    "aten.detach": (2, "the loss per picture and the total are kept for the recorder"),
    "aten.div": (2, "the means' gradients"),
    "aten.expand": (2, "the means' gradients"),
    "aten.view": (4, "noise levels are broadcast over the latents"),
    "aten.clamp_": (1, "clipping, in place where torch's own copies"),
}
SYNCS = ("aten._local_scalar_dense", "aten.item", "aten.is_nonzero", "aten.nonzero", "aten.equal")
PAIRS = 20
RATIO_BAR = 1.05
START_BAR = 1.3
RECORDING_BAR = 0.005


def step_pairs(config: Path, work: Path, pairs: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.bench.step_pairs", str(config), str(work), str(pairs)]
    result = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert result.returncode == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def counts(demo_config: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Calls per step, by name, of both."""
    return step_pairs(demo_config, tmp_path_factory.mktemp("run") / "bench", pairs=0)


def test_a_step_makes_no_more_calls_than_the_plain_loop_but_for_a_listed_few(
    counts: dict[str, Any],
) -> None:
    ours, plain = counts["engine"], counts["plain"]
    extra = {name: ours[name] - plain.get(name, 0) for name in ours}
    beyond = {n: more for n, more in extra.items() if more > MORE.get(n, (0, ""))[0]}
    assert not beyond, f"more calls than the plain loop and than the list allows: {beyond}"
    assert sum(ours.values()) <= sum(plain.values()) + sum(more for more, _ in MORE.values())


def test_a_step_never_waits_for_the_device(counts: dict[str, Any]) -> None:
    assert {name: counts["engine"].get(name, 0) for name in SYNCS} == dict.fromkeys(SYNCS, 0)


def test_the_plain_loop_is_shorter_than_sixty_lines() -> None:
    assert len((ROOT / "tests/bench/plain_loop.py").read_text().splitlines()) < 60


@pytest.mark.bench
def test_a_step_costs_at_most_a_twentieth_more_than_the_plain_loop(
    demo_config: Path, tmp_path: Path
) -> None:
    found = ratio_of(step_pairs(demo_config, tmp_path / "bench", PAIRS)["pairs"])
    print(f"\nCPU seconds of 50 training steps, engine / plain loop: {found}")
    assert found.median <= RATIO_BAR
    recording = record(tmp_path / "rows", 20_000) / 1e6
    share = recording / (found.ours / 50)
    print(f"recording a step: {recording * 1e6:.1f} microseconds, {share:.3%} of it")
    assert share < RECORDING_BAR


def first_step_of_the_engine(config: Path, work: Path) -> float:
    """Seconds from the start of the worker's process to its first completed step."""
    folder = RunFolder.create(work / f"run{time.monotonic_ns()}", config.read_text(), "start")
    begin = time.time()
    command = [sys.executable, "-P", "-m", "engine.worker", str(folder.path)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    reader = MetricsReader(folder.metrics)
    reader.poll()
    (row,) = reader.rows()
    return float(row["time"]) - begin


def first_step_of_the_plain_loop(config: Path) -> float:
    """The same for the plain loop as a script."""
    begin = time.time()
    command = [sys.executable, str(ROOT / "tests/bench/plain_run.py"), str(config)]
    result = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    return float(result.stdout.split()[-1]) - begin


@pytest.mark.bench
def test_the_first_step_comes_as_soon_as_that_of_the_plain_loop(
    demo_config: Path, tmp_path: Path
) -> None:
    data = yaml.safe_load(demo_config.read_text())
    data["config"]["process"][0]["train"] |= {"steps": 1, "disable_sampling": True}
    config = demo_config.with_name("one_step.yaml")
    config.write_text(yaml.safe_dump(data))
    found = compare(
        lambda: first_step_of_the_engine(config, tmp_path),
        lambda: first_step_of_the_plain_loop(config),
        pairs=7,
    )
    print(f"\nseconds to the first step, engine / plain loop: {found}")
    assert found.median <= START_BAR
