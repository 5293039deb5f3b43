"""How far the formula of `schema.estimate.activations` is from recording every tensor of a step, on
models of the releases' true sizes: `python -m tests.bench.bench_activations sdxl flux`.

A line per family and bucket. Nothing is downloaded and nothing computed: shapes only.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import torch

from engine.counts.activations import Recorder
from engine.counts.model import opened, prompt_row
from engine.counts.recording import fake
from engine.networks import build
from schema.estimate import activations
from schema.estimate.scope import model_part
from tests.engine.counts import hollow
from tests.engine.counts.models import process

BUCKETS = ((1, 1.25, 0.8), (4, 0.77, 1.3), (2, 1.5, 0.66), (1, 0.7, 0.7))
LORA = {"type": "lora", "linear": 16, "linear_alpha": 16}


def compare(arch: str, folder: Path) -> None:
    """All buckets of one family, without and with gradient checkpointing."""
    part = model_part(process(arch, hollow.build(folder / arch, arch), LORA, dtype="bf16"))
    family = opened(part, torch.bfloat16)
    trained = build(family, part.network, part.train, "safetensors", 0)
    multiple, side = family.size_multiple, int(family.row.resolution)
    with fake():
        recorder = Recorder(family, trained, part, prompt_row(family))
        for how in ("plain", "checkpointed"):
            if how == "checkpointed":
                recorder.checkpoint()
            began = time.perf_counter()
            points = [recorder.training(*one) for one in recorder.points()]
            print(f"{arch} {how}: {len(points)} points in {time.perf_counter() - began:.0f} s")
            for batch, across, down in BUCKETS:
                width, height = (round(side * s / multiple) * multiple for s in (across, down))
                real = recorder.training(batch, (width, height))
                kept = activations.kept(points, batch, real.pixels) or 0.0
                peak = activations.peak(points, batch, real.pixels) or 0.0
                print(
                    f"  {batch} of {width}x{height}: "
                    f"kept {real.kept / 2**20:.0f} MiB {kept / real.kept - 1:+.2%}, "
                    f"peak {real.peak / 2**20:.0f} MiB {peak / real.peak - 1:+.2%}",
                    flush=True,
                )


def main() -> None:
    """The families named, or Stable Diffusion 1."""
    with tempfile.TemporaryDirectory() as folder:
        for arch in sys.argv[1:] or ["sd1"]:
            compare(arch, Path(folder))


if __name__ == "__main__":
    main()
