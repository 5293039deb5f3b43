"""The model that ships is a small, whole, really trained Stable Diffusion 1."""

import json
import logging as python_logging
import math
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from engine.demo import pictures
from engine.demo.model import new_parts
from tests.demo import judge
from tests.demo.detector import find_shape, find_zorb
from tui.demo_project import ASSETS

MODEL = ASSETS / "model"
GUIDANCE = 2.0


def tensors(part: str, file: str = "diffusion_pytorch_model.safetensors") -> dict[str, list[int]]:
    with safe_open(MODEL / part / file, "pt") as opened:
        return {name: opened.get_slice(name).get_shape() for name in opened.keys()}  # noqa: SIM118


def test_everything_shipped_stays_under_twelve_megabytes() -> None:
    assert sum(path.stat().st_size for path in ASSETS.rglob("*") if path.is_file()) < 12_000_000


def test_the_model_has_the_files_and_classes_of_stable_diffusion_1() -> None:
    index = json.loads((MODEL / "model_index.json").read_text(encoding="utf-8"))
    assert index["_class_name"] == "StableDiffusionPipeline"
    assert index["unet"] == ["diffusers", "UNet2DConditionModel"]
    assert index["vae"] == ["diffusers", "AutoencoderKL"]
    assert index["text_encoder"] == ["transformers", "CLIPTextModel"]
    assert index["tokenizer"] == ["transformers", "CLIPTokenizer"]
    scheduler = json.loads((MODEL / "scheduler/scheduler_config.json").read_text())
    assert scheduler["beta_schedule"] == "scaled_linear"
    assert (scheduler["beta_start"], scheduler["beta_end"]) == (0.00085, 0.012)
    assert scheduler.get("prediction_type", "epsilon") == "epsilon"


def test_older_transformers_would_find_every_text_weight_and_the_vocabulary() -> None:
    names = tensors("text_encoder", "model.safetensors")
    assert names
    assert all(name.startswith("text_model.") for name in names)
    assert (MODEL / "tokenizer" / "vocab.json").is_file()
    assert (MODEL / "tokenizer" / "merges.txt").is_file()


def test_the_shipped_weights_fit_the_factory_that_makes_them() -> None:
    parts = new_parts()
    for part in ("unet", "vae"):
        wanted = {
            name: list(tensor.shape) for name, tensor in getattr(parts, part).state_dict().items()
        }
        assert tensors(part) == wanted


def test_plain_diffusers_loads_it_without_a_complaint(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(python_logging.WARNING):
        pipeline = judge.load(MODEL)
    complaints = [
        record.getMessage()
        for record in caplog.records
        if any(
            word in record.getMessage() for word in ("missing", "unexpected", "newly", "ignored")
        )
    ]
    assert complaints == []
    for module in (pipeline.unet, pipeline.vae, pipeline.text_encoder):
        assert all(bool(torch.isfinite(weight).all()) for weight in module.parameters())


def test_the_vae_gives_back_what_it_is_given() -> None:
    from engine.demo.train_vae import pixels_of

    vae = judge.load(MODEL).vae
    images = [picture.image for picture in pictures.zorb_pictures(8)]
    with torch.no_grad():
        posterior = vae.encode(pixels_of(images)).latent_dist
        back = vae.decode(posterior.mean).sample.clamp(-1, 1)
    shown = ((back + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
    from PIL import Image

    assert all(find_zorb(Image.fromarray(array)) is not None for array in shown)
    # a trainer that draws latents must get the mean, not noise that no denoiser can predict
    assert float(posterior.std.max()) < 0.01
    deviation = float((posterior.mean * vae.config.scaling_factor).std())
    assert 0.25 < deviation < 0.5


def test_the_base_model_draws_what_it_is_told() -> None:
    wanted = [
        (shape, colour, position)
        for number, shape in enumerate(pictures.SHAPES)
        for turn, colour in enumerate(pictures.COLOURS)
        for position in [list(pictures.POSITIONS)[(number + turn) % len(pictures.POSITIONS)]]
    ]
    prompts = [f"{pictures.article(c)} {c} {s} {p}" for s, c, p in wanted]
    drawn = judge.draw(judge.load(MODEL), prompts, range(100, 100 + len(prompts)), GUIDANCE)
    found = [find_shape(image) for image in drawn]
    right = sum(
        shown is not None and (shown.shape, shown.colour) == (shape, colour)
        for shown, (shape, colour, _) in zip(found, wanted, strict=True)
    )
    placed = sum(
        shown is not None and math.dist((shown.x, shown.y), pictures.POSITIONS[position]) < 0.12
        for shown, (_, _, position) in zip(found, wanted, strict=True)
    )
    assert right >= 0.75 * len(wanted), f"{right} of {len(wanted)}"
    assert placed >= 0.75 * len(wanted), f"{placed} of {len(wanted)}"


def test_the_base_model_does_not_know_the_word() -> None:
    drawn = judge.draw_zorbs(judge.load(MODEL), GUIDANCE)
    assert sum(find_zorb(image) is not None for image in drawn) <= 2


def test_another_seed_gives_another_model_and_the_same_seed_the_same() -> None:
    first, again, other = (new_parts(seed).unet.conv_in.weight for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_no_file_of_the_demo_is_a_pickle() -> None:
    allowed = {".safetensors", ".json", ".txt", ".png", ".yaml"}
    assert {path.suffix for path in Path(ASSETS).rglob("*") if path.is_file()} <= allowed
