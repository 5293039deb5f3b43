"""Whole runs on Stable Diffusion 2 and SDXL: they learn, go on bit for bit, and train what is
asked.

A refiner is trained beside its base, on its own part of the noise.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from schema.run.layout import RunFolder
from tests.engine import tiny_sd
from tests.engine.core import runs
from tests.engine.core.runs import equal, finished, names, rows, state_of, weights_file

NewRun = Callable[..., RunFolder]
each_family = pytest.mark.parametrize("arch", ["sd2", "sdxl"])


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("sd-models")
    found = {
        "sd2": tiny_sd.build_sd2(folder / "sd2"),
        "sdxl": tiny_sd.build_sdxl(folder / "sdxl"),
    }
    return found | {"refiner": tiny_sd.build_refiner(folder / "refiner", found["sdxl"])}


@pytest.fixture
def new_run(tmp_path: Path, models: dict[str, Path], pictures: Path) -> NewRun:
    def lay(name: str = "run", arch: str = "sdxl", **changes: Any) -> RunFolder:
        settings = {"model__arch": arch} | changes
        config = runs.make_config(name, tmp_path / "out", models[arch], pictures, **settings)
        return runs.lay_out(config)

    return lay


@pytest.fixture(autouse=True)
def _torch_as_it_was() -> Iterator[None]:
    before = torch.are_deterministic_algorithms_enabled()
    yield
    torch.use_deterministic_algorithms(before)


def saved(folder: RunFolder) -> set[str]:
    """The names of the weights files and folders that are for people."""
    kind = re.compile(r"run(_refiner)?(_\d{9})?(\.safetensors)?")
    return {name for name in names(folder) if kind.fullmatch(name)}


def losses(folder: RunFolder) -> list[float]:
    return [row["loss"] for row in rows(folder).values()]


@each_family
@pytest.mark.proves("model.arch")
def test_a_lora_learns(new_run: NewRun, arch: str) -> None:
    few: dict[str, Any] = {"train__min_denoising_steps": 500, "train__max_denoising_steps": 504}
    folder = finished(new_run, arch=arch, train__steps=60, train__lr=5e-3, train__batch_size=4,
                      network={"linear": 16}, **few)  # fmt: skip
    found = losses(folder)
    assert sum(found[-10:]) < 0.9 * sum(found[:10])


@each_family
@pytest.mark.parametrize("network", [{"linear": 4}, None], ids=["lora", "full"])
def test_a_run_goes_on_bit_for_bit(
    new_run: NewRun, arch: str, network: dict[str, Any] | None
) -> None:
    options: dict[str, Any] = {
        "arch": arch,
        "network": network,
        "train__lr": 1e-3 if network else 1e-5,
        "train__train_text_encoder": True,
    }
    straight = finished(new_run, "straight", train__steps=4, **options)
    finished(new_run, "parts", train__steps=2, **options)
    parts = finished(new_run, "parts", train__steps=4, **options)
    assert rows(parts) == rows(straight)
    assert equal(state_of(parts, 4), state_of(straight, 4))
    assert equal(state_of(parts, 4, "optimizer"), state_of(straight, 4, "optimizer"))


@each_family
@pytest.mark.proves("datasets[].cache_text_embeddings", "datasets[].cache_latents")
def test_what_is_cached_trains_as_what_is_not(new_run: NewRun, arch: str) -> None:
    # one caption at a time in both: the last bits of a product depend on the batch
    options: dict[str, Any] = {"arch": arch, "train__steps": 3, "train__batch_size": 1}
    cached = finished(new_run, "cached", datasets__cache_text_embeddings=True, **options)
    plain = finished(new_run, "plain", **options)
    assert rows(cached) == rows(plain)
    assert equal(weights_file(cached), weights_file(plain))


@pytest.mark.proves("train.train_text_encoder", "network.network_kwargs.peft_format")
def test_both_text_encoders_are_trained_and_named_as_kohya_names_them(new_run: NewRun) -> None:
    folder = finished(
        new_run, train__steps=2, train__train_text_encoder=True, save__save_every=1,
        network={"linear": 4, "network_kwargs": {"peft_format": False}},
    )  # fmt: skip
    starts = {key.split("_text_model")[0].split("_down")[0] for key in weights_file(folder)}
    assert {"lora_te1", "lora_te2"} < starts
    one, two = state_of(folder, 1), state_of(folder, 2)
    moved = {name.split(".")[0] for name in one if not torch.equal(one[name], two[name])}
    assert moved == {"unet", "text_encoder", "text_encoder_2"}


@pytest.mark.proves("model.use_text_encoder_1", "model.use_text_encoder_2")
@pytest.mark.parametrize("left_out", [1, 2])
@pytest.mark.parametrize("network", [{"linear": 4}, None], ids=["lora", "full"])
def test_a_text_encoder_that_is_left_out_is_read_and_not_trained(
    new_run: NewRun, left_out: int, network: dict[str, Any] | None
) -> None:
    options: dict[str, Any] = {f"model__use_text_encoder_{left_out}": False}
    folder = finished(
        new_run, train__steps=1, train__lr=1e-4, train__train_text_encoder=True,
        network=network, **options,
    )  # fmt: skip
    trained = {name.split(".")[0] for name in state_of(folder, 1)}
    assert trained == {"unet", ["text_encoder_2", "text_encoder"][left_out - 1]}


def test_the_models_are_told_how_each_picture_was_framed(
    new_run: NewRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.families.sdxl import StableDiffusionXL
    from tests.engine import tiny

    wide = tiny.draw_pictures(tmp_path / "wide", 2, (160, 64))
    told: list[Any] = []
    real = StableDiffusionXL.unet_inputs

    def noted(self: Any, *args: Any) -> dict[str, Any]:
        found = real(self, *args)
        told.extend(found["added_cond_kwargs"]["time_ids"].tolist())
        return found

    monkeypatch.setattr(StableDiffusionXL, "unet_inputs", noted)
    square: dict[str, Any] = {"datasets__folder_path": str(wide), "datasets__square_crop": True}
    cached = finished(new_run, train__steps=1, **square)
    # 160 x 64 pictures, cut at the middle to 64 x 64
    assert told == [[64, 160, 0, 48, 64, 64]] * 2
    square["datasets__random_crop"] = True
    told.clear()
    finished(new_run, "random", train__steps=3, datasets__cache_latents=False, **square)
    assert len({row[3] for row in told}) > 2
    assert cached.path.exists()


REFINED: dict[str, Any] = {"network": None, "train__lr": 1e-4, "train__steps": 2}


@pytest.mark.proves("model.refiner_name_or_path", "train.train_refiner", "train.refiner_lr")
def test_base_and_refiner_are_trained_at_rates_of_their_own_and_saved_side_by_side(
    new_run: NewRun, models: dict[str, Path]
) -> None:
    from engine.families.sd_layout import REFINER
    from engine.families.sd_source import open_source

    options = REFINED | {"model__refiner_name_or_path": str(models["refiner"]),
        "save__save_every": 1, "train__refiner_lr": 3e-5}  # fmt: skip
    folder = finished(new_run, **options)
    assert {row["lr/refiner"] for row in rows(folder).values()} == {3e-5}
    assert {row["lr/unet"] for row in rows(folder).values()} == {1e-4}
    one, two = state_of(folder, 1), state_of(folder, 2)
    moved = {name.split(".")[0] for name in one if not torch.equal(one[name], two[name])}
    assert moved == {"unet", "refiner"}
    expected = [f"run{step}" for step in ("", "_000000001", "_000000002")]
    expected += [name.replace("run", "run_refiner") for name in expected]
    assert saved(folder) == {f"{name}.safetensors" for name in expected}
    source = open_source(folder.path / "run_refiner.safetensors", REFINER)
    unet = source.load("unet", torch.float32).state_dict()
    assert all(torch.equal(unet[k], two[f"refiner.{k}"]) for k in unet)
    frozen = finished(new_run, "frozen", **options | {"train__train_refiner": False})
    assert {name.split(".")[0] for name in state_of(frozen, 2)} == {"unet"}
    assert not [name for name in names(frozen) if "refiner" in name]


@pytest.mark.proves("train.refiner_lr")
def test_a_refiner_without_a_rate_of_its_own_has_the_runs(
    new_run: NewRun, models: dict[str, Path]
) -> None:
    folder = finished(new_run, **REFINED, model__refiner_name_or_path=str(models["refiner"]))
    assert {row["lr/refiner"] for row in rows(folder).values()} == {1e-4}


@pytest.mark.proves("train.train_unet", "train.train_refiner")
def test_the_refiner_can_be_trained_alone(new_run: NewRun, models: dict[str, Path]) -> None:
    folder = finished(
        new_run, **REFINED, model__refiner_name_or_path=str(models["refiner"]),
        train__train_unet=False,
    )  # fmt: skip
    assert {name.split(".")[0] for name in state_of(folder, 2)} == {"refiner"}
    assert saved(folder) == {"run_refiner.safetensors", "run_refiner_000000002.safetensors"}


@pytest.mark.proves("model.refiner_start_at")
@pytest.mark.parametrize("start", [0.25, 0.75])
def test_the_noise_range_is_split_between_base_and_refiner(
    new_run: NewRun, models: dict[str, Path], monkeypatch: pytest.MonkeyPatch, start: float
) -> None:
    from engine.families.sdxl import StableDiffusionXL

    seen: dict[str, list[int]] = {"unet": [], "refiner": []}
    real = StableDiffusionXL.predict

    def noted(self: Any, denoiser: Any, latents: Any, t_B: Any, *args: Any) -> Any:
        seen[denoiser.name] += t_B.tolist()
        return real(self, denoiser, latents, t_B, *args)

    monkeypatch.setattr(StableDiffusionXL, "predict", noted)
    options = REFINED | {"train__steps": 8, "model__refiner_name_or_path": str(models["refiner"])}
    finished(new_run, **options, model__refiner_start_at=start)
    border = 1000 - round(999 * start)
    assert len(seen["unet"]) == len(seen["refiner"]) == 16  # each sees every item
    assert min(seen["unet"]) >= border > max(seen["refiner"])


def test_a_refined_run_goes_on_bit_for_bit(new_run: NewRun, models: dict[str, Path]) -> None:
    options = REFINED | {"model__refiner_name_or_path": str(models["refiner"])}
    straight = finished(new_run, "straight", **options | {"train__steps": 4})
    finished(new_run, "parts", **options)
    parts = finished(new_run, "parts", **options | {"train__steps": 4})
    assert rows(parts) == rows(straight)
    assert equal(state_of(parts, 4), state_of(straight, 4))


@pytest.mark.proves("save.max_step_saves_to_keep")
def test_saved_refiners_are_pruned_with_their_base(
    new_run: NewRun, models: dict[str, Path]
) -> None:
    options = REFINED | {"train__steps": 3, "save__save_every": 1,
        "save__max_step_saves_to_keep": 1, "save__save_format": "diffusers",
        "model__refiner_name_or_path": str(models["refiner"])}  # fmt: skip
    folder = finished(new_run, **options)
    assert saved(folder) == {"run", "run_refiner", "run_000000003", "run_refiner_000000003"}


@pytest.mark.proves("train.train_refiner")
def test_a_network_never_trains_the_refiner(new_run: NewRun, models: dict[str, Path]) -> None:
    with_refiner = finished(
        new_run, "with", train__steps=2, model__refiner_name_or_path=str(models["refiner"])
    )
    without = finished(new_run, "without", train__steps=2)
    assert equal(weights_file(with_refiner), weights_file(without))


@pytest.mark.proves("sample.refiner_start_at", "train.train_refiner")
@pytest.mark.parametrize("network", [{"linear": 4}, None], ids=["lora", "full"])
@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
def test_previews_of_a_run_are_refined_and_training_is_not_disturbed(
    new_run: NewRun, models: dict[str, Path], network: dict[str, Any] | None, dtype: str
) -> None:
    options: dict[str, Any] = {"network": network, "train__lr": 1e-4, "train__steps": 2,
        "train__dtype": dtype, "model__refiner_name_or_path": str(models["refiner"]),
        "sample__sample_every": 1, "sample__sample_steps": 4,
        "sample__refiner_start_at": 0.25, "sample__guidance_rescale": 0.5}  # fmt: skip
    drawn = finished(new_run, "drawn", train__disable_sampling=False, **options)
    samples = runs.kinds(drawn, "sample")
    assert len(samples) == 3
    assert {(row["refiner_start_at"], row["guidance_rescale"]) for row in samples} == {(0.25, 0.5)}
    plain = finished(new_run, "plain", **options)
    assert rows(drawn) == rows(plain)
    assert equal(state_of(drawn, 2), state_of(plain, 2))


def test_check_finds_nothing_wrong_with_a_refined_run(
    new_run: NewRun, models: dict[str, Path]
) -> None:
    from schema.check import check_file

    folder = new_run(
        model__refiner_name_or_path=str(models["refiner"]), sample__refiner_start_at=0.5
    )
    assert [f for f in check_file(folder.config) if f.severity == "error"] == []
