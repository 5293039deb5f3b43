"""Makes everything that ships with the demo, from nothing: `python -m engine.demo.make`.

Random weights, drawn pictures, a trained VAE, then UNet and text encoder through the engine's own
full fine-tune (`base.yaml`, run by the worker like any other run), then the 16-bit copy that goes
into `assets/`. All seeds are fixed, and on the CPU one thread is used: the same kind of machine
makes the same bits, in half an hour. With `--device cuda` the fine-tunes take minutes and the
last digits differ. What is finished in the work folder is not done again, so an interrupted make
goes on.
"""

import argparse
import os
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from engine.demo import pictures, train_vae
from engine.demo.model import new_parts
from engine.families.sd_saving import save_model
from schema.run.layout import RunFolder

HERE = Path(__file__).resolve().parent
ASSETS = HERE / "assets"
BASE_PICTURES = 1200
SIZE_LIMIT = 12_000_000
"""Bytes that everything shipped may take together."""


@dataclass(frozen=True)
class Stage:
    """One run of `base.yaml`, from the model `start` to the model `name`."""

    name: str
    start: str
    steps: int
    last_level: int  # of 1000 noise levels, counted from the noisiest, the cleanest to train

    def config(self, work: Path, device: str = "cpu") -> str:
        """The config of this run."""
        text = (HERE / "base.yaml").read_text(encoding="utf-8")
        for word, value in {**asdict(self), "work": work, "device": device}.items():
            text = text.replace("{" + word + "}", str(value))
        return text


STAGES = (
    Stage("places", start="start", steps=1000, last_level=299),
    Stage("base", start="places", steps=3000, last_level=999),
)
"""On all levels at once, places are never learned: only the noisiest hide them, and the loss there
is a thousandth of the loss elsewhere.
"""


def make_start(folder: Path) -> None:
    """Write the model that the fine-tune starts from: a trained VAE, the rest random."""
    if folder.exists():
        return
    parts = new_parts()
    print(train_vae.train(parts.vae, train_vae.STEPS))
    save_model(parts, folder, torch.float32, "diffusers")


def make_pictures(folder: Path) -> None:
    """Draw the base pictures."""
    if not folder.exists():
        staged = folder.with_suffix(".partial")
        pictures.write_folder(pictures.base_pictures(BASE_PICTURES), staged)
        staged.rename(folder)


def train_stage(work: Path, stage: Stage, device: str = "cpu") -> None:
    """Run (or go on with) one full fine-tune and put its model at `work`/<name>.

    Raises:
        SystemExit: the run did not finish.
    """
    if (work / stage.name).exists():
        return
    run = RunFolder(work / "runs" / stage.name)
    if not run.exists():
        RunFolder.create(run.path, stage.config(work, device), stage.name, base=work)
    code = subprocess.run(
        [sys.executable, "-P", "-m", "engine.worker", str(run.path)],
        env={**os.environ, "PYTHONPATH": str(HERE.parent.parent), "OMP_NUM_THREADS": "1"},
        check=False,
    ).returncode
    trained = run.step_file(None, "")
    if code or not trained.is_dir():
        raise SystemExit(f"{stage.name} did not finish (exit code {code}); see {run.path}")
    trained.rename(work / stage.name)


def install(trained: Path, assets: Path) -> int:
    """Put model and zorb pictures into `assets`, in place of what was there; return all bytes."""
    for part in ("model", "images"):
        shutil.rmtree(assets / part, ignore_errors=True)
    shutil.copytree(trained, assets / "model")
    pictures.write_folder(pictures.zorb_pictures(), assets / "images")
    size = sum(path.stat().st_size for path in assets.rglob("*") if path.is_file())
    if size > SIZE_LIMIT:
        raise SystemExit(f"{assets} takes {size} bytes, more than {SIZE_LIMIT}")
    return size


def main() -> None:
    """Make the demo's base model and pictures."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--work", type=Path, default=Path("build/demo"), help="scratch folder")
    parser.add_argument("--assets", type=Path, default=ASSETS, help="where the results go")
    parser.add_argument("--device", default="cpu", help="cpu (as shipped, repeatable) or cuda")
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # the same sums in the same order on every machine
    work = arguments.work.absolute()
    work.mkdir(parents=True, exist_ok=True)
    make_start(work / "start")
    make_pictures(work / "pictures")
    for stage in STAGES:
        train_stage(work, stage, arguments.device)
    size = install(work / STAGES[-1].name, arguments.assets)
    print(f"{arguments.assets}: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
