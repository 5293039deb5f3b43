"""`finetui bench`: figures that fit together, on the machine that is there."""

import argparse
import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from engine import bench
from tests.house.files import ROOT
from tui.commands import bench as command

TINY = bench.Asked("sd1", "tiny", 5, 2, 64, "fp32", full=False, checkpointing=False)


def finetui_bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "tui.cli", "bench", *arguments],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=200,
    )


def test_the_figures_fit_together() -> None:
    found = bench.measure(TINY, torch.device("cpu"))
    assert found.images_per_second == pytest.approx(2 / found.step_seconds)
    assert found.tflops_per_second == pytest.approx(
        found.flops_per_step / found.step_seconds / 1e12
    )
    assert 0 < found.trained_parameters < found.parameters
    assert found.memory > 10**7
    assert found.mfu is None, "a CPU has no peak to compare with"


def test_the_operations_grow_with_the_batch_and_not_with_checkpointing() -> None:
    once = bench.step_flops(TINY)
    assert bench.step_flops(replace(TINY, batch=4)) == pytest.approx(2 * once, rel=0.02)
    assert bench.step_flops(replace(TINY, checkpointing=True)) == once
    # Of a full fine-tune the backward pass also has the gradient of every weight.
    assert bench.step_flops(replace(TINY, full=True)) > once


def test_the_real_size_has_the_parameters_of_the_original_release() -> None:
    from engine.bench_models import MODELS

    family = MODELS["sd1"]("real", torch.device("meta"), torch.float32)
    family.load_denoisers()
    count = sum(p.numel() for p in family.denoisers[0].module.parameters())
    assert count == 859_520_964
    assert family.latent_shape(512, 512) == (4, 64, 64)


def test_the_command_prints_one_json_object_and_nothing_else() -> None:
    result = finetui_bench("--steps", "5", "--batch", "1", "--json", "--device", "cpu")
    assert result.returncode == 0, result.stderr
    figures = json.loads(result.stdout)
    assert (figures["family"], figures["size"], figures["batch"]) == ("sd1", "tiny", 1)
    assert figures["steps_per_second"] > 0


def test_a_device_that_is_not_there_is_said_in_a_sentence() -> None:
    result = finetui_bench("--device", "cuda:99")
    assert result.returncode == 2
    assert "cuda:99" in result.stderr
    assert "Traceback" not in result.stderr


def test_without_torch_the_command_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command.importlib.util, "find_spec", lambda name: None)
    assert command.run(argparse.Namespace()) == 3
    assert "finetui[engine]" in capsys.readouterr().err


def test_the_text_names_the_utilisation_only_where_there_is_one() -> None:
    found = vars(bench.measure(TINY, torch.device("cpu")))
    assert "utilisation" not in command.as_text(found)
    known = {**found, "peak_tflops": 989.0, "mfu": 0.4}
    assert "utilisation 40.0% of 989 TFLOPS (MFU)" in command.as_text(known)


@pytest.mark.parametrize(
    ("name", "peak"),
    [
        ("NVIDIA H200", 989.0),
        ("NVIDIA H100 PCIe", 756.0),
        ("NVIDIA L40S", 362.0),
        ("NVIDIA L4", 121.0),
        ("NVIDIA GeForce RTX 4090", 165.2),
        ("Some Other GPU", None),
    ],
)
def test_the_peak_is_that_of_the_device(
    monkeypatch: pytest.MonkeyPatch, name: str, peak: float | None
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: name)
    assert bench.peak_tflops(torch.device("cuda")) == peak
    assert bench.peak_tflops(torch.device("cpu")) is None


@pytest.mark.gpu
def test_a_gpu_reports_its_utilisation() -> None:
    found = bench.measure(replace(TINY, dtype="bf16"), torch.device("cuda"))
    assert found.peak_tflops is None or 0 < (found.mfu or 0) < 1
