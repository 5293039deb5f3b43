"""Guidance and preservation on a model with a guidance input: what it is told, and whole runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from engine.families.flux import Flux
from schema.run.layout import RunFolder
from tests.engine.core.runs import equal, finished, rows, weights_file

NewRun = Callable[..., RunFolder]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[list[float]]:
    """The guidance of every pass; the configured one where nothing else is said."""
    found: list[list[float]] = []
    predict = Flux.predict

    def listening(family: Any, denoiser: Any, latents: Tensor, *rest: Any) -> Tensor:
        guidance_B = rest[2]
        usual = [family._told_guidance] * len(latents)
        found.append(usual if guidance_B is None else guidance_B.tolist())
        return predict(family, denoiser, latents, *rest)

    monkeypatch.setattr(Flux, "predict", listening)
    return found


@pytest.mark.proves("train.cfg_scale", "train.do_random_cfg")
def test_the_model_is_told_the_scale_that_is_drawn(
    new_run: NewRun, told: list[list[float]]
) -> None:
    finished(new_run, "plain", train__cfg_scale=3.5, train__steps=1)
    assert told == [[3.5] * 2]
    told.clear()
    finished(new_run, "drawn", train__do_random_cfg=True, train__max_cfg_scale=4.0, train__steps=3)
    assert [len(each) for each in told] == [4] * 3
    assert all(len(set(each)) == 1 for each in told)
    assert len({each[0] for each in told}) == 3
    assert all(1 <= each[0] <= 4 for each in told)


@pytest.mark.proves("train.guidance_loss_target")
def test_every_pass_of_a_step_is_told_the_same_strengths(
    new_run: NewRun, told: list[list[float]]
) -> None:
    options: dict[str, Any] = {"train__do_guidance_loss": True, "train__steps": 2}
    finished(
        new_run,
        train__guidance_loss_target=[2.0, 4.0],
        train__blank_prompt_preservation=True,
        **options,
    )
    assert len(told) == 8  # unconditional, trained, and two of preservation
    assert told[0] == told[1] == told[2] == told[3] != told[4]
    assert told[0][0] != told[0][1]
    assert all(2 <= strength <= 4 for each in told for strength in each)
    told.clear()
    finished(new_run, "fading", train__guidance_loss_schedule="sigma", **options)
    assert told[0] == [3.0, 3.0]  # what fades is the target


OPTIONS: dict[str, dict[str, Any]] = {
    "cfg": {"train__do_cfg": True, "train__cfg_scale": 3.0, "train__cfg_rescale": 1.5},
    "target": {"train__do_guidance_loss": True, "train__do_guidance_loss_cfg_zero": True},
    "class": {
        "trigger_word": "sks",
        "train__diff_output_preservation": True,
        "train__diff_output_preservation_class": "circle",
    },
    "away": {"train__do_prior_divergence": True},
    "blank": {"train__do_blank_stabilization": True, "datasets__caption_dropout_rate": 0.5},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_a_run_goes_on_bit_for_bit(new_run: NewRun, name: str) -> None:
    options = OPTIONS[name] | {
        "train__cache_text_embeddings": name != "class",
        "train__unload_text_encoder": name == "class",
        "train__dtype": "bf16",
        "train__do_differential_guidance": True,
        "save__save_every": 2,
    }
    straight = finished(new_run, "straight", train__steps=4, **options)
    finished(new_run, "parts", train__steps=2, **options)
    parts = finished(new_run, "parts", train__steps=4, **options)
    assert equal(weights_file(parts), weights_file(straight))
    assert rows(parts) == rows(straight)
    assert all(torch.isfinite(value).all() for value in weights_file(straight).values())
