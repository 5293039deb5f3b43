"""Whole runs of a tiny FLUX.1: it learns, resumes exactly, and trains as diffusers does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from engine.accelerator import Accelerator
from engine.assembly.objective import build_objective
from engine.data.batch import Batch
from engine.networks.full import FullModel
from engine.randomness import batch_normal
from schema.run.layout import RunFolder
from schema.sections.job import JobFile, TrainerProcess
from tests.engine import tiny_flux
from tests.engine.core import runs

NewRun = Callable[..., RunFolder]
CACHED = {"datasets__cache_text_embeddings": True}


def losses(folder: RunFolder) -> list[float]:
    """The loss of every step."""
    return [row["loss"] for row in runs.rows(folder).values()]


def test_training_lowers_the_loss_of_what_it_sees(new_run: NewRun) -> None:
    folder = runs.finished(
        new_run, train__steps=60, train__lr=1e-2, train__batch_size=4,
        train__timestep_type="one_step", network__linear=16, **CACHED,
    )  # fmt: skip
    seen = losses(folder)
    assert sum(seen[-10:]) < 0.9 * sum(seen[:10])


def test_a_full_fine_tune_learns_and_saves_a_whole_model(new_run: NewRun, dev: Path) -> None:
    from diffusers import FluxPipeline

    folder = runs.finished(
        new_run, network=None, train__steps=12, train__lr=1e-3, save__save_format="diffusers"
    )
    seen = losses(folder)
    assert sum(seen[-4:]) < sum(seen[:4])
    theirs = FluxPipeline.from_pretrained(folder.step_file(None, "")).transformer.state_dict()
    base = FluxPipeline.from_pretrained(dev).transformer.state_dict()
    assert theirs.keys() == base.keys()
    assert all(not torch.equal(theirs[k], base[k]) for k in theirs if "guidance" not in k)


def test_a_full_fine_tune_in_one_file_opens_again(new_run: NewRun, dev: Path) -> None:
    folder = runs.finished(new_run, network=None, train__steps=2)
    file = folder.step_file(None)
    assert "double_blocks.0.img_attn.qkv.weight" in load_file(file)
    assert tiny_flux.load_flux(file, extras_name_or_path=str(dev)).denoisers


@pytest.mark.parametrize("kind", [{}, {"network": None}], ids=["lora", "full"])
def test_a_resumed_run_equals_an_undisturbed_one(new_run: NewRun, kind: dict[str, Any]) -> None:
    whole = runs.finished(new_run, "whole", train__steps=6, **kind)
    runs.finished(new_run, "parts", train__steps=3, **kind)
    parts = runs.finished(new_run, "parts", train__steps=6, **kind)
    assert runs.equal(runs.state_of(whole, 6), runs.state_of(parts, 6))
    assert losses(parts)[3:] == losses(whole)[3:]


def test_cached_latents_and_embeddings_train_as_fresh_ones_do(new_run: NewRun) -> None:
    """The VAE's posterior is narrow here: its draws hardly differ from run to run."""
    cached = runs.finished(new_run, "cached", **CACHED)
    fresh = runs.finished(new_run, "fresh")
    for one, other in zip(losses(cached), losses(fresh), strict=True):
        assert one == pytest.approx(other, rel=1e-5)
    state = runs.state_of(fresh, 6)
    for name, tensor in runs.state_of(cached, 6).items():
        torch.testing.assert_close(tensor, state[name], atol=1e-5, rtol=1e-4)


def test_blank_padding_does_not_take_the_embeddings_of_full_padding(
    new_run: NewRun, pictures: Path, tmp_path: Path
) -> None:
    """Two runs beside each other share a cache folder, not its files."""
    import shutil

    place = Path(
        shutil.copytree(pictures, tmp_path / "pictures", ignore=shutil.ignore_patterns("_*"))
    )
    data = {"datasets__folder_path": str(place), "datasets__cache_text_embeddings": True}
    plain = runs.finished(new_run, "plain", train__steps=1, **data)
    count = len(list((place / "_t_e_cache").iterdir()))
    masked = runs.finished(new_run, "masked", train__steps=1, model__attn_masking=True, **data)
    assert len(list((place / "_t_e_cache").iterdir())) == 2 * count
    assert losses(masked) != losses(plain)


@pytest.mark.proves("train.train_text_encoder")
def test_clip_learns_beside_the_transformer_and_t5_does_not(new_run: NewRun) -> None:
    folder = runs.finished(new_run, train__steps=3, train__train_text_encoder=True)
    keys = list(runs.weights_file(folder))
    assert any(key.startswith("text_encoder.text_model.encoder.layers.0") for key in keys)
    assert not any("text_encoder_2" in key for key in keys)
    ups = {k: v for k, v in runs.weights_file(folder).items() if "lora_B" in k}
    assert all(bool(v.any()) for k, v in ups.items() if k.startswith("text_encoder."))


@pytest.mark.parametrize("kind", [{}, {"network": None}], ids=["lora", "full"])
def test_checkpointed_gradients_and_half_precision_train_as_well(
    new_run: NewRun, kind: dict[str, Any]
) -> None:
    plain = losses(runs.finished(new_run, "plain", train__steps=3, **kind))
    options: dict[str, Any] = {"train__gradient_checkpointing": True}
    assert losses(runs.finished(new_run, "saving", train__steps=3, **options, **kind)) == plain
    options = {"train__dtype": "bf16"}
    half = losses(runs.finished(new_run, "half", train__steps=3, **options, **kind))
    assert half == pytest.approx(plain, rel=0.05)
    assert half != plain


def test_a_model_without_guidance_input_trains(new_run: NewRun, schnell: Path) -> None:
    folder = runs.finished(new_run, model__name_or_path=str(schnell), train__steps=2)
    assert len(losses(folder)) == 2


@pytest.mark.proves("train.bypass_guidance_embedding", "train.cfg_scale", "model.use_flux_cfg")
def test_the_guidance_options_change_what_is_trained(new_run: NewRun) -> None:
    options: dict[str, dict[str, Any]] = {
        "plain": {},
        "told": {"train__cfg_scale": 3.5},
        "bypassed": {"train__bypass_guidance_embedding": True},
        "real": {"model__use_flux_cfg": True},
    }
    seen = {
        name: losses(runs.finished(new_run, name, train__steps=2, **changes))
        for name, changes in options.items()
    }
    assert seen["bypassed"] == seen["real"]
    assert len({tuple(row) for row in seen.values()}) == 3


@pytest.mark.parametrize("kind", ["dev", "schnell"])
def test_loss_and_gradients_are_those_of_diffusers_functions(
    dev: Path, schnell: Path, kind: str
) -> None:
    """Flow matching as diffusers' FLUX.1 training script writes it down, independently of ours:
    the same latents, noise and timesteps, equal loss and gradients of every weight.
    """
    from diffusers import FluxPipeline

    folder = dev if kind == "dev" else schnell
    captions, slots, number = ["a red circle", "a blue square"], [4, 5], 3
    latents = torch.randn(2, 16, 8, 12, generator=torch.Generator().manual_seed(2))
    ours, t, module = our_step(folder, captions, slots, latents, number)

    pipeline = FluxPipeline.from_pretrained(folder)
    transformer = pipeline.transformer.train().requires_grad_(True)
    length = 512 if kind == "dev" else 256
    with torch.no_grad():
        text, pooled, text_ids = pipeline.encode_prompt(captions, None, max_sequence_length=length)
    noise = batch_normal(7, number, slots, "noise", (16, 8, 12))
    sigma = (t / 1000).view(-1, 1, 1, 1)
    predicted = transformer(
        hidden_states=pipeline._pack_latents((1 - sigma) * latents + sigma * noise, 2, 16, 8, 12),
        timestep=t / 1000,
        guidance=torch.full((2,), 3.5) if kind == "dev" else None,
        pooled_projections=pooled,
        encoder_hidden_states=text,
        txt_ids=text_ids,
        img_ids=pipeline._prepare_latent_image_ids(2, 4, 6, "cpu", torch.float32),
        return_dict=False,
    )[0]
    predicted = pipeline._unpack_latents(predicted, 64, 96, 8)
    loss = torch.nn.functional.mse_loss(predicted, noise - latents)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(ours, loss.detach(), atol=1e-6, rtol=1e-5)
    for name, parameter in transformer.named_parameters():
        torch.testing.assert_close(module.get_parameter(name).grad, parameter.grad)


def our_step(
    folder: Path, captions: list[str], slots: list[int], latents: torch.Tensor, number: int
) -> tuple[torch.Tensor, torch.Tensor, Any]:
    """The engine's own objective with every weight trained: loss, timesteps, the transformer."""
    process = JobFile.model_validate(
        runs.make_config("x", folder, folder, folder, model__arch="flux", network=None,
                         train__noise_scheduler="flowmatch", train__cfg_scale=3.5)
    ).config.process[0]  # fmt: skip
    assert isinstance(process, TrainerProcess)
    family = tiny_flux.load_flux(folder, train__cfg_scale=3.5)
    trained = FullModel(family, process.train, "diffusers")
    module = family.denoisers[0].module.train()
    accelerator = Accelerator(torch.device("cpu"), torch.float32, autocast=False, scale=False)
    objective = build_objective(process, family, accelerator, trained, 7)
    batch = Batch(captions, [0, 1], slots, (96, 64), latents=latents)
    losses = objective(batch, number, 0)
    losses.total.backward()  # type: ignore[no-untyped-call]
    return losses.total.detach(), torch.tensor(losses.timesteps), module
