"""kohya sd-scripts: the config TOML, the dataset TOML, folders with repeats, the command line."""

from pathlib import Path
from typing import Any

import pytest

from schema.importers import imported
from schema.importers.kohya import flattened, read_main
from schema.importers.kohya_command import read_command
from schema.importers.kohya_prompts import parsed
from tests.schema.importers.reading import (
    FOLDER,
    accounted,
    data,
    document,
    pictures,
    result,
    unequal,
)

_MAPPED: dict[str, Any] = {
    "config.name": "red_ring",
    "training_folder": "output/loras",
    "training_seed": 42,
    "model.arch": "sd1",
    "model.name_or_path": "models/v1-5-pruned-emaonly.safetensors",
    "model.vae_path": "models/vae-ft-mse.safetensors",
    "model.is_v_pred": False,
    "network.type": "lora",
    "network.linear": 32,
    "network.linear_alpha": 16,
    "network.dropout": 0.1,
    "network.conv": 8,
    "network.conv_alpha": 4,
    "train.lr": 1e-4,
    "train.unet_lr": 1e-4,
    "train.text_encoder_lr": 5e-5,
    "train.train_text_encoder": True,
    "train.optimizer": "adamw8bit",
    "train.optimizer_params.weight_decay": 0.1,
    "train.optimizer_params.betas": [0.9, 0.99],
    "train.optimizer_params.eps": 1e-8,
    "train.batch_size": 2,
    "train.dtype": "bf16",
    "train.gradient_checkpointing": True,
    "train.min_snr_gamma": 5,
    "train.noise_offset": 0.05,
    "train.min_denoising_steps": 100,
    "train.max_denoising_steps": 899,
    "train.reg_weight": 0.5,
    "train.skip_first_sample": False,
    "save.dtype": "float16",
    "save.max_step_saves_to_keep": 3,
    "save.hf_repo_id": "someone/rings",
    "save.hf_private": True,
    "logging.use_wandb": True,
    "logging.project_name": "rings",
    "datasets[0].folder_path": "pictures/rings",
    "datasets[0].num_repeats": 10,
    "datasets[0].caption_ext": ".txt",
    "datasets[0].default_caption": "a red ring",
    "datasets[0].shuffle_tokens": True,
    "datasets[0].keep_tokens": 1,
    "datasets[0].caption_dropout_rate": 0.05,
    "datasets[0].flip_x": True,
    "datasets[0].buckets": True,
    "datasets[0].bucket_tolerance": 64,
    "datasets[0].resolution": 627,
    "datasets[0].cache_latents_to_disk": True,
    "datasets[0].num_workers": 4,
    "datasets[1].is_reg": True,
    "datasets[1].shuffle_tokens": False,
    "sample.sampler": "euler_a",
    "sample.samples[0].prompt": "a red ring on a table",
    "sample.samples[0].neg": "lowres, bad",
    "sample.samples[0].width": 512,
    "sample.samples[0].height": 768,
    "sample.samples[0].seed": 7,
    "sample.samples[0].sample_steps": 28,
    "sample.samples[0].guidance_scale": 6.5,
    "sample.samples[1].prompt": "a -- b",
    "sample.seed": -1,
}


def test_every_value_of_a_config_lands_on_its_path() -> None:
    found = document("kohya_lora.toml")
    assert {path: found.value(path) for path in _MAPPED} == _MAPPED


def test_every_key_of_a_config_and_its_dataset_file_is_dealt_with() -> None:
    draft = result("kohya_lora.toml").draft
    sets = data("kohya_dataset.toml")
    keys = set(flattened(data("kohya_lora.toml")))
    keys |= {f"general.{key}" for key in sets["general"] if key != "shuffle_caption"}
    keys |= {f"datasets[0].{key}" for key in sets["datasets"][0] if key != "subsets"}
    for index, subset in enumerate(sets["datasets"][0]["subsets"]):
        keys |= {f"datasets[0].subsets[{index}].{key}" for key in subset}
    assert keys - accounted(draft) == set()


def test_what_has_no_equal_is_listed_with_its_reason() -> None:
    lost = unequal(result("kohya_lora.toml").draft)
    for key in (
        "clip_skip",
        "max_token_length",
        "noise_offset_random_strength",
        "network_args: loraplus_lr_ratio",
        "general.caption_prefix",
        "datasets[0].max_bucket_reso",
        "datasets[0].subsets[1].face_crop_aug_range",
        "save_state",
        "training_comment",
    ):
        assert lost.get(key), key


def test_keys_and_tokens_are_never_written() -> None:
    text = result("kohya_lora.toml").text
    assert "0123456789secret" not in text
    assert "hf_secret" not in text
    assert "wandb_api_key = (not shown)" in text
    assert "max_token_length = 225" in text


def test_epochs_become_steps_where_the_pictures_are(tmp_path: Path) -> None:
    pictures(tmp_path / "pictures" / "rings", 9)
    pictures(tmp_path / "pictures" / "reg", 2)
    for name in ("kohya_lora.toml", "kohya_dataset.toml", "kohya_prompts.txt"):
        (tmp_path / name).write_bytes((FOLDER / name).read_bytes())
    draft = imported(tmp_path / "kohya_lora.toml").draft
    # 9 pictures x 10 repeats, as many regularization pictures, batches of 2: 90 steps an epoch.
    assert draft.get("train.steps") == 900
    assert draft.get("save.save_every") == 180
    assert draft.get("sample.sample_every") == 90
    assert draft.get("train.lr_scheduler") == "cosine_with_restarts"
    assert draft.get("train.lr_scheduler_params")["T_0"] == 267  # (900 - 100) / 3, rounded up
    assert "max_train_epochs" not in unequal(draft)


def test_folders_named_with_a_count_become_datasets_with_repeats(tmp_path: Path) -> None:
    pictures(tmp_path / "img" / "10_red ring", 3)
    pictures(tmp_path / "img" / "2_blue_ring", 4)
    pictures(tmp_path / "img" / "notes", 1)
    values = {"train_data_dir": "img", "resolution": "512", "max_train_epochs": 2}
    draft = read_main(values, tmp_path, "train_network")
    found = [(d["folder_path"], d["num_repeats"], d["default_caption"]) for d in draft.datasets]
    assert found == [("img/10_red ring", 10, "red ring"), ("img/2_blue_ring", 2, "blue_ring")]
    assert draft.datasets[0]["caption_ext"] == ".caption"
    assert not draft.datasets[0]["buckets"]
    assert draft.get("train.steps") == 2 * (30 + 8)


def test_a_folder_that_is_not_here_is_kept_and_said() -> None:
    draft = read_main({"train_data_dir": "/nowhere/img"}, FOLDER, "train_network")
    assert draft.datasets[0]["folder_path"] == "/nowhere/img"
    assert "10_name" in unequal(draft)["train_data_dir"]


def test_a_command_line_with_its_launcher_is_read() -> None:
    found = document("kohya_flux.sh")
    expected = {
        "config.name": "flux-ring",
        "model.arch": "flux",
        "model.dtype": "float8",
        "model.vae_path": "/models/ae.safetensors",
        "network.linear": 4,
        "train.dtype": "bf16",
        "train.noise_scheduler": "flowmatch",
        "train.timestep_type": "shift",
        "train.optimizer": "adafactor",
        "train.lr_scheduler": "constant_with_warmup",
        "train.lr_scheduler_params.num_warmup_steps": 120,
        "train.max_grad_norm": 0.0,
        "train.steps": 1200,
        "train.train_text_encoder": False,
        "train.cache_text_embeddings": True,
        "save.save_every": 200,
        "save.max_step_saves_to_keep": 3,
        "datasets[0].resolution": 627,
    }
    assert {path: found.value(path) for path in expected} == expected
    path = FOLDER / "kohya_flux.sh"
    command = read_command(path, path.read_text(encoding="utf-8"))
    assert command.script == "flux_train_network"
    draft = result("kohya_flux.sh").draft
    assert set(command.values) - accounted(draft) == set()
    assert "(launcher) num_cpu_threads_per_process" in unequal(draft)
    assert unequal(draft)["blocks_to_swap"]
    assert unequal(draft)["t5xxl"]


@pytest.mark.parametrize(
    ("values", "name", "params"),
    [
        ({"lr_scheduler": "constant"}, "constant", None),
        ({"lr_scheduler": "linear"}, "linear", {"start_factor": 1.0, "end_factor": 0.0}),
        (
            {"lr_scheduler": "linear", "lr_warmup_steps": 10},
            "polynomial",
            {"num_warmup_steps": 10, "power": 1.0, "lr_end": 0.0},
        ),
        ({"lr_scheduler": "cosine"}, "cosine", {"eta_min": 0.0}),
        (
            {
                "lr_scheduler": "cosine_with_min_lr",
                "learning_rate": 1e-3,
                "lr_scheduler_min_lr_ratio": 0.1,
            },
            "cosine",
            {"eta_min": 1e-4},
        ),
        (
            {"lr_scheduler": "polynomial", "lr_scheduler_power": 2},
            "polynomial",
            {"power": 2.0, "lr_end": 1e-7},
        ),
        (
            {
                "lr_scheduler": "piecewise_constant",
                "lr_scheduler_args": ["step_rules=1:10,0.1:20,0.01"],
            },
            "piecewise_constant",
            {"step_rules": "1:10,0.1:20,0.01"},
        ),
    ],
)
def test_schedules_are_the_same_curve(
    values: dict[str, Any], name: str, params: dict[str, Any] | None
) -> None:
    draft = read_main(values, FOLDER, "train_network")
    assert draft.get("train.lr_scheduler") == name
    assert draft.get("train.lr_scheduler_params") == params


def test_a_schedule_that_is_not_here_is_listed() -> None:
    draft = read_main({"lr_scheduler": "inverse_sqrt"}, FOLDER, "train_network")
    assert draft.get("train.lr_scheduler") == "constant"
    assert unequal(draft)["lr_scheduler"]


@pytest.mark.parametrize(
    ("values", "script", "arch"),
    [
        ({}, "sdxl_train_network", "sdxl"),
        ({"v2": True}, "train_network", "sd2"),
        ({"network_module": "networks.lora_flux"}, "", "flux"),
        ({"model_type": "chroma"}, "flux_train_network", "chroma"),
        ({"clip_g": "g.safetensors"}, "", "sd3"),
        ({"pretrained_model_name_or_path": "ponyDiffusionV6XL.safetensors"}, "", "sdxl"),
        ({"pretrained_model_name_or_path": "dreamshaper_8.safetensors"}, "", "sd1"),
    ],
)
def test_the_family_is_told_by_script_module_or_name(
    values: dict[str, Any], script: str, arch: str
) -> None:
    draft = read_main(values, FOLDER, script)
    assert draft.get("model.arch") == arch
    guessed = any(note.key == "family" for note in draft.converted)
    assert guessed == (not script and "pretrained_model_name_or_path" in values)


def test_lycoris_networks_take_our_types() -> None:
    args = ["algo=lokr", "factor=8", "full_matrix=True"]
    draft = read_main({"network_module": "lycoris.kohya", "network_args": args}, FOLDER)
    assert draft.get("network.type") == "lokr"
    assert draft.get("network.lokr_factor") == 8
    assert draft.get("network.lokr_full_rank") is True
    draft = read_main({"network_module": "lycoris.kohya", "network_args": ["algo=loha"]}, FOLDER)
    assert unequal(draft)["network_args: algo"]


def test_without_a_network_the_whole_model_is_trained() -> None:
    draft = read_main({"learning_rate": 1e-5, "save_model_as": "diffusers"}, FOLDER, "fine_tune")
    assert draft.get("network") is None
    assert draft.get("save.save_format") == "diffusers"


def test_keys_of_datasets_that_are_not_here_are_listed() -> None:
    values = {"dataset_config": "/nowhere.toml", "cache_latents": True, "resolution": "512"}
    lost = unequal(read_main(values, FOLDER, "train_network"))
    assert {"dataset_config", "cache_latents", "resolution"} <= set(lost)


def test_prompt_lines_keep_what_is_no_flag() -> None:
    assert parsed("a cat --w 64 --H 96 --x 3") == {
        "prompt": "a cat --x 3", "width": "64", "height": "96",
    }  # fmt: skip
