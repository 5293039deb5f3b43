"""What a run writes for people: which files, when, in which form, and which of them stay."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import safetensors

from engine.errors import ConfigError
from engine.jobs import job_for
from schema.run.status import read_status
from tests.engine.core.conftest import NewRun
from tests.engine.core.runs import equal, finished, names, rows, run_here, weights_file


@pytest.mark.proves("train.steps", "save.save_every")
def test_saves_fire_on_multiples_and_hold_exactly_that_many_steps(new_run: NewRun) -> None:
    folder = finished(new_run, train__steps=5, save__save_every=2)
    files = [name for name in names(folder) if name.endswith(".safetensors")]
    assert files == [
        "run.safetensors",
        "run_000000002.safetensors",
        "run_000000004.safetensors",
        "run_000000005.safetensors",
    ]
    assert list(rows(folder)) == [1, 2, 3, 4, 5]
    short = finished(new_run, "short", train__steps=4)
    assert equal(weights_file(folder, 4), weights_file(short))
    assert not equal(weights_file(folder, 2), weights_file(folder, 4))
    assert equal(weights_file(folder), weights_file(folder, 5))


@pytest.mark.proves("save.max_step_saves_to_keep")
def test_old_saves_are_pruned_by_step_number(new_run: NewRun) -> None:
    folder = new_run(train__steps=6, save__save_every=1, save__max_step_saves_to_keep=2)
    others = [folder.path / "run_extra_000000001.safetensors", folder.path / "run_12.safetensors"]
    for other in others:
        other.write_bytes(b"someone else's")
    assert run_here(folder) == 0
    files = {name for name in names(folder) if name.endswith(".safetensors")}
    assert files == {
        "run.safetensors",
        "run_000000005.safetensors",
        "run_000000006.safetensors",
        *(other.name for other in others),
    }
    assert {p.name for p in folder.state.iterdir()} == {"step_000000005", "step_000000006"}


@pytest.mark.proves("save.save_format", "train.train_unet")
@pytest.mark.parametrize(
    ("save_format", "name"),
    [("safetensors", "run.safetensors"), ("diffusers", "run"), ("ckpt", "run.ckpt")],
)
def test_a_full_fine_tune_is_saved_in_the_format_asked_for(
    new_run: NewRun, save_format: str, name: str
) -> None:
    folder = finished(
        new_run,
        network=None,
        train__steps=2,
        train__lr=1e-5,
        save__save_every=1,
        save__max_step_saves_to_keep=1,
        save__save_format=save_format,
    )
    suffix = name.removeprefix("run")
    kept = [n for n in names(folder) if n.startswith("run") and n != "run.json"]
    assert kept == sorted([name, f"run_000000002{suffix}"])


@pytest.mark.proves("meta")
def test_a_file_says_how_it_was_trained(new_run: NewRun) -> None:
    folder = new_run(train__steps=2, trigger_word="sks")
    config = json.loads(folder.config.read_text())
    config["meta"] = {"author": "me", "title": "the [name]", "tags": ["a", "b"]}
    folder.config.write_text(json.dumps(config))
    assert run_here(folder) == 0
    with safetensors.safe_open(folder.step_file(None), "pt") as file:
        metadata = file.metadata()
    assert json.loads(metadata["training_info"])["step"] == 2
    assert json.loads(metadata["ss_tag_frequency"]) == {"1_sks": {"sks": 1}}
    assert metadata["ss_output_name"] == "run"
    assert (metadata["author"], metadata["title"]) == ("me", "the run")
    assert json.loads(metadata["tags"]) == ["a", "b"]


@pytest.mark.proves("job", "type", "training_folder", "device")
def test_a_process_runs_by_its_type_in_its_folder_on_its_device(new_run: NewRun) -> None:
    folder = finished(new_run, train__steps=1, device="cpu")
    config = json.loads(folder.config.read_text())
    assert folder.path.parent == Path(config["config"]["process"][0]["training_folder"])
    assert read_status(folder)["device"] == "cpu"
    with pytest.raises(ConfigError, match="'vae_trainer' cannot be run; known are sd_trainer"):
        job_for("vae_trainer")
