"""Learned tokens behind prompts: where they stand, that only they change, files, resuming."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from engine.families.base import Conditioning
from engine.families.flux import Flux
from engine.prompts.decorator import Decorator
from engine.randomness import draw
from schema.run.layout import RunFolder
from tests.engine.core.runs import equal, finished, names, rows, state_of

NewRun = Callable[..., RunFolder]
TOKENS: dict[str, Any] = {
    "arch": "flux",
    "network": None,
    "decorator": {"num_tokens": 3},
    "train__lr": 1e-2,
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Conditioning]:
    """What the transformer is told in training."""
    found: list[Conditioning] = []
    predict = Flux.predict

    def predicting(family: Any, denoiser: Any, latents: Any, t: Any, told: Any, *more: Any) -> Any:
        found.append(told)
        return predict(family, denoiser, latents, t, told, *more)

    monkeypatch.setattr(Flux, "predict", predicting)
    return found


@pytest.mark.proves("decorator.num_tokens")
@pytest.mark.parametrize("cached", [False, True], ids=["live", "cached"])
def test_every_prompt_is_longer_by_the_tokens(
    new_run: NewRun, asked: list[Conditioning], cached: bool
) -> None:
    folder = finished(new_run, train__steps=2, train__cache_text_embeddings=cached, **TOKENS)
    usual, _ = (told.parts["text"] for told in asked)
    assert usual.shape[1] == 512 + 3
    width = usual.shape[2]
    start = draw(7, 0, 0, "decorator", (3, width))
    assert torch.equal(usual[:, 512:].detach(), start.expand(2, -1, -1))
    learned = state_of(folder, 2)["weight"]
    assert learned.shape == (3, width)
    assert bool((learned != start).all())
    assert {name for name in rows(folder)[1] if name.startswith("lr")} == {"lr/decorator"}


def test_only_the_tokens_get_a_gradient(new_run: NewRun, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.assembly.model import load_trained

    seen: list[Any] = []

    def loading(*args: Any, **options: Any) -> Any:
        seen.append((args[2], load_trained(*args, **options)))
        return seen[-1][1]

    monkeypatch.setattr("engine.jobs.train.load_trained", loading)
    finished(new_run, train__steps=1, **TOKENS)
    ((family, trained),) = seen
    assert isinstance(trained, Decorator)
    modules = [family.denoisers[0].module, *family.text_encoders.values()]
    assert not any(p.requires_grad for module in modules for p in module.parameters())


@pytest.mark.proves("decorator.num_tokens")
def test_unwanted_prompts_get_zeros(new_run: NewRun, asked: list[Conditioning]) -> None:
    options: dict[str, Any] = {
        "train__do_guidance_loss": True,
        "train__unconditional_prompt": "blurry",
    }
    finished(new_run, train__steps=1, **TOKENS, **options)
    shapes = {told.parts["text"].shape[1] for told in asked}
    assert shapes == {515}
    blank = [told for told in asked if not told.parts["text"][:, 512:].any()]
    assert len(blank) == 1
    assert len(asked) == 2


@pytest.mark.proves("decorator.num_tokens")
def test_previews_are_drawn_with_the_tokens(new_run: NewRun, monkeypatch: Any) -> None:
    inputs: list[dict[str, Any]] = []
    pipeline_inputs = Flux.pipeline_inputs

    def giving(family: Any, positive: Conditioning, negative: Conditioning) -> dict[str, Any]:
        inputs.append({"positive": positive, "negative": negative})
        return pipeline_inputs(family, positive, negative)

    monkeypatch.setattr(Flux, "pipeline_inputs", giving)
    folder = finished(new_run, train__steps=2, train__disable_sampling=False,
                      train__skip_first_sample=True, **TOKENS)  # fmt: skip
    (last,) = inputs
    learned = state_of(folder, 2)["weight"]
    assert torch.equal(last["positive"].parts["text"][0, 512:], learned)
    assert last["negative"].parts["text"].shape[1] == 515
    assert not last["negative"].parts["text"][:, 512:].any()
    assert len(list(folder.samples.glob("*.jpg"))) == 1


def test_validation_measures_with_the_tokens(
    new_run: NewRun, asked: list[Conditioning], pictures: Path
) -> None:
    item = {"prompt": "a ring", "image_path": str(pictures / "picture_000.png")}
    held_out = {"validate_every_n_steps": 1, "validation_items": [item]}
    folder = finished(new_run, train__steps=2, train__validation_config=held_out, **TOKENS)
    losses = [row["val/loss"] for row in rows(folder).values() if "val/loss" in row]
    assert len(set(losses)) == 2
    assert {told.parts["text"].shape[1] for told in asked} == {515}


def test_the_file_holds_the_tokens_alone(new_run: NewRun, tmp_path: Path) -> None:
    folder = finished(
        new_run, train__steps=3, save__save_every=1, save__max_step_saves_to_keep=1,
        save__dtype="bf16", **TOKENS,
    )  # fmt: skip
    files = [name for name in names(folder) if name.endswith(".safetensors")]
    assert files == ["run.safetensors", "run_000000003.safetensors"]
    with safe_open(folder.step_file(None), "pt") as file:
        assert list(file.keys()) == ["weight"]
        assert torch.equal(file.get_tensor("weight"), state_of(folder, 3)["weight"].bfloat16())


def test_a_run_goes_on_bit_for_bit(new_run: NewRun) -> None:
    whole = finished(new_run, "whole", train__steps=6, **TOKENS)
    finished(new_run, "parts", train__steps=3, **TOKENS)
    parts = finished(new_run, "parts", train__steps=6, **TOKENS)
    assert equal(state_of(whole, 6), state_of(parts, 6))
    assert rows(parts)[6] == rows(whole)[6]


def test_the_tokens_learn(new_run: NewRun) -> None:
    """On the same pictures and noise as tokens that stay as they were."""
    usual = TOKENS | {
        "train__steps": 60,
        "train__batch_size": 4,
        "train__timestep_type": "one_step",
    }
    usual |= {"train__cache_text_embeddings": True, "decorator": {"num_tokens": 128}}
    learned, still = (
        finished(new_run, name, **(usual | {"train__lr": rate}))
        for name, rate in (("learned", 0.1), ("still", 1e-12))
    )
    late = [[row["loss"] for row in rows(folder).values()][-20:] for folder in (learned, still)]
    assert sum(late[0]) < 0.999 * sum(late[1])
