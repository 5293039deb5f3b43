"""Previews: what diffusers would draw, without touching training."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from engine.errors import ConfigError, RunError, StoppedEarly
from engine.families.samplers import make_scheduler
from engine.networks.lora import attach
from engine.preview import Preview, PreviewImage
from schema.sections.network import Network
from schema.sections.sample import Sample
from schema.sections.train import Train
from tests.engine import tiny

SMALL: dict[str, Any] = {"width": 64, "height": 64, "sample_steps": 3, "format": "png", "seed": 4}


def pixels(image: PreviewImage) -> Any:
    with Image.open(image.path) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def draw(family: Any, folder: Path, scaled: Any = None, **sample: Any) -> list[PreviewImage]:
    return Preview(family, Sample(**(SMALL | sample)), "sks").render(7, scaled, folder)


def by_diffusers(model: Path, prompt: str, sampler: str, lora: Path | None = None) -> Any:
    """The picture that diffusers' own pipeline draws with the same settings."""
    from diffusers import StableDiffusionPipeline

    pipeline = StableDiffusionPipeline.from_pretrained(model)
    pipeline.scheduler = make_scheduler(sampler, pipeline.scheduler.config)
    pipeline.set_progress_bar_config(disable=True)
    if lora is not None:
        pipeline.load_lora_weights(str(lora))
    generator = torch.Generator().manual_seed(4)
    picture = pipeline(
        prompt, negative_prompt="blurry", width=64, height=64, num_inference_steps=3,
        guidance_scale=7.0, generator=generator,
    ).images[0]  # fmt: skip
    return np.asarray(picture).astype(int)


@pytest.mark.proves("sample.sampler", "sample.neg", "sample.seed", "sample.prompts")
@pytest.mark.parametrize("sampler", ["ddpm", "ddim", "euler_a", "k_dpmsolver++"])
def test_a_preview_is_the_picture_that_diffusers_draws(
    sd1: Any, tiny_sd1: Path, tmp_path: Path, sampler: str
) -> None:
    (image,) = draw(sd1, tmp_path, prompts=["a red circle"], neg="blurry", sampler=sampler)
    assert np.array_equal(pixels(image), by_diffusers(tiny_sd1, "a red circle", sampler))


@pytest.fixture(scope="module")
def adapted(tiny_sd1: Path) -> tuple[Any, Any]:
    """A model with a strong LoRA on UNet and text encoder."""
    family = tiny.load_sd1(tiny_sd1)
    net = attach(family, Network(linear=4, conv=2), Train(train_text_encoder=True), 3)
    generator = torch.Generator().manual_seed(2)
    state = net.state_dict()
    net.load_state_dict(
        {k: torch.randn(v.shape, generator=generator) / 5 for k, v in state.items()}
    )
    return family, net


@pytest.mark.parametrize("key_format", ["kohya", "diffusers"])
def test_a_saved_lora_draws_in_diffusers_what_the_preview_showed(
    adapted: tuple[Any, Any], sd1: Any, tiny_sd1: Path, tmp_path: Path, key_format: str
) -> None:
    from safetensors.torch import save_file

    family, net = adapted
    settings = {"prompts": ["a red circle"], "neg": "blurry", "sampler": "ddim"}
    (image,) = draw(family, tmp_path, net.scaled, **settings)
    tensors, metadata = family.lora_file(net.state_dict(), net.alphas, key_format)
    save_file(tensors, tmp_path / "lora.safetensors", metadata=metadata)
    theirs = by_diffusers(tiny_sd1, "a red circle", "ddim", tmp_path / "lora.safetensors")
    assert np.array_equal(pixels(image), theirs)
    (plain,) = draw(sd1, tmp_path, **settings)
    assert np.abs(pixels(image) - pixels(plain)).max() > 8


@pytest.mark.proves("sample.network_multiplier", "sample.samples[].network_multiplier")
def test_the_networks_strength_can_be_set_and_zero_is_the_base_model(
    adapted: tuple[Any, Any], sd1: Any, tmp_path: Path
) -> None:
    family, net = adapted
    samples = [{"prompt": "a", "network_multiplier": m} for m in (1.0, 0.0, 0.5)]
    full, off, half = map(pixels, draw(family, tmp_path, net.scaled, samples=samples))
    (base,) = map(pixels, draw(sd1, tmp_path, prompts=["a"]))
    assert np.array_equal(off, base)
    assert not np.array_equal(full, base)
    assert not np.array_equal(half, full)
    (again,) = draw(family, tmp_path, net.scaled, prompts=["a"], network_multiplier=0.5)
    assert np.array_equal(pixels(again), half)


@pytest.mark.proves(
    "sample.width", "sample.height", "sample.samples", "sample.samples[].width",
    "sample.samples[].height", "sample.samples[].prompt", "sample.samples[].seed",
    "sample.samples[].neg", "sample.samples[].guidance_scale",
    "sample.samples[].sample_steps",
)  # fmt: skip
def test_every_key_of_a_sample_changes_that_preview_alone(sd1: Any, tmp_path: Path) -> None:
    changes: list[dict[str, Any]] = [
        {}, {"width": 72}, {"height": 80}, {"seed": 9}, {"neg": "red"}, {"guidance_scale": 2.0},
        {"sample_steps": 2}, {"prompt": "blue"}, {},
    ]  # fmt: skip
    images = draw(sd1, tmp_path, samples=[{"prompt": "a"} | change for change in changes])
    drawn = [pixels(image) for image in images]
    assert np.array_equal(drawn[0], drawn[-1])
    assert drawn[1].shape == (64, 72, 3)
    assert drawn[2].shape == (80, 64, 3)
    assert not any(np.array_equal(drawn[0], other) for other in drawn[3:-1])


@pytest.mark.proves("sample.walk_seed", "sample.seed")
def test_walking_seeds_draw_different_pictures_of_one_prompt(sd1: Any, tmp_path: Path) -> None:
    still, walking = (
        draw(sd1, tmp_path, prompts=["a"] * 3, walk_seed=walk) for walk in (False, True)
    )
    assert [image.seed for image in walking] == [4, 5, 6]
    assert len({pixels(image).tobytes() for image in still}) == 1
    assert len({pixels(image).tobytes() for image in walking}) == 3
    drawn = [draw(sd1, tmp_path, prompts=["a"], seed=-1)[0].seed for _ in range(2)]
    assert drawn[0] != drawn[1]


class Counter:
    """Counts the rows that a module is asked about."""

    def __init__(self, module: Any) -> None:
        self.rows: list[int] = []
        self.handle = module.register_forward_pre_hook(self.note)

    def note(self, module: Any, inputs: tuple[torch.Tensor, ...]) -> None:
        self.rows.append(len(inputs[0]))


@pytest.mark.proves("sample.guidance_scale", "sample.sample_steps")
def test_guidance_of_one_needs_half_the_work_and_steps_are_calls(sd1: Any, tmp_path: Path) -> None:
    counter = Counter(sd1.denoisers[0].module)
    draw(sd1, tmp_path, prompts=["a"], guidance_scale=5.0, sampler="ddim")
    draw(sd1, tmp_path, prompts=["a"], guidance_scale=1.0, sampler="ddim", sample_steps=5)
    counter.handle.remove()
    assert counter.rows == [2, 2, 2, 1, 1, 1, 1, 1]


@pytest.mark.proves("sample.format")
@pytest.mark.parametrize("kind", ["jpg", "png", "webp"])
def test_files_have_the_names_and_the_format_of_the_reference(
    sd1: Any, tmp_path: Path, kind: str
) -> None:
    images = draw(sd1, tmp_path / "samples", prompts=["a", "b"], format=kind)
    for index, image in enumerate(images):
        assert re.fullmatch(rf"\d{{13}}__000000007_{index}\.{kind}", image.path.name)
        with Image.open(image.path) as picture:
            assert picture.format == {"jpg": "JPEG"}.get(kind, kind.upper())
        thumbnail = image.path.parent / ".thumbs" / f"{image.path.name}.jpg"
        with Image.open(thumbnail) as picture:
            assert picture.size == (300, 300)
    assert not list((tmp_path / "samples" / ".tmp").iterdir())


def test_what_is_needed_to_draw_it_again_is_recorded(sd1: Any, tmp_path: Path) -> None:
    (image,) = draw(sd1, tmp_path, prompts=["a [trigger] --cfg 3"], neg="bad", sampler="heun")
    fields = image.fields()
    assert fields.pop("path") == str(image.path)
    assert fields == {
        "step": 7, "index": 0, "prompt": "a sks", "neg": "bad", "seed": 4, "sampler": "heun",
        "width": 64, "height": 64, "guidance_scale": 3.0, "sample_steps": 3,
        "network_multiplier": 1.0, "precision": "float32",
    }  # fmt: skip


def test_training_is_left_as_it_was(tiny_sd1: Path, tmp_path: Path) -> None:
    family = tiny.load_sd1(tiny_sd1)
    family.free_vae()
    unet = family.denoisers[0].module.train().requires_grad_(True)
    frozen = unet.mid_block.eval()
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    draw(family, tmp_path, prompts=["a"], sampler="ddpm", seed=-1)
    assert torch.equal(torch.rand(3), expected)
    assert unet.training
    assert not frozen.training
    assert all(p.grad is None and p.requires_grad for p in unet.parameters())
    assert family.vae is None


def test_prompts_can_be_encoded_before_the_text_encoder_goes(
    tiny_sd1: Path, sd1: Any, tmp_path: Path
) -> None:
    family = tiny.open_sd1(tiny_sd1)
    preview = Preview(family, Sample(**SMALL, prompts=["a red circle"], neg="bad"))
    preview.prepare()
    family.free_text_encoders()
    family.load_denoisers()
    (image,) = preview.render(7, None, tmp_path)
    (expected,) = draw(sd1, tmp_path, prompts=["a red circle"], neg="bad")
    assert np.array_equal(pixels(image), pixels(expected))
    preview.configure(Sample(**SMALL, prompts=["something new"]))
    with pytest.raises(RunError, match="'something new' was not encoded"):
        preview.render(7, None, tmp_path)


def test_a_stop_breaks_off_between_denoising_steps(sd1: Any, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []

    def poll() -> None:
        if len(seen) == 6:
            raise StoppedEarly("asked to stop")

    preview = Preview(sd1, Sample(**SMALL, prompts=["a", "b"], sampler="ddim"))
    made: list[PreviewImage] = []
    with pytest.raises(StoppedEarly):
        preview.render(
            7, None, tmp_path, poll, progress=lambda *now: seen.append(now), made=made.append
        )
    assert [done for _, done, _ in seen] == [0, 1, 2, 3, 3, 4]
    assert {total for _, _, total in seen} == {6}
    assert [image.index for image in made] == [0]
    assert len(list(tmp_path.glob("*.png"))) == 1


def test_one_preview_that_fails_leaves_the_others(
    sd1: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode = sd1.encode_prompts

    def fragile(prompts: list[str]) -> Any:
        if "broken" in prompts:
            raise RunError("this prompt is broken")
        return encode(prompts)

    monkeypatch.setattr(sd1, "encode_prompts", fragile)
    preview = Preview(sd1, Sample(**SMALL, prompts=["a", "broken", "b"]))
    told: list[tuple[int, str]] = []
    images = preview.render(7, None, tmp_path, failed=lambda *fault: told.append(fault))
    assert [image.index for image in images] == [0, 2]
    assert told == [(1, "this prompt is broken")]
    with pytest.raises(RunError, match="broken"):
        preview.render(7, None, tmp_path)


def test_a_flag_that_cannot_be_read_is_a_config_error(sd1: Any) -> None:
    with pytest.raises(ConfigError, match="sample: sample 1: --w needs a whole number"):
        Preview(sd1, Sample(prompts=["a --w wide"]))


def test_no_prompts_no_work(sd1: Any, tmp_path: Path) -> None:
    preview = Preview(sd1, Sample())
    assert len(preview) == 0
    assert preview.render(1, None, tmp_path / "samples") == []
    assert not (tmp_path / "samples").exists()


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_models_and_float32_weights_both_draw(
    tiny_sd1: Path, tmp_path: Path, dtype: str
) -> None:
    for trained_whole in (False, True):
        family = tiny.open_sd1(tiny_sd1, dtype)
        family.load_text_encoders()
        family.load_denoisers(torch.float32 if trained_whole else None)
        (image,) = draw(family, tmp_path, prompts=["a"])
        assert image.precision == dtype
        assert pixels(image).shape == (64, 64, 3)


def test_the_network_is_scaled_around_text_and_picture(sd1: Any, tmp_path: Path) -> None:
    entered: list[float] = []

    def scaled(multiplier: float) -> AbstractContextManager[None]:
        entered.append(multiplier)
        return nullcontext()

    draw(sd1, tmp_path, scaled, prompts=["a --m 2", "b"])
    assert entered == [2.0, 1.0]
