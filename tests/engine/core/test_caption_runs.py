"""Whole runs with caption options: what the text encoder hears, and what comes of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.families.base import Conditioning
from engine.families.sd1 import StableDiffusion1
from schema.run.layout import RunFolder
from tests.engine.core.runs import equal, finished, rows, state_of

NewRun = Callable[..., RunFolder]


@pytest.fixture
def pictures(pictures: Path, tmp_path: Path) -> Path:
    """Pictures of our own, with long and short captions."""
    folder = Path(shutil.copytree(pictures, tmp_path / "pictures"))
    for path in folder.glob("*.txt"):
        long = path.read_text()
        texts = {"caption": long, "caption_short": long.removeprefix("a photo of ")}
        path.with_suffix(".json").write_text(json.dumps(texts))
    return folder


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Every list of prompts that a text encoder is given."""
    found: list[list[str]] = []
    encode = StableDiffusion1.encode_prompts

    def listening(family: Any, prompts: Sequence[str]) -> Conditioning:
        found.append(list(prompts))
        return encode(family, prompts)

    monkeypatch.setattr(StableDiffusion1, "encode_prompts", listening)
    return found


def first_loss(folder: RunFolder) -> float:
    return rows(folder)[1]["loss"]


@pytest.mark.proves("train.short_and_long_captions")
@pytest.mark.parametrize("cached", [True, False], ids=["latents", "pixels"])
def test_both_captions_count_the_same(
    new_run: NewRun, heard: list[list[str]], monkeypatch: pytest.MonkeyPatch, cached: bool
) -> None:
    encoded: list[int] = []
    encode = StableDiffusion1.encode_images

    def encoding(family: Any, pixels: torch.Tensor, generator: Any = None) -> torch.Tensor:
        encoded.append(len(pixels))
        return encode(family, pixels, generator)

    monkeypatch.setattr(StableDiffusion1, "encode_images", encoding)
    usual: dict[str, Any] = {"train__steps": 1, "datasets__caption_ext": ".json"}
    usual["datasets__cache_latents"] = cached
    long = finished(new_run, "long", **usual)
    short = finished(new_run, "short", datasets__use_short_captions=True, **usual)
    heard.clear()
    encoded.clear()
    both = finished(new_run, "both", train__short_and_long_captions=True, **usual)
    assert first_loss(both) == pytest.approx((first_loss(long) + first_loss(short)) / 2, rel=1e-5)
    assert first_loss(long) != pytest.approx(first_loss(short), rel=1e-6)
    assert [len(prompts) for prompts in heard] == [4]
    # Pictures that stand in the batch twice go through the VAE once.
    assert encoded == ([1] * 8 if cached else [2])


@pytest.mark.proves("train.prompt_dropout_prob", "train.prompt_saturation_chance")
def test_what_the_text_encoder_hears(new_run: NewRun, heard: list[list[str]]) -> None:
    finished(new_run, "silent", train__prompt_dropout_prob=1.0, train__steps=2)
    assert heard == [["", ""]] * 2
    heard.clear()
    finished(new_run, "full", train__prompt_saturation_chance=1.0, train__steps=2)
    assert all(len(text.split(", ")) == 77 // len(text.split(", ")[0].split()) + 1
               for prompts in heard for text in prompts)  # fmt: skip


RANDOM: dict[str, Any] = {
    "datasets__token_dropout_rate": 0.3,
    "datasets__random_triggers": ["big", "small", "dark"],
    "datasets__random_triggers_max": 2,
    "datasets__replacements": ["photo|picture"],
    "train__prompt_dropout_prob": 0.3,
    "train__prompt_saturation_chance": 0.3,
    "train__short_and_long_captions": True,
}


def test_a_run_with_all_of_them_goes_on_bit_for_bit(new_run: NewRun) -> None:
    whole = finished(new_run, "whole", train__steps=6, **RANDOM)
    finished(new_run, "parts", train__steps=3, **RANDOM)
    parts = finished(new_run, "parts", train__steps=6, **RANDOM)
    assert equal(state_of(whole, 6), state_of(parts, 6))
    assert rows(parts)[6] == rows(whole)[6]


@pytest.mark.proves("train.cache_text_embeddings")
@pytest.mark.parametrize(
    ("options", "texts"),
    [
        ({"train__prompt_dropout_prob": 0.3}, 9),
        ({"train__prompt_saturation_chance": 0.5, "datasets__caption_dropout_rate": 0.5}, 18),
        ({"train__short_and_long_captions": True, "train__prompt_saturation_chance": 0.5}, 32),
    ],
    ids=["dropout", "saturation", "two captions"],
)
def test_every_text_that_can_occur_is_encoded_once_where_it_is_cached(
    new_run: NewRun, heard: list[list[str]], options: dict[str, Any], texts: int
) -> None:
    usual = {"datasets__caption_ext": ".json", "trigger_word": "sks", **options}
    live = finished(new_run, "live", **usual)
    told = {text for prompts in heard for text in prompts}
    heard.clear()
    cached = finished(new_run, "cached", train__cache_text_embeddings=True, **usual)
    assert len(heard) == texts
    assert told <= {text for prompts in heard for text in prompts}
    for step, row in rows(cached).items():
        assert row["loss"] == pytest.approx(rows(live)[step]["loss"], rel=1e-4)
