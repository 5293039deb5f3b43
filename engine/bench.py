"""`python -P -m engine.bench`: how fast this machine trains, measured on the trainer's own step.

A model of a family's true shape with random weights, random latents and embeddings, and exactly
the parts that a training run is built of; no files, no loader, no previews. On a GPU the model
FLOPs utilisation is told as well: the floating-point operations that the mathematics of the step
needs (counted on a copy without memory, so without what checkpointing repeats), per second, as a
part of the device's peak for dense matrices. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import logging
import resource
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from types import SimpleNamespace
from typing import Any, Final

import torch
from torch.utils.flop_counter import FlopCounterMode

from engine.accelerator import pick_device
from engine.assembly.optimization import build_optimization
from engine.bench_models import MODELS, RESOLUTIONS, SIZES, random_conditioning
from engine.data.batch import Batch
from engine.errors import ConfigError
from engine.families.base import Family
from engine.jobs.train import TrainingJob
from engine.step import TrainingStep
from schema.sections.job import TrainerProcess

BLOCKS: Final = 5
"""The steps are timed in so many blocks, and the median block counts."""

# Dense TFLOPS in 16 bit with 32-bit sums, from the makers' data sheets (not the sparse figure);
# the first part of the device's name that matches counts.
PEAK_TFLOPS: Final[dict[str, float]] = {
    "B200": 2250.0,
    "H200": 989.0,
    "GH200": 989.0,
    "H100 PCIe": 756.0,
    "H100 NVL": 835.0,
    "H100": 989.0,
    "A100": 312.0,
    "A40": 149.7,
    "L40S": 362.0,
    "L40": 181.0,
    "L4": 121.0,
    "RTX 6000 Ada": 364.2,
    "RTX A6000": 154.8,
    "RTX 5090": 209.5,
    "RTX 4090": 165.2,
    "RTX 4080": 97.5,
    "RTX 3090": 71.0,
    "T4": 65.0,
}


@dataclass(frozen=True)
class Asked:
    """What to measure."""

    family: str
    size: str
    steps: int
    batch: int
    resolution: int
    dtype: str
    full: bool
    checkpointing: bool


@dataclass(frozen=True)
class Measured:
    """What came out; memory in bytes, FLOPs of one step, `mfu` from 0 to 1."""

    family: str
    size: str
    device: str
    dtype: str
    batch: int
    resolution: int
    parameters: int
    trained_parameters: int
    steps: int
    step_seconds: float
    steps_per_second: float
    images_per_second: float
    load_seconds: float
    first_step_seconds: float
    memory: int
    flops_per_step: float
    tflops_per_second: float
    peak_tflops: float | None
    mfu: float | None


class RandomSource:
    """Batches that never change: what is measured is the step, not the loader."""

    batches_per_epoch = 1
    prompts = None
    caches_text = caches_latents = True

    def __init__(self, family: Family, asked: Asked, device: torch.device) -> None:
        shape = family.latent_shape(asked.resolution, asked.resolution)
        rows = list(range(asked.batch))
        self._batch = Batch(
            captions=[""] * asked.batch,
            items=rows,
            slots=rows,
            size=(asked.resolution, asked.resolution),
            latents=torch.randn(asked.batch, *shape, device=device),
            conditioning=random_conditioning(family, asked.batch).to(device),
        )

    def batch(self, step: int, micro: int) -> Batch:
        """The one batch."""
        return self._batch


class Silence:
    """Stands where a training run reports: nobody watches a measurement or stops it."""

    folder = SimpleNamespace(name="bench")

    def check(self) -> None:
        """Nobody asked to stop."""

    def say(self, line: str) -> None:
        """Nobody listens."""

    warning = say


class MeasuredJob(TrainingJob):
    """The training job's own parts around a random model; nothing of a run folder."""

    def __init__(self, asked: Asked, device: torch.device) -> None:
        self.asked, self.device = asked, device
        silence: Any = Silence()
        self.report, self.process = silence, _process(asked)
        self.train = self.process.train
        self.dtype = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[
            asked.dtype
        ]
        self.seed, self.saved, self.sizes = 0, None, None

    def build(self) -> tuple[Family, TrainingStep, int, int]:
        """The family, its step, and how many parameters there are and are trained."""
        family = MODELS[self.asked.family](self.asked.size, self.device, self.dtype)
        source: Any = RandomSource(family, self.asked, self.device)
        trained = self._load(family, source)
        accelerator = self._accelerator()
        learning = build_optimization(trained, self.train)
        step = self._step(family, source, trained, learning, accelerator)
        step.begin(0)
        learned = sum(p.numel() for group in trained.groups.values() for p in group.values())
        everything = sum(p.numel() for d in family.denoisers for p in d.module.parameters())
        return family, step, everything if self.asked.full else everything - learned, learned


def _process(asked: Asked) -> TrainerProcess:
    """The config of the run that is imitated: LoRA of rank 16, AdamW, or a full fine-tune."""
    config: dict[str, Any] = {
        "type": "sd_trainer",
        "training_folder": "nowhere",
        "model": {"name_or_path": "random", "arch": asked.family},
        "train": {
            "steps": 10**6,
            "batch_size": asked.batch,
            "dtype": asked.dtype,
            "optimizer": "adamw",
            "gradient_checkpointing": asked.checkpointing,
            "disable_sampling": True,
        },
    }
    if not asked.full:
        config["network"] = {"type": "lora", "linear": 16, "linear_alpha": 16}
    return TrainerProcess.model_validate(config)


def measure(asked: Asked, device: torch.device) -> Measured:
    """Build, warm up, time `steps` steps."""
    began = time.perf_counter()
    job = MeasuredJob(asked, device)
    torch.manual_seed(0)
    _, step, everything, learned = job.build()
    _wait(device)
    loaded = time.perf_counter()
    step(1)
    _wait(device)
    first = time.perf_counter() - loaded
    step(2)
    step(3)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    seconds = _timed(step, asked.steps, device)
    flops = step_flops(asked)
    peak = peak_tflops(device)
    rate = flops / seconds / 1e12
    return Measured(
        family=asked.family,
        size=asked.size,
        device=_device_name(device),
        dtype=asked.dtype,
        batch=asked.batch,
        resolution=asked.resolution,
        parameters=everything,
        trained_parameters=learned,
        steps=asked.steps,
        step_seconds=seconds,
        steps_per_second=1 / seconds,
        images_per_second=asked.batch / seconds,
        load_seconds=loaded - began,
        first_step_seconds=first,
        memory=_peak_memory(device),
        flops_per_step=flops,
        tflops_per_second=rate,
        peak_tflops=peak,
        mfu=None if peak is None else rate / peak,
    )


def _timed(step: TrainingStep, steps: int, device: torch.device) -> float:
    """Seconds a step: the median of the blocks' means; the device is waited for between blocks."""
    blocks, done = [], 3
    for _ in range(BLOCKS):
        count = max(1, steps // BLOCKS)
        begin = time.perf_counter()
        for number in range(done + 1, done + count + 1):
            step(number)
        _wait(device)
        blocks.append((time.perf_counter() - begin) / count)
        done += count
        print(f"{done - 3} of {steps} steps, {blocks[-1]:.3f} s each", file=sys.stderr, flush=True)
    return statistics.median(blocks)


def step_flops(asked: Asked) -> float:
    """Floating-point operations of one step's forward and backward, a multiply-add counted as two.

    Counted on the meta device: shapes run through, nothing is computed or stored, and nothing is
    recomputed, as checkpointing would.
    """
    meta = torch.device("meta")
    plain = Asked(**{**asdict(asked), "checkpointing": False, "dtype": "fp32"})
    job = MeasuredJob(plain, meta)
    family = MODELS[plain.family](plain.size, meta, torch.float32)
    source: Any = RandomSource(family, plain, meta)
    job._load(family, source)
    batch = source.batch(1, 0)
    assert batch.latents is not None
    assert batch.conditioning is not None
    timesteps_B = torch.zeros(plain.batch, dtype=torch.long, device=meta)
    with FlopCounterMode(display=False) as counter:
        for denoiser in family.denoisers[:1]:
            predicted = family.predict(denoiser, batch.latents, timesteps_B, batch.conditioning)
            predicted.float().mean().backward()
    return float(counter.get_total_flops())


def peak_tflops(device: torch.device) -> float | None:
    """The device's dense 16-bit peak, if its name is known."""
    if device.type != "cuda":
        return None
    name = torch.cuda.get_device_name(device)
    return next((peak for part, peak in PEAK_TFLOPS.items() if part in name), None)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def _peak_memory(device: torch.device) -> int:
    """The most bytes that tensors held on a GPU; elsewhere the process's largest resident size."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type}, {torch.get_num_threads()} threads"


def parser() -> argparse.ArgumentParser:
    """The options; None means: what suits the size and the device."""
    found = argparse.ArgumentParser(prog="finetui bench", description=__doc__)
    found.add_argument("--family", choices=sorted(MODELS), default="sd1")
    found.add_argument("--size", choices=SIZES, default="tiny")
    found.add_argument("--steps", type=int, help="steps to time")
    found.add_argument("--batch", type=int, help="pictures a step")
    found.add_argument("--resolution", type=int, help="pixels along each side")
    found.add_argument("--dtype", choices=("fp32", "bf16", "fp16"))
    found.add_argument("--device", help="cpu, cuda, cuda:1, mps")
    found.add_argument("--full", action="store_true", help="train the whole model, not a LoRA")
    found.add_argument("--checkpointing", action="store_true", help="trade time for memory")
    return found


def asked_for(args: argparse.Namespace, device: torch.device) -> Asked:
    """The options with what was left open filled in."""
    big, gpu = args.size == "real", device.type != "cpu"
    return Asked(
        family=args.family,
        size=args.size,
        steps=args.steps or (100 if gpu or not big else 5),
        batch=args.batch or (4 if gpu or not big else 1),
        resolution=args.resolution or (RESOLUTIONS[args.size] if gpu or not big else 256),
        dtype=args.dtype or ("bf16" if gpu else "fp32"),
        full=args.full,
        checkpointing=args.checkpointing,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 2 where the device is not there, 3 where it fails."""
    args = parser().parse_args(arguments)
    # peft imports it where it is installed, and it tells of a kernel that nothing here uses.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    try:
        device = pick_device(args.device)
        found = measure(asked_for(args, device), device)
    except ConfigError as error:
        print(f"finetui bench: {error}", file=sys.stderr)
        return 2
    except torch.OutOfMemoryError:
        print("finetui bench: out of memory; try --batch 1 or --checkpointing", file=sys.stderr)
        return 3
    json.dump(asdict(found), sys.stdout)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
