"""Validation: the documented numbers, at the documented steps, without touching training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from engine.data.images import to_tensor
from engine.errors import DataError
from engine.flow import FlowTable
from engine.noise import NoiseTable, make_betas
from engine.validation.held_out import encode
from engine.validation.validating import Schedule, summary, timesteps
from schema.run.layout import RunFolder
from schema.sections.train import ValidationConfig
from tests.engine.core import runs

NewRun = Callable[..., RunFolder]
SIGMAS = [1.0, 0.5]


@pytest.fixture
def held_out(tmp_path: Path) -> list[dict[str, str]]:
    """Two pictures that are not trained on, one wide."""
    found = []
    for index, size in enumerate(((96, 96), (128, 64))):
        path = tmp_path / f"held{index}.png"
        Image.effect_noise(size, 60).convert("RGB").save(path)
        found.append({"image_path": str(path), "prompt": "a [trigger] circle"})
    return found


def config(items: list[dict[str, str]], **more: Any) -> dict[str, Any]:
    return {"validation_items": items, "resolution": 64, "validation_sigmas": SIGMAS, **more}


def measured(folder: RunFolder) -> dict[int, dict[str, float]]:
    """The validation values by step."""
    found = {
        step: {name: value for name, value in row.items() if name.startswith("val/")}
        for step, row in runs.rows(folder).items()
    }
    return {step: values for step, values in found.items() if values}


@pytest.mark.proves(
    "train.validation_config",
    "train.validation_config.validation_items",
    "train.validation_config.validation_items[].image_path",
    "train.validation_config.validation_sigmas",
    "train.validation_config.resolution",
)
def test_the_loss_is_the_mean_squared_error_at_fixed_levels_and_noise(
    new_run: NewRun, held_out: list[dict[str, str]], sd1: Any
) -> None:
    folder = runs.finished(
        new_run,
        train__validation_config=config(held_out),
        train__lr=0.0,
        train__steps=10,
        trigger_word="sks",
        network__dropout=0.5,
    )
    rows = measured(folder)
    assert sorted(rows) == [1, 10]
    assert rows[1] == rows[10]  # nothing was learned, so it is the same to the last bit
    losses = []
    for index, item in enumerate(held_out):
        picture = Image.open(item["image_path"]).resize(((64, 64), (80, 48))[index], 3)
        draw = torch.Generator().manual_seed(42)
        x0 = sd1.encode_images(to_tensor(picture)[None], [draw])
        eps = torch.randn(x0.shape, generator=torch.Generator().manual_seed(42 + index))
        text = sd1.encode_prompts(["a sks circle"])
        for t in (999, 500):
            signal = sd1.noise_table().alphas_cumprod[t]
            noisy = signal.sqrt() * x0 + (1 - signal).sqrt() * eps
            with torch.no_grad():
                answer = sd1.predict(sd1.denoisers[0], noisy, torch.tensor([t]), text)
            losses.append(float((answer - eps).square().mean()))
    assert rows[1]["val/loss"] == pytest.approx(sum(losses) / 4, rel=1e-5)
    pictures = [sum(losses[:2]) / 2, sum(losses[2:]) / 2]
    assert rows[1]["val/low"] == pytest.approx(min(pictures), rel=1e-5)
    assert rows[1]["val/high"] == pytest.approx(max(pictures), rel=1e-5)
    assert rows[1]["val/sigma_0.5"] == pytest.approx((losses[1] + losses[3]) / 2, rel=1e-5)


@pytest.mark.proves("train.validation_config", "train.validation_config.validate_every_n_steps")
@pytest.mark.parametrize(("every", "steps"), [(3, [1, 3, 6]), (0, [1]), (None, [1])])
def test_it_comes_every_n_steps_and_training_stays_the_same_bit_for_bit(
    new_run: NewRun, held_out: list[dict[str, str]], every: int | None, steps: list[int]
) -> None:
    options: dict[str, Any] = {"network__dropout": 0.3, "datasets__cache_latents": False}
    plain = runs.finished(new_run, "plain", **options)
    folder = runs.finished(
        new_run,
        **options,
        train__validation_config=config(held_out, validate_every_n_steps=every),
    )
    assert sorted(measured(folder)) == steps
    assert runs.equal(runs.state_of(plain, 6), runs.state_of(folder, 6))
    without = {
        step: {name: value for name, value in row.items() if not name.startswith("val/")}
        for step, row in runs.rows(folder).items()
    }
    assert without == runs.rows(plain)


def test_a_run_that_goes_on_measures_what_an_unbroken_one_does(
    new_run: NewRun, held_out: list[dict[str, str]]
) -> None:
    options = {"train__validation_config": config(held_out, validate_every_n_steps=2)}
    whole = measured(runs.finished(new_run, "whole", **options))
    runs.finished(new_run, "broken", **options, train__steps=3)
    again = runs.finished(new_run, "broken", **options)
    assert measured(again) == whole


def test_a_trained_text_encoder_reads_the_prompts_anew(
    new_run: NewRun, held_out: list[dict[str, str]]
) -> None:
    options: dict[str, Any] = {
        "train__validation_config": config(held_out, validate_every_n_steps=1),
        "train__train_unet": False,
        "train__train_text_encoder": True,
    }
    rows = measured(runs.finished(new_run, **options, train__lr=1e-2))
    assert len({row["val/loss"] for row in rows.values()}) == len(rows)


@pytest.mark.proves(
    "train.validation_config.validation_items[].prompt",
    "train.validation_config.validation_items[].image_path",
    "train.validation_config.resolution",
)
def test_pictures_are_read_once_at_the_size_of_their_shape(
    held_out: list[dict[str, str]], sd1: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    inner = sd1.encode_prompts

    def listening(prompts: list[str]) -> Any:
        asked.extend(prompts)
        return inner(prompts)

    monkeypatch.setattr(sd1, "encode_prompts", listening)
    before = torch.random.get_rng_state()
    told: list[tuple[str, int, int]] = []
    found = encode(
        ValidationConfig.model_validate(config(held_out)), sd1, "sks", lambda *a: told.append(a)
    )
    assert asked == ["a sks circle"] * 2
    assert [tuple(one.latents.shape) for one in found] == [(4, 8, 8), (4, 6, 10)]
    assert [one.sizes_6.tolist() for one in found] == [
        [96, 96, 0, 0, 64, 64], [64, 128, 0, 0, 48, 80],
    ]  # fmt: skip
    assert len(told) == 2
    assert torch.equal(before, torch.random.get_rng_state())
    broken = ValidationConfig.model_validate(config([{"image_path": "nowhere.png"}]))
    with pytest.raises(DataError, match="nowhere"):
        encode(broken, sd1, None, lambda *a: None)


def test_levels_are_indices_of_a_table_and_thousandths_of_a_straight_path() -> None:
    table = NoiseTable(make_betas("scaled_linear", 0.00085, 0.012, 1000))
    assert timesteps(table, [1.0, 0.75, 0.0001]).tolist() == [999, 750, 0]
    flow = FlowTable()
    assert timesteps(flow, [1.0, 0.25]).tolist() == [1000.0, 250.0]


def test_the_band_is_between_the_easiest_and_the_hardest_picture() -> None:
    found = summary(torch.tensor([[1.0, 3.0], [5.0, 7.0]]), [1.0, 0.5])
    assert {name: float(value) for name, value in found.items()} == {
        "val/loss": 4.0, "val/low": 2.0, "val/high": 6.0, "val/sigma_1": 3.0, "val/sigma_0.5": 5.0,
    }  # fmt: skip
    assert [step for step in range(11, 31) if Schedule(11, 10).due(step)] == [11, 20, 30]
