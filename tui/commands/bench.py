"""`finetui bench`: throughput, memory and, on a GPU, how much of it is used.

The measuring needs torch, so it is done by `engine.bench` in a process of its own; this command
passes the options on and prints what came back.
"""

import argparse
import importlib.util
import json
import subprocess
import sys
from typing import Any

from schema.extras import install_command

OPTIONS = ("family", "size", "steps", "batch", "resolution", "dtype", "device")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own options; `engine.bench` checks their values."""
    parser.add_argument("--family", default="sd1", help="model family (default: sd1)")
    parser.add_argument("--size", default="tiny", help="tiny, or real: the original's size")
    parser.add_argument("--steps", type=int, help="steps to time")
    parser.add_argument("--batch", type=int, help="pictures a step")
    parser.add_argument("--resolution", type=int, help="pixels along each side")
    parser.add_argument("--dtype", help="fp32, bf16 or fp16")
    parser.add_argument("--device", help="cpu, cuda, cuda:1, mps")
    parser.add_argument("--full", action="store_true", help="train the whole model, not a LoRA")
    parser.add_argument("--checkpointing", action="store_true", help="trade time for memory")
    parser.add_argument("--json", action="store_true", help="the figures as one JSON object")


def run(args: argparse.Namespace) -> int:
    """Start the measuring and print its figures; its exit code is ours."""
    if importlib.util.find_spec("torch") is None:
        words = f"measuring needs the engine: {install_command('engine')}"
        print(f"finetui bench: {words}", file=sys.stderr)
        return 3
    command = [sys.executable, "-P", "-m", "engine.bench"]
    for name in OPTIONS:
        value = getattr(args, name)
        if value is not None:
            command += [f"--{name}", str(value)]
    command += [f"--{name}" for name in ("full", "checkpointing") if getattr(args, name)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        output = child.stdout.read() if child.stdout else ""
    if child.returncode:
        if child.returncode == 1:
            print("finetui bench: it did not run; `finetui doctor` may say why", file=sys.stderr)
        return 3 if child.returncode == 1 else child.returncode
    figures = json.loads(output.strip().splitlines()[-1])
    print(json.dumps(figures) if args.json else as_text(figures))
    return 0


def as_text(found: dict[str, Any]) -> str:
    """The figures in lines for people."""
    trained = found["trained_parameters"] / 1e6
    lines = [
        f"{found['family']} {found['size']}: {found['parameters'] / 1e6:.1f} M parameters, "
        f"{trained:.2f} M trained, {found['dtype']}",
        f"{found['device']}; batch {found['batch']} at {found['resolution']} x "
        f"{found['resolution']}",
        "",
        f"step        {found['step_seconds'] * 1000:.1f} ms",
        f"throughput  {found['images_per_second']:.2f} pictures/s",
        f"memory      {found['memory'] / 2**30:.2f} GiB",
        f"start       model {found['load_seconds']:.1f} s, "
        f"first step {found['first_step_seconds']:.1f} s",
        f"arithmetic  {found['tflops_per_second']:.3g} TFLOPS",
    ]
    if found["mfu"] is not None:
        lines.append(f"utilisation {found['mfu']:.1%} of {found['peak_tflops']:.0f} TFLOPS (MFU)")
    return "\n".join(lines)
