"""Losses and targets of flow matching on a tiny FLUX.1: whole runs, from config to checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schema.run.layout import RunFolder
from tests.engine.core.runs import equal, finished, rows, weights_file
from tests.engine.core.test_features import stack_file

NewRun = Callable[..., RunFolder]

OPTIONS: dict[str, dict[str, Any]] = {
    "wavelet": {"loss_type": "wavelet"},
    "stepped": {"loss_type": "stepped"},
    "pixelspace": {"loss_type": "pixelspace"},
    "source": {"loss_target": "source"},
    "clean": {"t0_loss_target": True, "t0_velocity_equiv_weight": True},
    "fft": {"do_fft_loss": True, "do_fft_velocity_equiv_weight": True},
    "amplified": {"do_signal_amplification": True},
    "normed": {"correct_pred_norm": True, "correct_pred_norm_multiplier": 0.5},
    "noise": {"noise_offset": 0.1, "blended_blur_noise": True, "random_noise_shift": 0.1},
    "latents": {"adaptive_scaling_factor": True, "match_noise_norm": True},
    "paired": {"optimal_noise_pairing_samples": 4, "weight_jitter": 0.2},
}
THE_SAME = {"wavelet", "source", "clean", "normed"}
"""Those that are the plain velocity loss at the first step: orthonormal bands keep energy, errors
of untouched noise divide by sigma^2, and a new LoRA has nothing to be corrected to.
"""


@pytest.mark.parametrize("name", OPTIONS)
def test_a_flow_model_trains_with_it(new_run: NewRun, name: str) -> None:
    options = {f"train__{key}": value for key, value in OPTIONS[name].items()}
    plain = rows(finished(new_run, "plain", train__steps=1))[1]
    found = rows(finished(new_run, name, train__steps=2, **options))
    assert found[1]["grad_norm"] > 0
    assert (found[1]["loss"] == pytest.approx(plain["loss"], rel=1e-3)) == (name in THE_SAME)


def test_a_feature_extractor_adds_its_part_to_the_loss(new_run: NewRun, tmp_path: Path) -> None:
    path = stack_file(tmp_path, channels=16)
    plain = rows(finished(new_run, "plain", train__steps=1))[1]
    folder = finished(
        new_run,
        "features",
        train__steps=1,
        train__diffusion_feature_extractor_path=str(path),
        train__diffusion_feature_extractor_weight=5.0,
    )
    found = rows(folder)[1]
    assert found["loss/features"] > 0
    assert found["loss"] == pytest.approx(plain["loss"] + found["loss/features"], rel=1e-5)


def test_flow_losses_resume_exactly(new_run: NewRun) -> None:
    options: dict[str, Any] = {"save__save_every": 2, "train__dtype": "bf16"}
    for name in ("fft", "normed", "paired"):
        options |= {f"train__{key}": value for key, value in OPTIONS[name].items()}
    straight = finished(new_run, "straight", train__steps=4, **options)
    finished(new_run, "parts", train__steps=2, **options)
    parts = finished(new_run, "parts", train__steps=4, **options)
    assert equal(weights_file(parts), weights_file(straight))
    assert rows(parts) == rows(straight)
