"""Single files and saved models of FLUX.1: the original layout both ways, judged by diffusers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.errors import CheckpointError, DataError
from engine.families import flux_keys
from engine.families.flux_data import configs
from schema.formulas.sigmas import FlowShift
from tests.engine import tiny_flux

TRUE_SHAPE = configs()["transformer"] | {"num_layers": 1, "num_single_layers": 1}


def true_rows() -> dict[str, torch.Tensor]:
    """A transformer's tensors with the real number of rows and two columns: small enough to hold,
    wide enough for diffusers' converter, which knows FLUX.1's own width only.
    """
    from accelerate import init_empty_weights
    from diffusers import FluxTransformer2DModel

    with init_empty_weights():
        shapes = FluxTransformer2DModel.from_config(TRUE_SHAPE).state_dict()
    torch.manual_seed(0)
    return {k: torch.randn(v.shape[0], *[2] * (v.ndim - 1)) for k, v in shapes.items()}


def as_file(folder: Path, path: Path, *, prefix: str = "", stored: bool = True) -> Path:
    """The transformer of a folder as a file in the original layout."""
    config = json.loads((folder / "transformer" / "config.json").read_text())
    state = load_file(folder / "transformer" / "diffusion_pytorch_model.safetensors")
    tensors = {prefix + k: v.contiguous() for k, v in flux_keys.to_bfl(config, state.items())}
    metadata = {"finetui.configs": json.dumps({"transformer": config})} if stored else None
    save_file(tensors, path, metadata=metadata)
    return path


def weights(family: Any) -> dict[str, torch.Tensor]:
    """The transformer's weights."""
    found: dict[str, torch.Tensor] = family.denoisers[0].module.state_dict()
    return found


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    """Equal names and, bit for bit, tensors."""
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def test_the_original_layout_is_what_diffusers_converts() -> None:
    from diffusers.loaders.single_file_utils import convert_flux_transformer_checkpoint_to_diffusers

    state = true_rows()
    original = dict(flux_keys.to_bfl(TRUE_SHAPE, state.items()))
    assert original["double_blocks.0.img_attn.qkv.weight"].shape == (9216, 2)
    assert original["single_blocks.0.linear1.bias"].shape == (21504,)
    assert same(convert_flux_transformer_checkpoint_to_diffusers(dict(original)), state)
    assert same(dict(flux_keys.from_bfl(TRUE_SHAPE, original.items())), state)


def test_a_tensor_without_a_place_in_the_layout_is_not_lost_silently() -> None:
    with pytest.raises(AssertionError, match=r"extra\.weight"):
        dict(flux_keys.to_bfl(TRUE_SHAPE, [("extra.weight", torch.zeros(1))]))


def test_the_config_shows_in_the_shapes_of_a_file() -> None:
    from accelerate import init_empty_weights
    from diffusers import FluxTransformer2DModel

    for guided in (True, False):
        config = TRUE_SHAPE | {"guidance_embeds": guided}
        with init_empty_weights():
            state = FluxTransformer2DModel.from_config(config).state_dict()
        shapes = {k: tuple(v.shape) for k, v in flux_keys.to_bfl(config, state.items())}
        assert flux_keys.infer_config(shapes, configs()["transformer"]) == config


@pytest.mark.proves("model.extras_name_or_path")
@pytest.mark.parametrize("prefix", ["", "model.diffusion_model."])
def test_a_file_opens_with_the_other_parts_from_a_folder(
    dev: Path, tmp_path: Path, family: Any, prefix: str
) -> None:
    file = as_file(dev, tmp_path / "flux1.safetensors", prefix=prefix)
    opened = tiny_flux.load_flux(file, extras_name_or_path=str(dev))
    assert same(weights(opened), weights(family))
    prompts = ["a red circle"]
    ours, theirs = (f.encode_prompts(prompts).parts["text"] for f in (opened, family))
    assert torch.equal(ours, theirs)


def test_a_file_beside_a_models_folders_needs_no_extras(dev: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(dev, tmp_path / "model"))
    opened = tiny_flux.open_flux(as_file(dev, folder / "flux1.safetensors"))
    assert opened.configs["vae"]["latent_channels"] == 16


def test_a_file_alone_says_what_it_lacks(dev: Path, tmp_path: Path) -> None:
    file = as_file(dev, tmp_path / "flux1.safetensors")
    with pytest.raises(DataError, match=r"transformer alone.*model\.extras_name_or_path"):
        tiny_flux.open_flux(file)


def test_a_folder_of_the_transformer_alone_opens_too(
    dev: Path, tmp_path: Path, family: Any
) -> None:
    alone = Path(shutil.copytree(dev / "transformer", tmp_path / "alone"))
    opened = tiny_flux.load_flux(alone, extras_name_or_path=str(dev))
    assert same(weights(opened), weights(family))


@pytest.mark.proves("model.unet_path")
def test_the_denoiser_may_come_from_another_place(dev: Path, tmp_path: Path, family: Any) -> None:
    other = tiny_flux.build_flux(tmp_path / "other", seed=4)
    for place in (other / "transformer", as_file(other, tmp_path / "other.safetensors")):
        opened = tiny_flux.load_flux(dev, unet_path=str(place))
        assert same(weights(opened), weights(tiny_flux.load_flux(other)))
        assert not same(weights(opened), weights(family))
        for own, base in zip(opened.vae.parameters(), family.vae.parameters(), strict=True):
            assert torch.equal(own, base)


def test_the_schedule_of_a_file_follows_from_its_guidance_input(
    dev: Path, schnell: Path, tmp_path: Path
) -> None:
    """Each is given the other's folder, whose schedule would be wrong."""
    shapes = {}
    for name, folder, extras in (("dev", dev, schnell), ("schnell", schnell, dev)):
        file = as_file(folder, tmp_path / f"{name}.safetensors", stored=False)
        config = json.loads((folder / "transformer" / "config.json").read_text())
        with pytest.raises(DataError, match="needs a config"):  # heads are 16 wide here, not 128
            tiny_flux.open_flux(file, extras_name_or_path=str(extras))
        shapes[name] = flux_keys.infer_config(
            {k: tuple(v.shape) for k, v in load_file(file).items()}, config
        )
    assert shapes["dev"]["guidance_embeds"]
    assert not shapes["schnell"]["guidance_embeds"]
    shifts = [FlowShift.from_config(configs()[k]) for k in ("scheduler", "scheduler_schnell")]
    assert [s.by_resolution for s in shifts] == [True, False]
    assert shifts[1].factor(4096) == 1.0


def test_a_vae_file_in_the_original_layout_opens(dev: Path, tmp_path: Path, family: Any) -> None:
    """ae.safetensors: bare names, attention as 1x1 convolutions, no quant_conv."""
    from engine.families import ldm

    config = dict(family.configs["vae"])
    state = load_file(dev / "vae" / "diffusion_pytorch_model.safetensors")
    tensors = {k: v.contiguous() for k, v in ldm.to_ldm(ldm.vae_table(config), state.items())}
    assert tensors["encoder.mid.attn_1.q.weight"].ndim == 4
    save_file(tensors, tmp_path / "ae.safetensors")
    with pytest.raises(DataError, match="needs a config"):  # 8 channels do not make 32 groups
        tiny_flux.load_flux(dev, vae_path=str(tmp_path / "ae.safetensors"))
    wide = {k: v.repeat_interleave(4, 0) for k, v in tensors.items()}
    wide = {k: v.repeat_interleave(4, 1) if v.ndim == 4 else v for k, v in wide.items()}
    for name in ("encoder.conv_in.weight", "decoder.conv_in.weight"):
        wide[name] = tensors[name].repeat_interleave(4, 0)
    for name in ("encoder.conv_out", "decoder.conv_out"):
        wide[f"{name}.weight"] = tensors[f"{name}.weight"].repeat_interleave(4, 1)
        wide[f"{name}.bias"] = tensors[f"{name}.bias"]
    save_file({k: v.contiguous() for k, v in wide.items()}, tmp_path / "wide.safetensors")
    opened = tiny_flux.open_flux(dev, vae_path=str(tmp_path / "wide.safetensors"))
    opened.load_vae()
    assert opened.vae.config.block_out_channels == [32, 64, 64, 64]
    assert opened.vae.config.scaling_factor == 0.3611
    assert opened.encode_images(torch.zeros(1, 3, 64, 64)).isfinite().all()


def test_what_is_no_transformer_of_flux_is_refused(dev: Path, tmp_path: Path) -> None:
    save_file({"weight": torch.zeros(2)}, tmp_path / "x.safetensors")
    with pytest.raises(DataError, match=r"not a FLUX\.1 transformer: no img_in\.weight"):
        tiny_flux.open_flux(tmp_path / "x.safetensors", extras_name_or_path=str(dev))


# -- saving


def changed(folder: Path, **options: Any) -> Any:
    """A model whose transformer is not the folder's any more."""
    family = tiny_flux.load_flux(folder, **options)
    with torch.no_grad():
        for parameter in family.denoisers[0].module.parameters():
            parameter.add_(0.01)
    return family


def test_a_saved_folder_is_a_whole_model_for_diffusers(dev: Path, tmp_path: Path) -> None:
    from diffusers import FluxPipeline

    family = changed(dev)
    files = family.save_full(tmp_path / "saved", torch.float32, "diffusers")
    theirs = FluxPipeline.from_pretrained(tmp_path / "saved")
    assert same(theirs.transformer.state_dict(), weights(family))
    for name in ("text_encoder", "text_encoder_2", "vae"):
        base = getattr(FluxPipeline.from_pretrained(dev), name).state_dict()
        assert same(getattr(theirs, name).state_dict(), base)
    assert set(files) == {p for p in (tmp_path / "saved").rglob("*") if p.is_file()}
    assert same(weights(tiny_flux.load_flux(tmp_path / "saved")), weights(family))


def test_parts_that_were_not_trained_take_no_space_and_stay_when_the_base_goes(
    dev: Path, tmp_path: Path
) -> None:
    base = Path(shutil.copytree(dev, tmp_path / "base"))
    family = changed(base)
    family.save_full(tmp_path / "saved", torch.float32, "diffusers")
    linked = tmp_path / "saved" / "text_encoder_2" / "model.safetensors"
    assert linked.stat().st_ino == (base / "text_encoder_2" / "model.safetensors").stat().st_ino
    own = tmp_path / "saved" / "transformer" / "diffusion_pytorch_model.safetensors"
    assert own.stat().st_nlink == 1
    shutil.rmtree(base)
    assert same(weights(tiny_flux.load_flux(tmp_path / "saved")), weights(family))


def test_a_trained_clip_is_saved_with_the_model(dev: Path, tmp_path: Path) -> None:
    family = changed(dev, train__train_text_encoder=True)
    with torch.no_grad():
        for parameter in family.text_encoders["text_encoder"].parameters():
            parameter.mul_(1.5)
    family.save_full(tmp_path / "saved", torch.float32, "diffusers")
    again = tiny_flux.load_flux(tmp_path / "saved")
    prompts = ["a red circle"]
    ours, theirs = (f.encode_prompts(prompts).parts["pooled"] for f in (family, again))
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_saved_file_reads_back_in_the_original_layout(
    dev: Path, tmp_path: Path, dtype: torch.dtype
) -> None:
    family = changed(dev)
    file = tmp_path / "saved.safetensors"
    assert family.save_full(file, dtype, "safetensors", {"note": "x"}) == [file]
    tensors = load_file(file)
    assert tensors["double_blocks.0.img_attn.qkv.weight"].dtype == dtype
    assert not [key for key in tensors if "transformer_blocks" in key]
    again = tiny_flux.load_flux(file, extras_name_or_path=str(dev))
    rounded = {k: v.to(dtype).float() for k, v in weights(family).items()}
    assert same(weights(again), rounded)


def test_a_save_that_fails_leaves_what_was_there(
    dev: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    family = changed(dev)
    family.save_full(tmp_path / "saved", torch.float32, "diffusers")
    before = weights(tiny_flux.load_flux(tmp_path / "saved"))

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("engine.families.writing.save_file", full)
    with pytest.raises(CheckpointError, match="No space left"):
        changed(dev).save_full(tmp_path / "saved", torch.float32, "diffusers")
    assert same(weights(tiny_flux.load_flux(tmp_path / "saved")), before)
    assert [p.name for p in tmp_path.iterdir()] == ["saved"]
