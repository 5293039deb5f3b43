"""SimpleTuner: config.json with its data backends."""

from pathlib import Path
from typing import Any

import pytest

from schema.importers.simpletuner import read_simpletuner
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
    "config.name": "models",
    "training_folder": "output",
    "training_seed": 42,
    "model.arch": "flux",
    "model.name_or_path": "black-forest-labs/FLUX.1-dev",
    "model.quantize": True,
    "model.qtype": "qint8",
    "model.quantize_te": True,
    "model.qtype_te": "qint8",
    "network.type": "lora",
    "network.linear": 16,
    "train.lr": 1e-4,
    "train.steps": 10000,
    "train.batch_size": 1,
    "train.gradient_accumulation": 2,
    "train.gradient_checkpointing": True,
    "train.dtype": "bf16",
    "train.max_grad_norm": 1.0,
    "train.optimizer": "adamw",
    "train.optimizer_params.betas": [0.9, 0.95],
    "train.optimizer_params.weight_decay": 0.02,
    "train.lr_scheduler": "polynomial",
    "train.lr_scheduler_params.power": 0.8,
    "train.lr_scheduler_params.lr_end": 4e-7,
    "train.lr_scheduler_params.num_warmup_steps": 100,
    "train.timestep_type": "sigmoid",
    "train.noise_scheduler": "flowmatch",
    "save.save_every": 500,
    "save.max_step_saves_to_keep": 5,
    "save.push_to_hub": True,
    "save.hf_repo_id": "someone/ring",
    "logging.use_wandb": True,
    "logging.project_name": "lora-training",
    "logging.run_name": "ring",
    "datasets[0].folder_path": "pictures/rings",
    "datasets[0].num_repeats": 10,
    "datasets[0].resolution": 707,
    "datasets[0].random_crop": True,
    "datasets[0].caption_dropout_rate": 0.1,
    "datasets[0].control_path": ["pictures/edges"],
    "datasets[1].square_crop": True,
    "datasets[1].resolution": 512,
    "datasets[1].default_caption": "a ring",
    "sample.prompts": ["a red ring on a table"],
    "sample.neg": "blurry",
    "sample.seed": 7,
    "sample.width": 1024,
    "sample.height": 768,
    "sample.guidance_scale": 3.0,
    "sample.sample_steps": 20,
    "sample.sample_every": 250,
    "sample.sampler": "flowmatch",
}


def test_every_value_lands_on_its_path() -> None:
    found = document("simpletuner.json")
    assert {path: found.value(path) for path in _MAPPED} == _MAPPED


def test_every_key_of_config_and_backends_is_dealt_with() -> None:
    draft = result("simpletuner.json").draft
    keys = {key.removeprefix("--") for key in data("simpletuner.json")}
    for backend in data("simpletuner_data.json"):
        keys |= {f"{backend['id']}: {key}" for key in backend}
    assert keys - accounted(draft) == set()


def test_what_has_no_equal_is_listed_with_its_reason() -> None:
    found = result("simpletuner.json")
    lost = unequal(found.draft)
    for key in ("flow_schedule_shift", "grad_clip_method", "cloud: type", "words: probability"):
        assert lost.get(key), key
    assert "topsecret" not in found.text


def test_epochs_count_the_repeats_that_come_on_top(tmp_path: Path) -> None:
    pictures(tmp_path / "a", 6)
    backend = {"id": "a", "type": "local", "instance_data_dir": "a", "repeats": 1}
    (tmp_path / "data.json").write_text(f"[{backend!s}]".replace("'", '"'), encoding="utf-8")
    values = {"model_family": "sdxl", "data_backend_config": "data.json", "num_train_epochs": 5}
    draft = read_simpletuner({**values, "train_batch_size": 4}, tmp_path)
    assert draft.get("train.steps") == 5 * 3
    assert draft.datasets[0]["num_repeats"] == 2


@pytest.mark.parametrize(
    ("values", "arch"),
    [
        ({"model_family": "flux", "model_flavour": "kontext"}, "flux_kontext"),
        ({"model_family": "flux2", "model_flavour": "klein-9b"}, "flux2_klein_9b"),
        ({"model_family": "sd1x"}, "sd1"),
        ({"model_family": "kolors"}, None),
    ],
)
def test_families_with_their_flavours(values: dict[str, Any], arch: str | None) -> None:
    draft = read_simpletuner(values, FOLDER)
    assert draft.get("model.arch") == arch
    assert ("model_family" in unequal(draft)) == (arch is None)


def test_a_lycoris_file_is_read(tmp_path: Path) -> None:
    text = '{"algo": "lokr", "factor": 16, "full_matrix": true, "apply_preset": {"a": 1}}'
    (tmp_path / "l.json").write_text(text, encoding="utf-8")
    values = {"model_family": "flux", "model_type": "lora", "lora_type": "lycoris"}
    draft = read_simpletuner({**values, "lycoris_config": "l.json"}, tmp_path)
    assert draft.get("network.type") == "lokr"
    assert draft.get("network.lokr_factor") == 16
    assert draft.get("network.lokr_full_rank") is True
    assert unequal(draft)["lycoris: apply_preset"]


def test_curves_of_its_own_are_listed() -> None:
    draft = read_simpletuner({"model_family": "sdxl", "lr_scheduler": "sine"}, FOLDER)
    assert draft.get("train.lr_scheduler") == "constant"
    assert unequal(draft)["lr_scheduler"]
