"""The factory of the demo's model: repeatable, resumable, and it uses the engine's own trainer."""

import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from engine.demo import make, pictures, train_vae
from engine.demo.make import Stage
from engine.demo.model import new_vae
from schema.check import check_file
from schema.document import Document
from schema.run.layout import RunFolder
from tests.demo import judge


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few scenes and steps: the same code in seconds."""
    monkeypatch.setattr(train_vae, "SCENES", 24)
    monkeypatch.setattr(train_vae, "HELD_OUT", 4)
    monkeypatch.setattr(train_vae, "STEPS", 2)
    monkeypatch.setattr(make, "BASE_PICTURES", 8)
    stages = (
        Stage("places", start="start", steps=1, last_level=299),
        Stage("base", start="places", steps=2, last_level=999),
    )
    monkeypatch.setattr(make, "STAGES", stages)


def vae() -> torch.nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return new_vae()


def test_the_rate_warms_up_and_ends_at_zero() -> None:
    rates = [train_vae.learning_rate(step, 1000) for step in range(1001)]
    assert rates[0] == train_vae.PEAK_LR / train_vae.WARM_UP
    assert max(rates) == rates[train_vae.WARM_UP] == train_vae.PEAK_LR
    assert rates == sorted(rates[:100]) + sorted(rates[100:], reverse=True)
    assert rates[1000] == pytest.approx(0.0, abs=1e-12)


@pytest.mark.usefixtures("small")
def test_the_vae_trains_alike_twice_whatever_was_drawn_before() -> None:
    first, second = vae(), vae()
    numbers = train_vae.train(first, 2)
    torch.randn(7)
    assert train_vae.train(second, 2) == numbers
    for name, weight in first.state_dict().items():
        assert torch.equal(weight, second.state_dict()[name]), name


@pytest.mark.usefixtures("small")
def test_training_the_vae_makes_it_better(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_vae, "BATCH", 2)
    monkeypatch.setattr(train_vae, "WARM_UP", 2)
    trained = vae()
    before = train_vae.calibrate(trained)["mse"]
    after = train_vae.train(trained, 30)["mse"]
    assert after < 0.7 * before


def test_a_settled_vae_has_no_noise_left_in_its_latents() -> None:
    module = vae().requires_grad_(False)
    pixels = train_vae.pixels_of([pictures.flat_scene(0, 0)])
    before = module.encode(pixels).latent_dist
    train_vae.settle(module)
    after = module.encode(pixels).latent_dist
    assert torch.equal(before.mean, after.mean)
    assert float(before.std.mean()) > 0.1 > 1e-4 > float(after.std.max())


@pytest.mark.usefixtures("small")
def test_calibration_gives_latents_the_wanted_deviation() -> None:
    module = vae()
    numbers = train_vae.calibrate(module)
    scaled = numbers["deviation"] * module.config["scaling_factor"]
    assert scaled == pytest.approx(train_vae.LATENT_DEVIATION, rel=1e-3)


def test_pixels_run_from_minus_one_to_one() -> None:
    black, white = (Image.new("L", (2, 3), shade) for shade in (0, 255))
    pixels = train_vae.pixels_of([black, white])
    assert pixels.shape == (2, 3, 3, 2)
    assert (pixels[0].unique().tolist(), pixels[1].unique().tolist()) == ([-1.0], [1.0])


@pytest.mark.parametrize("stage", make.STAGES, ids=lambda stage: stage.name)
def test_every_stage_is_a_valid_full_fine_tune(stage: Stage, tmp_path: Path) -> None:
    file = tmp_path / "stage.yaml"
    file.write_text(stage.config(tmp_path), encoding="utf-8")
    assert "{" not in file.read_text(encoding="utf-8").split("job:")[1]
    # the rate is a warning's business: it suits random weights, not a finished model
    assert {finding.code for finding in check_file(file, files=False)} <= {"rate-high"}
    process = Document.load(file).typed().config.process[0]
    assert process.network is None
    assert process.train.train_unet
    assert process.train.train_text_encoder
    assert process.train.steps == stage.steps
    assert process.training_seed is not None


def test_each_stage_starts_from_what_was_made_before() -> None:
    known = ["start"]
    for stage in make.STAGES:
        assert stage.start == known[-1]
        known.append(stage.name)


@pytest.mark.usefixtures("small")
def test_the_whole_factory_in_small_makes_a_model_that_diffusers_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    work, assets = tmp_path / "work", tmp_path / "assets"
    command = ["make", "--work", str(work), "--assets", str(assets)]
    monkeypatch.setattr(sys, "argv", command)
    make.main()
    start, made = judge.load(work / "start"), judge.load(assets / "model")
    assert not torch.equal(start.unet.conv_in.weight, made.unet.conv_in.weight)
    text = dict(made.text_encoder.named_parameters())
    assert any(
        not torch.equal(weight.half(), text[name].half())
        for name, weight in start.text_encoder.named_parameters()
    )
    assert torch.equal(
        start.vae.encoder.conv_in.weight.half(), made.vae.encoder.conv_in.weight.half()
    )
    assert len(list((assets / "images").glob("*.png"))) == pictures.ZORB_COUNT

    stamps = {path: path.stat().st_mtime_ns for path in work.rglob("*") if path.is_file()}
    make.main()
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps, "nothing is made twice"
    capfd.readouterr()


def test_a_stage_that_fails_stops_the_factory(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    stage = Stage("base", start="missing", steps=1, last_level=999)
    with pytest.raises(SystemExit, match="base did not finish"):
        make.train_stage(tmp_path, stage)
    assert RunFolder(tmp_path / "runs" / "base").exists()
    assert not (tmp_path / "base").exists()
    capfd.readouterr()


def test_too_large_a_result_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make, "SIZE_LIMIT", 1000)
    trained = tmp_path / "trained"
    trained.mkdir()
    (trained / "weights").write_bytes(bytes(2000))
    with pytest.raises(SystemExit, match="more than 1000"):
        make.install(trained, tmp_path / "assets")


def test_the_vae_script_trains_a_folder_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_vae, "SCENES", 8)
    monkeypatch.setattr(train_vae, "HELD_OUT", 2)
    module = vae()
    module.save_pretrained(tmp_path / "vae")
    monkeypatch.setattr(sys, "argv", ["train_vae", str(tmp_path), "--steps", "1"])
    train_vae.main()
    again = type(module).from_pretrained(tmp_path / "vae")
    assert not torch.equal(again.encoder.conv_in.weight, module.encoder.conv_in.weight)
    assert again.quant_conv.bias[-1].item() == train_vae.SETTLED
