"""Makes everything that ships with the demo, from nothing: `python -m engine.demo.make`.

Random weights, drawn pictures, a trained VAE, then UNet and text encoder through the engine's own
full fine-tune (`base.yaml`, run by the worker like any other run), then the 16-bit copy that goes
into `assets/`. All seeds are fixed and everything runs on one thread of the CPU, half an hour in
all. What is finished in the work folder is not done again, so an interrupted make goes on.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

import torch

from engine.demo import pictures, train_vae
from engine.demo.model import new_parts
from engine.families.sd_saving import save_model
from schema.run.layout import RunFolder

HERE = Path(__file__).resolve().parent
ASSETS = HERE / "assets"
BASE_PICTURES = 1200
RUN_NAME = "base"
SIZE_LIMIT = 12_000_000
"""Bytes that everything shipped may take together."""


def make_start(folder: Path) -> None:
    """Write the model that the fine-tune starts from: a trained VAE, the rest random."""
    if folder.exists():
        return
    parts = new_parts()
    print(train_vae.train(parts.vae))
    save_model(parts, folder, torch.float32, "diffusers")


def make_pictures(folder: Path) -> None:
    """Draw the base pictures."""
    if not folder.exists():
        staged = folder.with_suffix(".partial")
        pictures.write_folder(pictures.base_pictures(BASE_PICTURES), staged)
        staged.rename(folder)


def make_base(work: Path) -> Path:
    """Run (or go on with) the full fine-tune of `base.yaml`; return the trained model's folder.

    Raises:
        SystemExit: the run did not finish.
    """
    run = RunFolder(work / "runs" / RUN_NAME)
    if not run.exists():
        text = (HERE / "base.yaml").read_text(encoding="utf-8").replace("{work}", str(work))
        RunFolder.create(run.path, text, RUN_NAME, base=work)
    root = str(HERE.parent.parent)
    code = subprocess.run(
        [sys.executable, "-P", "-m", "engine.worker", str(run.path)],
        env={**os.environ, "PYTHONPATH": root, "OMP_NUM_THREADS": "1"},
        check=False,
    ).returncode
    trained = run.step_file(None, "")
    if code or not trained.is_dir():
        raise SystemExit(f"the base run did not finish (exit code {code}); see {run.log}")
    return trained


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
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # the same sums in the same order on every machine
    work = arguments.work.absolute()
    work.mkdir(parents=True, exist_ok=True)
    make_start(work / "start")
    make_pictures(work / "pictures")
    size = install(make_base(work), arguments.assets)
    print(f"{arguments.assets}: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
