"""The demo's promise, kept on the real thing: `finetui demo --headless`, then plain diffusers.

One whole training, shared by all tests here: the detached worker on the shipped model, pictures and
config, on one thread. Nothing of the engine judges the result.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import pytest
import yaml
from PIL import Image
from safetensors import safe_open

from tests.demo import judge
from tests.demo.detector import find_shape, find_zorb
from tui import cli

ROOT = Path(cli.__file__).parents[1]


@dataclass(frozen=True)
class Demo:
    """A trained demo project and what the command said."""

    folder: Path
    code: int
    stdout: str
    stderr: str
    metrics: list[dict[str, Any]]

    @property
    def model(self) -> Path:
        return self.folder / "model"

    @property
    def run(self) -> Path:
        return self.folder / "output" / "zorb"

    @property
    def process(self) -> dict[str, Any]:
        config = yaml.safe_load((self.folder / "config.yaml").read_text(encoding="utf-8"))
        process: dict[str, Any] = config["config"]["process"][0]
        return process

    @property
    def guidance(self) -> float:
        return float(self.process["sample"]["guidance_scale"])


def finetui(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, on the CPU even where there is a GPU."""
    return subprocess.run(
        [sys.executable, "-m", "tui.cli", *arguments],
        cwd=home,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "FINETUI_HOME": str(home / "home"),
            "CUDA_VISIBLE_DEVICES": "",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    home = tmp_path_factory.mktemp("demo")
    folder = home / "finetui-demo"
    done = finetui(home, "demo", "--headless")
    shown = finetui(home, "metrics", str(folder / "output" / "zorb"), "--json")
    rows = [json.loads(line) for line in shown.stdout.splitlines()]
    return Demo(folder, done.returncode, done.stdout, done.stderr, rows)


def test_it_trains_to_the_end_and_says_so(demo: Demo) -> None:
    assert demo.code == 0, demo.stderr
    assert demo.stdout == ""
    assert "Traceback" not in demo.stderr
    assert f"finished after {demo.process['train']['steps']} steps" in demo.stderr


def test_every_step_is_recorded_once(demo: Demo) -> None:
    steps = demo.process["train"]["steps"]
    assert [row["step"] for row in demo.metrics] == list(range(1, steps + 1))


def test_the_loss_curve_falls_and_keeps_falling(demo: Demo) -> None:
    losses = [row["loss"] for row in demo.metrics]
    quarter = len(losses) // 4
    first, second, third, last = (mean(losses[n * quarter : (n + 1) * quarter]) for n in range(4))
    assert first > second > third * 0.95
    assert last < 0.6 * first
    assert mean(losses[:20]) > 2 * last


def test_the_loss_on_fixed_pictures_noise_and_timesteps_at_least_halves(demo: Demo) -> None:
    images = demo.folder / "images"
    before = judge.fixed_loss(judge.load(demo.model), images)
    after = judge.fixed_loss(judge.load(demo.model, demo.run / "zorb.safetensors"), images)
    assert after <= before / 2, f"{before:.4f} -> {after:.4f}"


def test_it_did_not_know_the_zorb_and_now_draws_it(demo: Demo) -> None:
    before = judge.draw_zorbs(judge.load(demo.model), demo.guidance)
    assert sum(find_zorb(image) is not None for image in before) <= 2
    trained = judge.load(demo.model, demo.run / "zorb.safetensors")
    after = judge.draw_zorbs(trained, demo.guidance)
    assert sum(find_zorb(image) is not None for image in after) >= 12


def test_the_previews_show_it_happening(demo: Demo) -> None:
    prompts = demo.process["sample"]["prompts"]
    asked = [number for number, prompt in enumerate(prompts) if "zorb" in prompt]
    files = sorted((demo.run / "samples").glob("*.png"))
    steps = sorted({int(path.stem.split("__")[1].split("_")[0]) for path in files})
    assert steps[0] == 0
    assert steps[-1] == demo.process["train"]["steps"]
    seen = {
        step: [_found(demo.run / "samples", step, number) for number in asked]
        for step in (steps[0], steps[-1])
    }
    assert seen[steps[0]] == [False] * len(asked)
    assert sum(seen[steps[-1]]) >= len(asked) - 1


def _found(samples: Path, step: int, number: int) -> bool:
    (path,) = samples.glob(f"*__{step:09d}_{number}.png")
    with Image.open(path) as image:
        return find_zorb(image) is not None


def test_without_strength_the_lora_changes_nothing(demo: Demo) -> None:
    """The base model is untouched: at strength 0 diffusers draws its picture, bit for bit."""
    base, trained = (
        judge.load(demo.model),
        judge.load(demo.model, demo.run / "zorb.safetensors"),
    )
    prompt = ["a red circle in the middle"]
    plain = judge.draw(base, prompt, [3], demo.guidance)[0]
    assert find_shape(plain) is not None
    trained.set_adapters(trained.get_active_adapters(), 0.0)
    assert judge.draw(trained, prompt, [3], demo.guidance)[0].tobytes() == plain.tobytes()


def test_the_weights_say_what_they_are(demo: Demo) -> None:
    with safe_open(demo.run / "zorb.safetensors", "pt") as opened:
        assert json.loads(opened.metadata()["training_info"])["step"] == len(demo.metrics)
        assert any("zorb" in value for value in opened.metadata().values())


def test_the_same_command_again_keeps_everything_and_has_nothing_to_do(demo: Demo) -> None:
    weights = demo.run / "zorb.safetensors"
    before = weights.stat().st_mtime_ns, (demo.folder / "config.yaml").read_bytes()
    again = finetui(demo.folder.parent, "demo", "--headless")
    assert again.returncode == 0, again.stderr
    assert "has done all its steps already" in again.stderr
    assert (weights.stat().st_mtime_ns, (demo.folder / "config.yaml").read_bytes()) == before


def test_more_steps_go_on_where_it_ended(demo: Demo) -> None:
    """Last in this file: it changes the project that all tests share."""
    more = demo.process["train"]["steps"] + 4
    done = finetui(demo.folder.parent, "demo", "--headless", "--steps", str(more))
    assert done.returncode == 0, done.stderr
    shown = finetui(demo.folder.parent, "metrics", str(demo.run)).stdout.splitlines()
    rows = [json.loads(line) for line in shown]
    assert [row["step"] for row in rows] == list(range(1, more + 1))
    assert [row["loss"] for row in rows[:-4]] == [row["loss"] for row in demo.metrics]
