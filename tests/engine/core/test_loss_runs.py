"""Whole runs with options of noise, targets and losses: files, log lines, resuming."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from schema.run.layout import RunFolder
from schema.run.status import read_status
from tests.engine.core.runs import equal, finished, rows, run_here, state_of, weights_file

NewRun = Callable[..., RunFolder]


@pytest.mark.proves("train.learnable_snr_gos")
def test_the_learnable_weighting_is_kept_beside_the_checkpoint_and_resumes_exactly(
    new_run: NewRun,
) -> None:
    options: dict[str, Any] = {"train__learnable_snr_gos": True, "save__save_every": 3}
    straight = finished(new_run, "straight", **options)
    numbers = json.loads((straight.path / "learnable_snr.json").read_text())
    assert set(numbers) == {"offset_1", "offset_2", "scale", "gamma"}
    assert numbers["gamma"] != 2.03
    finished(new_run, "parts", train__steps=3, **options)
    halfway = json.loads(((straight.path.parent / "parts") / "learnable_snr.json").read_text())
    assert halfway != numbers
    parts = finished(new_run, "parts", **options)
    assert json.loads((parts.path / "learnable_snr.json").read_text()) == numbers
    assert equal(state_of(parts, 6), state_of(straight, 6))
    assert rows(parts) == rows(straight)


def test_a_fresh_run_starts_from_the_numbers_that_lie_in_its_folder(new_run: NewRun) -> None:
    options: dict[str, Any] = {"train__learnable_snr_gos": True, "train__steps": 1}
    usual = finished(new_run, "usual", save__save_every=1, **options)
    other = new_run("other", save__save_every=1, **options)
    (other.path / "learnable_snr.json").write_text('{"offset": 5.0}')
    assert run_here(other) == 0
    found = json.loads((other.path / "learnable_snr.json").read_text())
    assert found["offset_2"] == pytest.approx(5.0, abs=0.1)
    assert rows(other)[1]["loss"] != rows(usual)[1]["loss"]
    broken = new_run("broken", **options)
    (broken.path / "learnable_snr.json").write_text('{"offset": "much"}')
    assert run_here(broken) == 1
    status = read_status(broken)
    assert status is not None
    assert "learnable_snr.json" in status["error"]


@pytest.mark.proves("train.max_loss_debug")
def test_the_log_has_a_line_for_every_step_whose_loss_was_capped(
    new_run: NewRun, capsys: pytest.CaptureFixture[str]
) -> None:
    options: dict[str, Any] = {"train__max_loss": 0.01, "train__steps": 3}
    silent = finished(new_run, "silent", **options)
    assert "max_loss" not in capsys.readouterr().out
    finished(new_run, "telling", train__max_loss_debug=True, **options)
    lines = [line for line in capsys.readouterr().out.splitlines() if "above max_loss" in line]
    assert len(lines) == 3
    assert lines[0].startswith("step 1: the loss was ")
    assert all(row["loss"] == pytest.approx(0.01) for row in rows(silent).values())


@pytest.mark.proves("train.train_turbo", "train.show_turbo_outputs")
def test_turbo_training_shows_what_it_decodes(new_run: NewRun) -> None:
    options: dict[str, Any] = {
        "train__train_turbo": True,
        "train__noise_scheduler": "euler",
        "train__steps": 2,
        "datasets__cache_latents": False,
    }
    plain = finished(new_run, "plain", **options)
    assert not list(plain.samples.glob("turbo_*"))
    shown = finished(new_run, "shown", train__show_turbo_outputs=True, **options)
    (picture,) = shown.samples.glob("turbo_*.png")
    assert picture.name == "turbo_000000001.png"
    with Image.open(picture) as opened:
        assert opened.size == (128, 64)
    assert equal(weights_file(plain), weights_file(shown))


@pytest.mark.proves("train.loss_type")
def test_pixelspace_keeps_the_vae_beside_cached_latents(new_run: NewRun) -> None:
    folder = finished(new_run, train__loss_type="pixelspace", train__steps=2)
    assert len(rows(folder)) == 2


EVERYTHING: dict[str, Any] = {
    "noise_multiplier": 1.1,
    "target_noise_multiplier": 1.1,
    "random_noise_multiplier": 0.1,
    "random_noise_shift": 0.1,
    "dynamic_noise_offset": True,
    "img_multiplier": 0.9,
    "latent_multiplier": 0.9,
    "noisy_latent_multiplier": 1.01,
    "standardize_images": True,
    "standardize_latents": True,
    "optimal_noise_pairing_samples": 3,
    "blended_blur_noise": True,
    "do_signal_correction_noise": True,
    "signal_correction_noise_scale": 0.1,
    "do_batch_noise_correction": True,
    "batch_noise_correction_scale": 0.2,
    "match_noise_norm": True,
    "pred_scaler": 0.9,
    "weight_jitter": 0.1,
    "correct_pred_norm": True,
    "target_norm_std": True,
    "snr_gamma": 1.0,
    "max_loss": 100.0,
    "gradient_checkpointing": True,
}


def test_everything_at_once_trains_and_resumes_exactly(new_run: NewRun) -> None:
    """Nothing of it carries anything from step to step, and all of it works in half precision."""
    options = {f"train__{name}": value for name, value in EVERYTHING.items()} | {
        "train__dtype": "bf16",
        "save__save_every": 2,
        "datasets__cache_latents": False,
    }
    straight = finished(new_run, "straight", train__steps=4, **options)
    finished(new_run, "parts", train__steps=2, **options)
    parts = finished(new_run, "parts", train__steps=4, **options)
    assert equal(weights_file(parts), weights_file(straight))
    assert rows(parts) == rows(straight)
    assert "loss/target_norm" in rows(straight)[1]
