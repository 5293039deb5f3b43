"""`finetui demo --headless` as a newcomer's shell runs it, and what it leaves behind."""

from pathlib import Path

import pytest

from tests.e2e.cli import done, finetui, json_of, rows_of

STEPS = 20


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One FINETUI_HOME for all tests of this file, which share a run."""
    return str(tmp_path_factory.mktemp("home"))


@pytest.fixture(autouse=True)
def _shared_home(home: str, monkeypatch: pytest.MonkeyPatch, _own_home: None) -> None:
    monkeypatch.setenv("FINETUI_HOME", home)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, home: str) -> Path:
    """The demo project, trained for a few steps without a screen."""
    place = tmp_path_factory.mktemp("shell")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FINETUI_HOME", home)
        trained = finetui(
            "demo", "--headless", "--steps", STEPS, "--dir", "d", folder=place, timeout=300
        )
    done(trained)
    return place / "d"


@pytest.fixture
def run(project: Path) -> Path:
    """The one run of the project."""
    (folder,) = (path for path in (project / "output").iterdir() if path.is_dir())
    return folder


def test_the_project_lies_as_the_contract_says(project: Path) -> None:
    assert (project / "config.yaml").is_file()
    assert (project / "model" / "model_index.json").is_file()
    pictures = sorted((project / "images").glob("*.png"))
    assert 24 <= len(pictures) <= 40
    assert all(path.with_suffix(".txt").read_text().strip() for path in pictures)


def test_the_config_has_no_fault(project: Path) -> None:
    found = json_of(finetui("check", "--json", project / "config.yaml", folder=project))
    assert [finding for finding in found if finding["severity"] != "hint"] == []


def test_metrics_gives_a_row_for_each_step(project: Path, run: Path) -> None:
    rows = rows_of(finetui("metrics", run, "--json", folder=project))
    assert [row["step"] for row in rows] == list(range(1, STEPS + 1))
    for row in rows:
        assert row["loss"] > 0
        assert row["step_seconds"] > 0
        assert {"time", "grad_norm", "data_seconds"} <= set(row)
    later = rows_of(finetui("metrics", run, "--from", 11, "--every", 5, folder=project))
    assert [row["step"] for row in later] == [15, 20]


def test_ps_shows_the_finished_run_by_its_name(project: Path, run: Path) -> None:
    (row,) = json_of(finetui("ps", "--json", folder=project))
    assert row["state"] == "finished"
    assert (row["step"], row["steps"]) == (STEPS, STEPS)
    assert Path(row["folder"]) == run
    assert row["name"] == run.name
    assert row["error"] is None


def test_the_run_folder_holds_what_people_look_for(run: Path) -> None:
    assert (run / f"{run.name}.safetensors").is_file()
    assert (run / "config.yaml").is_file()
    assert (run / "log.txt").is_file()
    assert list((run / "samples").iterdir())


def test_diffusers_loads_the_result_and_the_picture_changes(project: Path, run: Path) -> None:
    import numpy
    import torch
    from diffusers import StableDiffusionPipeline

    pipeline = StableDiffusionPipeline.from_pretrained(project / "model", safety_checker=None)
    pipeline.set_progress_bar_config(disable=True)

    def picture() -> numpy.ndarray:
        return pipeline(
            "a picture",
            num_inference_steps=4,
            height=64,
            width=64,
            generator=torch.Generator().manual_seed(0),
            output_type="np",
        ).images[0]

    before = picture()
    assert numpy.array_equal(before, picture())
    pipeline.load_lora_weights(run / f"{run.name}.safetensors")
    after = picture()
    assert numpy.abs(before - after).max() > 1e-4
    pipeline.unload_lora_weights()
    assert numpy.abs(before - picture()).max() < 1e-5


def test_training_on_goes_on_where_it_stopped(project: Path, run: Path) -> None:
    more = finetui(
        "run", "config.yaml", "--set", f"train.steps={STEPS + 5}", folder=project, timeout=300
    )
    done(more)
    rows = rows_of(finetui("metrics", run, folder=project))
    assert [row["step"] for row in rows] == list(range(1, STEPS + 6))
