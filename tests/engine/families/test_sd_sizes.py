"""The shipped configs are those of the original releases, and follow from their tensors' shapes.

Models of full size are built without memory: only names and shapes are looked at.
"""

from __future__ import annotations

from typing import Any

import pytest
from accelerate import init_empty_weights

from engine.families import ldm
from engine.families.clip import file_state
from engine.families.open_clip import to_open_clip
from engine.families.sd_data import configs
from engine.families.sd_layout import REFINER, SD1, SD2, SDXL, Layout
from engine.families.sd_parts import class_of
from engine.families.sd_shapes import (
    infer_open_clip,
    infer_text_encoder,
    infer_unet,
    infer_vae,
)

LAYOUTS = {layout.name: layout for layout in (SD1, SD2, SDXL, REFINER)}
# the parameters of the releases, as their model cards and diffusers' own files give them
COUNTS = {
    "sd1": {"unet": 859_520_964, "vae": 83_653_863, "text_encoder": 123_060_480},
    "sd2": {"unet": 865_910_724, "vae": 83_653_863, "text_encoder": 340_387_840},
    "sdxl": {"unet": 2_567_463_684, "vae": 83_653_863, "text_encoder": 123_060_480,
        "text_encoder_2": 694_659_840},
    "sdxl_refiner": {"vae": 83_653_863, "text_encoder_2": 694_659_840},
}  # fmt: skip


def empty(layout: Layout, part: str) -> Any:
    """One part of a release without memory for its weights."""
    config = configs(layout.name)[part]
    with init_empty_weights(include_buffers=True):
        if part in ("unet", "vae"):
            return class_of(part).from_config(config)
        from transformers import CLIPTextConfig

        return class_of(part, layout)(CLIPTextConfig(**config))


@pytest.mark.parametrize("name", list(LAYOUTS))
def test_the_shipped_configs_build_the_releases(name: str) -> None:
    for part, count in COUNTS[name].items():
        module = empty(LAYOUTS[name], part)
        assert sum(p.numel() for p in module.parameters()) == count, part


@pytest.mark.parametrize("name", list(LAYOUTS))
def test_the_shapes_of_a_release_give_its_configs_back(name: str) -> None:
    layout, known = LAYOUTS[name], configs(name)
    unet, vae = empty(layout, "unet"), empty(layout, "vae")
    table = ldm.unet_table(known["unet"])
    found = infer_unet(_shapes(ldm.to_ldm(table, _state(unet))), known["unet"])
    assert _said(found) == _said(known["unet"])
    table = ldm.vae_table(known["vae"])
    assert infer_vae(_shapes(ldm.to_ldm(table, _state(vae))), known["vae"]) == known["vae"]
    for part in layout.texts:
        state = file_state(_state(empty(layout, part.name)))
        config = known[part.name]
        found = (
            infer_open_clip(_shapes(to_open_clip(state, part.spare_layers)), config,
                            part.spare_layers)
            if part.open_clip
            else infer_text_encoder(_shapes(state), config)
        )  # fmt: skip
        # who pads and ends a prompt is the tokenizer's; SD2's projection is not kept by diffusers
        loose = {"bos_token_id", "eos_token_id"} | ({"projection_dim"} if name == "sd2" else set())
        assert {k: found[k] for k in config.keys() - loose} == {
            k: config[k] for k in config.keys() - loose
        }


def _state(module: Any) -> Any:
    return module.state_dict().items()


def _shapes(state: Any) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in state}


def _said(config: dict[str, Any]) -> dict[str, Any]:
    """Without what a config that does not say it means."""
    unsaid = {"transformer_layers_per_block": 1, "use_linear_projection": False}
    return {key: value for key, value in config.items() if value != unsaid.get(key)}


def test_the_spare_layer_of_sd2_is_a_copy_with_its_own_place() -> None:
    encoder = empty(SD2, "text_encoder")
    shapes = _shapes(to_open_clip(file_state(_state(encoder)), 1))
    assert "transformer.resblocks.23.attn.in_proj_weight" in shapes
    assert shapes["transformer.resblocks.0.attn.in_proj_weight"] == (3072, 1024)
    assert shapes["text_projection"] == (1024, 1024)
