"""Whole runs with guidance and preservation: which prompts are encoded when, caches, resuming."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.families.base import Conditioning
from engine.families.sd1 import StableDiffusion1
from schema.run.layout import RunFolder
from tests.engine.core.runs import equal, finished, rows, state_of, weights_file

NewRun = Callable[..., RunFolder]

DOP: dict[str, Any] = {
    "trigger_word": "sks",
    "train__diff_output_preservation": True,
    "train__diff_output_preservation_class": "circle",
    "train__steps": 2,
}


@pytest.fixture
def pictures(pictures: Path, tmp_path: Path) -> Path:
    """Pictures without embeddings beside them."""
    return Path(shutil.copytree(pictures, tmp_path / "pictures"))


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every prompt that a text encoder is given."""
    found: list[str] = []
    encode = StableDiffusion1.encode_prompts

    def listening(family: Any, prompts: Sequence[str]) -> Conditioning:
        found.extend(prompts)
        return encode(family, prompts)

    monkeypatch.setattr(StableDiffusion1, "encode_prompts", listening)
    return found


@pytest.mark.proves(
    "train.diff_output_preservation",
    "train.diff_output_preservation_class",
    "datasets[].diff_output_preservation",
    "datasets[].diff_output_preservation_class",
)
def test_the_class_takes_the_place_of_the_trigger_word(new_run: NewRun, heard: list[str]) -> None:
    live = finished(new_run, "live", **DOP)
    spoken = [prompt for prompt in heard if "sks" in prompt]
    assert len(spoken) == 4
    assert {prompt.replace("sks", "circle") for prompt in spoken} == set(heard) - set(spoken)
    # A new network has not drifted; a network that has learned something has.
    assert rows(live)[1]["loss/preservation"] == 0
    assert rows(live)[2]["loss/preservation"] > 0
    assert rows(live)[2]["loss/normal"] < rows(live)[2]["loss"]
    # Cached, the captions of the class are encoded beside the others, each once.
    heard.clear()
    cached = finished(new_run, "cached", train__cache_text_embeddings=True, **DOP)
    assert sorted(heard) == sorted(set(heard))
    assert len(heard) == 16
    assert rows(cached)[2] == pytest.approx(rows(live)[2], rel=1e-4)
    # Copies in the datasets, as other trainers write them, change nothing.
    copies = {f"datasets__{name[7:]}": value for name, value in DOP.items() if "class" in name}
    copied = finished(new_run, "copied", datasets__diff_output_preservation=True, **copies, **DOP)
    assert equal(weights_file(copied), weights_file(live))


@pytest.mark.proves("train.diff_output_preservation")
def test_dropped_captions_have_a_class_too_and_unloaded_encoders_only_that(
    new_run: NewRun, heard: list[str]
) -> None:
    options = DOP | {"train__cache_text_embeddings": True}
    dropping = finished(new_run, "dropping", datasets__caption_dropout_rate=0.5, **options)
    assert {"sks", "circle"} <= set(heard)
    assert rows(dropping)[2]["loss/preservation"] > 0
    heard.clear()
    unloaded = finished(new_run, "unloaded", train__unload_text_encoder=True, **DOP)
    assert sorted(heard) == ["circle", "sks"]
    assert rows(unloaded)[2]["loss/preservation"] > 0


@pytest.mark.proves("train.unconditional_prompt", "train.blank_prompt_preservation")
def test_prompts_that_never_change_are_encoded_once(new_run: NewRun, heard: list[str]) -> None:
    options: dict[str, Any] = {
        "train__do_guidance_loss": True,
        "train__unconditional_prompt": "blurry",
        "train__blank_prompt_preservation": True,
        "train__steps": 3,
    }
    for name, more in (
        ("live", {}),
        ("cached", {"train__cache_text_embeddings": True}),
        ("trained", {"train__train_text_encoder": True}),
    ):
        heard.clear()
        folder = finished(new_run, name, **options, **more)
        assert heard.count("blurry") == 1
        assert heard.count("") == 1
        assert rows(folder)[3]["loss/preservation"] > 0


@pytest.mark.proves("train.do_cfg")
def test_guidance_with_encoders_that_are_gone_is_away_from_no_words(
    new_run: NewRun, heard: list[str]
) -> None:
    options: dict[str, Any] = {"train__do_cfg": True, "train__cfg_scale": 3.0, "train__steps": 2}
    live = finished(new_run, "live", **options)
    heard.clear()
    negative = {"train__negative_prompt": "dark", "train__cache_text_embeddings": True}
    cached = finished(new_run, "cached", **negative, **options)
    assert heard.count("") == 1
    assert "dark" not in heard
    assert rows(cached)[2] == pytest.approx(rows(live)[2], rel=1e-4)


@pytest.mark.proves("train.do_blank_stabilization")
def test_dropped_captions_are_told_from_those_that_are_not_read(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.changes import blank

    emptied: list[bool] = []
    change = blank.blank_stabilization

    def watching(example: Any) -> None:
        change(example)
        emptied.extend((example.latents.flatten(1).abs().amax(1) == 0).tolist())

    monkeypatch.setattr("engine.assembly.changes.blank_stabilization", watching)
    options: dict[str, Any] = {"train__do_blank_stabilization": True, "trigger_word": "sks"}
    finished(new_run, "dropping", datasets__caption_dropout_rate=0.5, **options)
    assert 2 < sum(emptied) < 10
    emptied.clear()
    finished(new_run, "unread", train__unload_text_encoder=True, **options)
    assert not any(emptied)


EVERYTHING: dict[str, Any] = {
    "do_random_cfg": True,
    "max_cfg_scale": 4.0,
    "cfg_rescale": 2.0,
    "negative_prompt": "dark",
    "max_negative_prompts": 2,
    "do_guidance_loss": True,
    "guidance_loss_target": [2.0, 4.0],
    "do_guidance_loss_cfg_zero": True,
    "guidance_loss_schedule": "sigma",
    "do_differential_guidance": True,
    "blank_prompt_preservation": True,
    "do_blank_stabilization": True,
    "gradient_checkpointing": True,
    "gradient_accumulation": 2,
}


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
def test_everything_at_once_resumes_exactly(new_run: NewRun, dtype: str) -> None:
    options = {f"train__{name}": value for name, value in EVERYTHING.items()} | {
        "train__dtype": dtype,
        "save__save_every": 2,
        "network__dropout": 0.2,
        "train__train_text_encoder": dtype == "fp32",
        "datasets__caption_dropout_rate": 0.3,
    }
    straight = finished(new_run, "straight", train__steps=4, **options)
    finished(new_run, "parts", train__steps=2, **options)
    parts = finished(new_run, "parts", train__steps=4, **options)
    assert equal(state_of(parts, 4), state_of(straight, 4))
    assert rows(parts) == rows(straight)
    assert all(torch.isfinite(value).all() for value in weights_file(straight).values())
