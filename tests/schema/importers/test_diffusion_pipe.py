"""diffusion-pipe: the main TOML with its dataset TOML."""

from pathlib import Path
from typing import Any

import pytest

from schema.importers.diffusion_pipe import read_pipe
from tests.schema.importers.reading import (
    FOLDER,
    accounted,
    data,
    document,
    leaves,
    pictures,
    result,
    unequal,
)

_MAPPED: dict[str, Any] = {
    "config.name": "pipe",
    "training_folder": "/data/runs/wan_ring",
    "model.arch": "wan21",
    "model.name_or_path": "/models/Wan2.1-T2V-14B",
    "model.dtype": "float8",
    "network.type": "lora",
    "network.linear": 32,
    "network.pretrained_lora_path": "/data/runs/wan_ring/old/epoch10",
    "train.dtype": "bf16",
    "train.steps": 5000,
    "train.batch_size": 1,
    "train.gradient_accumulation": 4,
    "train.max_grad_norm": 1.0,
    "train.gradient_checkpointing": True,
    "train.timestep_type": "sigmoid",
    "train.min_denoising_steps": 100,
    "train.max_denoising_steps": 899,
    "train.lr": 2e-5,
    "train.optimizer": "adamw",
    "train.optimizer_params.betas": [0.9, 0.99],
    "train.optimizer_params.eps": 1e-8,
    "train.optimizer_params.weight_decay": 0.02,
    "train.lr_scheduler": "polynomial",
    "train.lr_scheduler_params.num_warmup_steps": 100,
    "train.lr_scheduler_params.lr_end": 0.0,
    "save.dtype": "bf16",
    "save.save_every": 500,
    "save.max_step_saves_to_keep": 0,
    "logging.log_every": 5,
    "logging.use_wandb": True,
    "logging.project_name": "rings",
    "logging.run_name": "wan",
    "datasets[0].folder_path": "pictures/rings",
    "datasets[0].mask_path": "pictures/masks",
    "datasets[0].num_repeats": 3,
    "datasets[0].resolution": [512, 480],
    "datasets[0].num_frames": 65,
    "datasets[0].buckets": True,
    "datasets[0].shuffle_tokens": True,
    "datasets[1].resolution": 768,
    "datasets[1].num_frames": 1,
}


def test_every_value_lands_on_its_path() -> None:
    found = document("pipe.toml")
    assert {path: found.value(path) for path in _MAPPED} == _MAPPED


def test_every_key_of_config_and_dataset_file_is_dealt_with() -> None:
    draft = result("pipe.toml").draft
    keys = leaves(data("pipe.toml"))
    sets = data("pipe_dataset.toml")
    keys |= set(sets)
    for index, directory in enumerate(sets["directory"]):
        keys |= {f"directory[{index}].{key}" for key in directory}
    assert keys - accounted(draft) == set()


def test_what_has_no_equal_is_listed_with_its_reason() -> None:
    found = result("pipe.toml")
    lost = unequal(found.draft)
    for key in ("model.shift", "blocks_to_swap", "eval_every_n_epochs", "num_ar_buckets"):
        assert lost.get(key), key
    assert "topsecret" not in found.text


@pytest.mark.parametrize(
    ("model", "arch"),
    [
        ({"type": "wan", "ckpt_path": "/m/Wan2.1-I2V-14B-480P"}, "wan21_i2v"),
        ({"type": "wan", "ckpt_path": "/m/Wan2.2-T2V-A14B"}, "wan22_14b"),
        ({"type": "wan", "ckpt_path": "/m/Wan2.2-TI2V-5B"}, "wan22_5b"),
        ({"type": "flux", "transformer_path": "/m/flux1-kontext-dev.safetensors"}, "flux_kontext"),
        ({"type": "flux2", "diffusion_model": "/m/flux-2-klein-base-4b.sft"}, "flux2_klein_4b"),
        ({"type": "sdxl", "checkpoint_path": "/m/xl.safetensors"}, "sdxl"),
        ({"type": "hunyuan-video"}, None),
    ],
)
def test_one_type_may_be_several_families(model: dict[str, Any], arch: str | None) -> None:
    draft = read_pipe({"model": model}, FOLDER)
    assert draft.get("model.arch") == arch
    assert ("model.type" in unequal(draft)) == (arch is None)


def test_epochs_examples_and_repeats_become_steps(tmp_path: Path) -> None:
    pictures(tmp_path / "a", 10)
    (tmp_path / "d.toml").write_text(
        "resolutions = [512, 768]\n[[directory]]\npath = 'a'\nnum_repeats = 2\n", encoding="utf-8"
    )
    values = {"model": {"type": "flux"}, "dataset": "d.toml", "epochs": 3}
    more = {"micro_batch_size_per_gpu": 4, "save_every_n_examples": 40}
    draft = read_pipe({**values, **more}, tmp_path)
    assert draft.get("train.steps") == 3 * 10  # 10 pictures x 2 sizes x 2 repeats / 4
    assert draft.get("save.save_every") == 10


def test_without_an_adapter_the_whole_model_is_trained() -> None:
    draft = read_pipe({"model": {"type": "sdxl", "text_encoder_1_lr": 1e-6}}, FOLDER)
    assert draft.get("network") is None
    assert draft.get("train.train_text_encoder") is True
    assert draft.get("train.text_encoder_lr") == 1e-6
