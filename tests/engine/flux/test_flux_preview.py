"""Previews of FLUX.1 are what diffusers' own pipeline draws, from the live or the saved weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image, ImageChops

from engine.networks.lora import attach
from engine.preview import Preview
from schema.sections.network import Network
from schema.sections.sample import Sample
from schema.sections.train import Train
from tests.engine import tiny_flux

SETTINGS: dict[str, Any] = {
    "sampler": "flowmatch", "width": 96, "height": 64, "sample_steps": 3, "guidance_scale": 4.0,
    "seed": 5, "walk_seed": False, "neg": "a grey cross", "prompts": ["a red circle"],
    "format": "png",
}  # fmt: skip


def drawn(family: Any, folder: Path, **settings: Any) -> Image.Image:
    """The one preview of a round."""
    preview = Preview(family, Sample(**(SETTINGS | settings)))
    preview.prepare()
    (image,) = preview.render(0, None, folder)
    with Image.open(image.path) as picture:
        return picture.convert("RGB")


def theirs(pipeline: Any, **options: Any) -> Image.Image:
    """The same picture by the pipeline's own text encoding, sampling and decoding."""
    length = 512 if pipeline.transformer.config.guidance_embeds else 256
    usual = {"guidance_scale": 4.0, "max_sequence_length": length} | options
    with torch.no_grad():
        picture: Image.Image = pipeline(
            "a red circle", width=96, height=64, num_inference_steps=3,
            generator=torch.Generator().manual_seed(5), **usual,
        ).images[0]  # fmt: skip
    return picture


def close(one: Image.Image, other: Image.Image) -> bool:
    """Equal but for the last bit of a channel."""
    assert one.size == other.size
    bounds = ImageChops.difference(one, other).getextrema()
    return max(high for _, high in bounds) <= 1  # type: ignore[misc]


def pipeline_of(folder: Path) -> Any:
    from diffusers import FluxPipeline

    pipeline = FluxPipeline.from_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def test_a_preview_is_diffusers_own_picture(family: Any, pipeline: Any, tmp_path: Path) -> None:
    """Steps shift with the number of tokens, the scale goes into the guidance input."""
    ours = drawn(family, tmp_path)
    assert close(ours, theirs(pipeline))
    assert not close(ours, theirs(pipeline, guidance_scale=1.0))


def test_a_model_without_shift_and_guidance_input_draws_too(schnell: Path, tmp_path: Path) -> None:
    assert close(drawn(tiny_flux.load_flux(schnell), tmp_path), theirs(pipeline_of(schnell)))


def test_a_preview_is_what_diffusers_draws_with_the_saved_lora(dev: Path, tmp_path: Path) -> None:
    family = tiny_flux.load_flux(dev)
    net = attach(family, Network(linear=4), Train(), 7)
    generator = torch.Generator().manual_seed(1)
    net.load_state_dict(
        {k: torch.randn(v.shape, generator=generator) * 0.1 for k, v in net.state_dict().items()}
    )
    net.save(tmp_path / "lora.safetensors", torch.float32, {})
    pipeline = pipeline_of(dev)
    plain = theirs(pipeline)
    pipeline.load_lora_weights(str(tmp_path / "lora.safetensors"))
    ours = drawn(family, tmp_path)
    assert close(ours, theirs(pipeline))
    assert not close(ours, plain)


@pytest.mark.proves("sample.neg")
def test_without_real_guidance_the_negative_prompt_is_not_asked(
    family: Any, tmp_path: Path
) -> None:
    assert close(drawn(family, tmp_path), drawn(family, tmp_path, neg="a blue square"))


@pytest.mark.proves("model.use_flux_cfg")
def test_real_guidance_predicts_twice_with_the_negative_prompt(dev: Path, tmp_path: Path) -> None:
    """The same as diffusers' pipeline around a transformer that has no guidance input at all."""
    family = tiny_flux.load_flux(dev, use_flux_cfg=True)
    transformer = family.denoisers[0].module
    calls: list[int] = []
    transformer.register_forward_hook(lambda *_: calls.append(1))
    ours = drawn(family, tmp_path)
    assert len(calls) == 2 * 3
    pipeline = pipeline_of(dev)
    pipeline.transformer = without_guidance(pipeline.transformer)
    options = {
        "true_cfg_scale": 4.0, "negative_prompt": "a grey cross", "max_sequence_length": 512,
    }  # fmt: skip
    assert close(ours, theirs(pipeline, **options))
    assert not close(ours, drawn(family, tmp_path, neg="a blue square"))
    calls.clear()
    drawn(family, tmp_path, guidance_scale=1.0)
    assert len(calls) == 3


def without_guidance(transformer: Any) -> Any:
    """A transformer of the same weights that was built without the input."""
    from diffusers import FluxTransformer2DModel

    bare = FluxTransformer2DModel.from_config(dict(transformer.config) | {"guidance_embeds": False})
    state = {k: v for k, v in transformer.state_dict().items() if "guidance" not in k}
    bare.load_state_dict(state)
    return bare.eval()


@pytest.mark.proves("train.bypass_guidance_embedding")
def test_previews_are_guided_where_training_bypasses_the_input(
    dev: Path, family: Any, tmp_path: Path
) -> None:
    bare = tiny_flux.load_flux(dev, train__bypass_guidance_embedding=True)
    assert close(drawn(bare, tmp_path), drawn(family, tmp_path))


def test_sizes_are_rounded_down_to_whole_tokens(family: Any, tmp_path: Path) -> None:
    assert drawn(family, tmp_path, width=104, height=72).size == (96, 64)
