"""OneTrainer: settings with their concepts and samples, old layouts, presets."""

from pathlib import Path
from typing import Any

import pytest

from schema.importers.onetrainer import read_onetrainer
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
    "config.name": "ring",
    "training_folder": "workspace/ring",
    "model.arch": "sdxl",
    "model.name_or_path": "stabilityai/stable-diffusion-xl-base-1.0",
    "model.dtype": "float8",
    "model.vae_path": "madebyollin/sdxl-vae-fp16-fix",
    "model.vae_dtype": "float32",
    "network.type": "dora",
    "network.linear": 16,
    "network.linear_alpha": 8.0,
    "network.dropout": 0.05,
    "train.lr": 3e-4,
    "train.unet_lr": 2e-4,
    "train.text_encoder_lr": 1e-4,
    "train.train_text_encoder": True,
    "train.batch_size": 4,
    "train.gradient_accumulation": 2,
    "train.gradient_checkpointing": True,
    "train.dtype": "bf16",
    "train.ema_config.use_ema": True,
    "train.ema_config.ema_decay": 0.998,
    "train.max_grad_norm": 1.0,
    "train.noise_offset": 0.02,
    "train.min_denoising_steps": 100,
    "train.max_denoising_steps": 999,
    "train.loss_type": "mse",
    "train.min_snr_gamma": 5.0,
    "train.optimizer": "prodigy",
    "train.optimizer_params.d_coef": 0.8,
    "train.optimizer_params.weight_decay": 0.01,
    "train.optimizer_params.safeguard_warmup": True,
    "train.lr_scheduler": "cosine",
    "train.lr_scheduler_params.warmup_steps": 100,
    "train.lr_scheduler_params.eta_min": 3e-5,
    "save.dtype": "float16",
    "datasets[0].folder_path": "pictures/rings",
    "datasets[0].resolution": [768, 1024],
    "datasets[0].num_repeats": 3,
    "datasets[0].loss_multiplier": 0.5,
    "datasets[0].flip_x": True,
    "datasets[0].random_crop": True,
    "datasets[0].shuffle_tokens": True,
    "datasets[0].keep_tokens": 1,
    "datasets[0].cache_latents_to_disk": True,
    "datasets[1].resolution": 627,
    "datasets[1].token_dropout_rate": 0.2,
    "sample.sample_every": 50,
    "sample.format": "png",
    "sample.sampler": "k_dpmsolver++",
    "sample.samples[0].prompt": "a red ring",
    "sample.samples[0].neg": "blur",
    "sample.samples[0].guidance_scale": 7.0,
    "sample.samples[0].sample_steps": 20,
}


def test_every_value_lands_on_its_path() -> None:
    found = document("onetrainer.json")
    assert {path: found.value(path) for path in _MAPPED} == _MAPPED


def test_every_key_of_settings_concepts_and_samples_is_dealt_with() -> None:
    draft = result("onetrainer.json").draft
    settings = data("onetrainer.json")
    idle = {key: settings.pop(key) for key in ("optimizer_defaults", "secrets")}
    keys = leaves(settings) | set(idle)
    for index, concept in enumerate(data("onetrainer_concepts.json")):
        if concept.get("enabled", True):
            keys |= leaves(concept, f"concepts[{index}].")
    keys |= leaves(data("onetrainer_samples.json")[0], "samples[0].")
    keys |= {"concepts[1].enabled", "samples[1].enabled"}
    assert keys - accounted(draft) == set()


def test_what_has_no_equal_is_listed_with_its_reason() -> None:
    lost = unequal(result("onetrainer.json").draft)
    for key in (
        "epochs",
        "text_encoder.stop_training_after",
        "text_encoder_2.weight_dtype",
        "concepts[2].balancing",
        "concepts[0].image.enable_random_brightness",
        "perturbation_noise_weight",
        "backup_after",
        "masked_training",
    ):
        assert lost.get(key), key
    assert "hf_secret" not in result("onetrainer.json").text


def test_epochs_become_steps_where_the_pictures_are(tmp_path: Path) -> None:
    pictures(tmp_path / "a", 10)
    concepts = [{"path": str(tmp_path / "a"), "balancing": 4.0}]
    values = {"epochs": 3, "batch_size": 4, "gradient_accumulation_steps": 2, "concepts": concepts}
    draft = read_onetrainer({"training_method": "LORA", **values}, tmp_path)
    assert draft.get("train.steps") == 3 * 5


def test_presets_without_defaults_get_those_of_the_trainer() -> None:
    draft = read_onetrainer(
        {"training_method": "LORA", "model_type": "STABLE_DIFFUSION_15"}, FOLDER
    )
    assert draft.get("train.lr") == 3e-6
    assert draft.get("train.dtype") == "fp16"
    assert draft.get("network.linear") == 16
    assert draft.get("network.linear_alpha") == 1
    assert draft.get("train.lr_scheduler_params") == {"num_warmup_steps": 200}
    assert draft.get("train.optimizer_params") == {"eps": 1e-8}


def test_the_layout_of_old_versions_is_read() -> None:
    old = {"training_method": "FINE_TUNE", "optimizer": "ADAMW_8BIT", "optimizer_weight_decay": 0.3}
    draft = read_onetrainer({**old, "save_after": 50, "save_after_unit": "STEP"}, FOLDER)
    assert draft.get("train.optimizer") == "adamw8bit"
    assert draft.get("train.optimizer_params") == {"eps": 1e-8, "weight_decay": 0.3}
    assert draft.get("save.save_every") == 50
    assert draft.get("network") is None


@pytest.mark.parametrize(
    ("kind", "arch"), [("FLUX_DEV_1", "flux"), ("QWEN", "qwen_image"), ("Z_IMAGE", "zimage")]
)
def test_flow_families_get_flow_matching(kind: str, arch: str) -> None:
    values = {"training_method": "LORA", "model_type": kind, "lora_alpha": 8, "lora_rank": 16}
    draft = read_onetrainer({**values, "timestep_distribution": "LOGIT_NORMAL"}, FOLDER)
    assert draft.get("model.arch") == arch
    assert draft.get("train.noise_scheduler") == "flowmatch"
    assert draft.get("train.timestep_type") == "sigmoid"
    assert draft.get("network.linear_alpha") is None
    assert "8 / 16" in unequal(draft)["lora_alpha"]


def test_families_and_methods_that_are_not_here_are_listed() -> None:
    draft = read_onetrainer({"training_method": "FINE_TUNE_VAE", "model_type": "SANA"}, FOLDER)
    assert {"training_method", "model_type"} <= set(unequal(draft))
