"""LoRAs beneath the trained network: merged for good, on while training, or on in previews."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.errors import ConfigError
from engine.networks.beneath import FOLDER_FILE, Beneath, open_beneath
from engine.networks.lora import attach
from schema.run.layout import RunFolder
from schema.sections.network import Network
from schema.sections.train import Train
from tests.engine import tiny, tiny_flux
from tests.engine.core import runs

NewRun = Callable[..., RunFolder]
OPTIONS = ("lora_path", "assistant_lora_path", "inference_lora_path")


def lora_of(family: Any, path: Path, *, text: bool = False, seed: int = 1, **network: Any) -> Path:
    """A file with a visible LoRA for a loaded model, which it leaves changed."""
    net = attach(family, Network(**({"linear": 3} | network)), Train(train_text_encoder=text), seed)
    generator = torch.Generator().manual_seed(seed)
    net.load_state_dict(
        {k: torch.randn(v.shape, generator=generator) * 0.2 for k, v in net.state_dict().items()}
    )
    net.save(path, torch.float32, {})
    return path


@pytest.fixture(scope="module")
def file(dev: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LoRA on the tiny model's transformer."""
    return lora_of(tiny_flux.load_flux(dev), tmp_path_factory.mktemp("lora") / "a.safetensors")


def opened(folder: Path, **options: Any) -> tuple[Any, Beneath | None]:
    """A model with its files beneath, loaded."""
    family = tiny_flux.open_flux(folder, **options)
    beneath = open_beneath(family, family.model)
    family.load_text_encoders()
    family.load_denoisers()
    return family, beneath


def predicted(family: Any) -> torch.Tensor:
    latents = torch.randn(1, 16, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        found: torch.Tensor = family.predict(
            family.denoisers[0], latents, torch.tensor([400.0]), family.encode_prompts(["a ring"])
        )
    return found


def with_diffusers(folder: Path, file: Path) -> torch.Tensor:
    """What diffusers' own loader makes of the file."""
    from diffusers import FluxPipeline

    pipeline = FluxPipeline.from_pretrained(folder)
    pipeline.load_lora_weights(str(file))
    family = tiny_flux.load_flux(folder)
    text, pooled, text_ids = pipeline.encode_prompt("a ring", None)
    latents = torch.randn(1, 16, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        found = pipeline.transformer(
            hidden_states=pipeline._pack_latents(latents, 1, 16, 8, 8), guidance=torch.ones(1),
            timestep=torch.tensor([0.4]), pooled_projections=pooled, encoder_hidden_states=text,
            txt_ids=text_ids, img_ids=family._position_ids(8, 8), return_dict=False,
        )[0]  # fmt: skip
    unpacked: torch.Tensor = pipeline._unpack_latents(found, 64, 64, 8)
    return unpacked


def close(one: torch.Tensor, other: torch.Tensor) -> bool:
    return torch.allclose(one, other, atol=1e-5, rtol=1e-4)


@pytest.mark.proves("model.lora_path")
def test_a_base_lora_is_merged_into_the_weights(dev: Path, file: Path) -> None:
    plain, merged = tiny_flux.load_flux(dev), opened(dev, lora_path=str(file))[0]
    tensors = load_file(file)
    name = "transformer_blocks.0.attn.to_q"
    product = (
        tensors[f"transformer.{name}.lora_B.weight"] @ tensors[f"transformer.{name}.lora_A.weight"]
    )
    ours, base = (f.denoisers[0].module.get_submodule(name).weight for f in (merged, plain))
    torch.testing.assert_close(ours, base + product)
    assert close(predicted(merged), with_diffusers(dev, file))
    assert not close(predicted(merged), predicted(plain))


@pytest.mark.proves("model.lora_path")
def test_a_base_lora_may_change_the_text_encoder_and_have_kohyas_names(
    dev: Path, tmp_path: Path
) -> None:
    kwargs: dict[str, Any] = {"network_kwargs": {"peft_format": False}}
    family = tiny_flux.load_flux(dev)
    lora_of(family, tmp_path / "text.safetensors", text=True, **kwargs)
    merged, _ = opened(dev, lora_path=str(tmp_path / "text.safetensors"))
    assert close(predicted(merged), predicted(family))
    pooled = [f.encode_prompts(["a ring"]).parts["pooled"] for f in (merged, family)]
    torch.testing.assert_close(pooled[0], pooled[1])
    merged.free_text_encoders()
    merged.load_text_encoders()
    assert torch.equal(merged.encode_prompts(["a ring"]).parts["pooled"], pooled[0])


@pytest.mark.proves("model.assistant_lora_path")
def test_an_assistant_is_on_in_training_and_off_in_previews(dev: Path, file: Path) -> None:
    plain = predicted(tiny_flux.load_flux(dev))
    family, beneath = opened(dev, assistant_lora_path=str(file))
    assert beneath is not None
    assert close(predicted(family), with_diffusers(dev, file))
    with beneath.previewing():
        assert torch.equal(predicted(family), plain)
    assert close(predicted(family), with_diffusers(dev, file))


@pytest.mark.proves("model.inference_lora_path")
def test_a_preview_lora_is_off_in_training_and_on_in_previews(dev: Path, file: Path) -> None:
    plain = predicted(tiny_flux.load_flux(dev))
    family, beneath = opened(dev, inference_lora_path=str(file))
    assert beneath is not None
    assert torch.equal(predicted(family), plain)
    with beneath.previewing():
        assert close(predicted(family), with_diffusers(dev, file))
    assert torch.equal(predicted(family), plain)


def test_the_assistant_belongs_to_the_base_that_a_network_is_switched_off_to(
    dev: Path, file: Path
) -> None:
    """Prior and guidance targets are computed with it; it takes no gradient and is not saved."""
    family, beneath = opened(dev, assistant_lora_path=str(file))
    assert beneath is not None
    assisted = predicted(family)
    net = attach(family, Network(linear=2), Train(), 5)
    net.load_state_dict({k: torch.full_like(v, 0.1) for k, v in net.state_dict().items()})
    assert not close(predicted(family), assisted)
    with net.off():
        assert torch.equal(predicted(family), assisted)
    parameters = dict(family.denoisers[0].module.named_parameters())
    assert sum(p.requires_grad for p in parameters.values()) == len(net.state_dict())
    plain = tiny_flux.load_flux(dev)
    attach(plain, Network(linear=2), Train(), 5).load_state_dict(net.state_dict())
    with beneath.previewing():
        assert torch.equal(predicted(family), predicted(plain))


def test_a_full_fine_tune_is_saved_without_the_assistant(
    dev: Path, file: Path, tmp_path: Path
) -> None:
    family, _ = opened(dev, assistant_lora_path=str(file))
    family.save_full(tmp_path / "saved", torch.float32, "diffusers")
    saved, base = (
        load_file(folder / "transformer" / "diffusion_pytorch_model.safetensors")
        for folder in (tmp_path / "saved", dev)
    )
    assert saved.keys() == base.keys()
    assert all(torch.equal(saved[key], base[key]) for key in base)


def test_a_folder_with_diffusers_usual_file_is_found(dev: Path, file: Path, tmp_path: Path) -> None:
    (tmp_path / FOLDER_FILE).write_bytes(file.read_bytes())
    one, other = (opened(dev, lora_path=str(path))[0] for path in (tmp_path, file))
    assert torch.equal(predicted(one), predicted(other))


def test_no_file_costs_nothing(dev: Path) -> None:
    family = tiny_flux.open_flux(dev)
    assert open_beneath(family, family.model) is None
    assert family.on_load is None


@pytest.mark.parametrize("option", OPTIONS)
def test_files_that_do_not_fit_are_refused_by_option(
    dev: Path, file: Path, tmp_path: Path, option: str
) -> None:
    with pytest.raises(ConfigError, match=rf"model\.{option}.*does not exist"):
        opened(dev, **{option: str(tmp_path / "nothing.safetensors")})
    save_file({"x": torch.zeros(1)}, tmp_path / "x.safetensors")
    with pytest.raises(ConfigError, match=r"no key of .* belongs to a FLUX\.1 model"):
        opened(dev, **{option: str(tmp_path / "x.safetensors")})
    (tmp_path / "cut.safetensors").write_bytes(file.read_bytes()[:100])
    with pytest.raises(ConfigError, match="cannot be read"):
        opened(dev, **{option: str(tmp_path / "cut.safetensors")})
    wide = {k: v.repeat(1, 2) if "lora_A" in k else v for k, v in load_file(file).items()}
    save_file(wide, tmp_path / "wide.safetensors")
    with pytest.raises(ConfigError, match="does not fit"):
        opened(dev, **{option: str(tmp_path / "wide.safetensors")})
    tensors = {f"lora_unet_nothing.lora_{x}.weight": torch.zeros(1, 1) for x in ("up", "down")}
    save_file(tensors, tmp_path / "odd.safetensors")
    with pytest.raises(ConfigError, match="a layer that the model has not"):
        opened(dev, **{option: str(tmp_path / "odd.safetensors")})


def test_only_a_base_lora_may_change_a_text_encoder(dev: Path, tmp_path: Path) -> None:
    text = lora_of(tiny_flux.load_flux(dev), tmp_path / "text.safetensors", text=True)
    for option in OPTIONS[1:]:
        with pytest.raises(ConfigError, match="changes a text encoder too"):
            opened(dev, **{option: str(text)})


@pytest.mark.parametrize("option", OPTIONS)
def test_convolutions_of_unets_are_changed_too(tiny_sd1: Path, tmp_path: Path, option: str) -> None:
    other = tiny.load_sd1(tiny_sd1)
    file = lora_of(other, tmp_path / "sd1.safetensors", conv=2, conv_alpha=1.0, alpha=2.0)
    family = tiny.open_sd1(tiny_sd1, **{option: str(file)})
    beneath = open_beneath(family, family.model)
    assert beneath is not None
    family.load_text_encoders()
    family.load_denoisers()
    text = family.encode_prompts(["a ring"])
    latents, t = torch.randn(1, 4, 8, 8), torch.tensor([300])
    with torch.no_grad():
        wanted = other.predict(other.denoisers[0], latents, t, text)
        if option == "inference_lora_path":
            with beneath.previewing():
                ours = family.predict(family.denoisers[0], latents, t, text)
        else:
            ours = family.predict(family.denoisers[0], latents, t, text)
    assert close(ours, wanted)


@pytest.mark.proves(*(f"model.{option}" for option in OPTIONS))
def test_runs_train_on_the_changed_base_and_draw_as_they_should(
    new_run: NewRun, file: Path, schnell: Path, tmp_path: Path
) -> None:
    """The first preview shows the base: merged, without the assistant, with the preview's LoRA."""
    assistant = lora_of(tiny_flux.load_flux(schnell), tmp_path / "schnell.safetensors")
    usual = {
        "model__name_or_path": str(schnell), "train__steps": 2, "train__disable_sampling": False,
        "sample__sample_every": 2, "sample__format": "png",
    }  # fmt: skip
    seen: dict[str, list[float]] = {}
    drawn: dict[str, bytes] = {}
    for option in ("plain", *OPTIONS):
        named = {} if option == "plain" else {f"model__{option}": str(assistant)}
        folder = runs.finished(new_run, option, **usual, **named)
        seen[option] = [row["loss"] for row in runs.rows(folder).values()]
        drawn[option] = min(folder.samples.glob("*.png")).read_bytes()
        assert len(runs.weights_file(folder)) == len(runs.state_of(folder, 2))
    assert seen["lora_path"] == pytest.approx(seen["assistant_lora_path"], rel=1e-4)
    assert seen["inference_lora_path"] == seen["plain"] != seen["lora_path"]
    assert drawn["assistant_lora_path"] == drawn["plain"]
    assert drawn["plain"] not in (drawn["lora_path"], drawn["inference_lora_path"])
