"""What this machine has, what is missing, and what to do about it: the checks of `finetui doctor`.

Each check is a small function that returns rows; none imports torch (it is asked in a process of
its own) and none writes anything.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import psutil

from schema import __version__
from schema.extras import install_command
from schema.home import config_dir, state_dir
from tui import rooms, terminal

State = Literal["ok", "note", "missing", "broken"]
"""`note`: worth knowing; `missing`: something asked for would not work; `broken`: mend it first."""

ENGINE = ("torch", "diffusers", "transformers", "peft", "accelerate", "safetensors")
OPTIONAL: Mapping[str, tuple[str, str]] = {
    "bitsandbytes": ("8-bit optimizers such as adamw8bit", "8bit"),
    "prodigyopt": ("the optimizer prodigy", "optimizers"),
    "lion-pytorch": ("the optimizer lion", "optimizers"),
    "dadaptation": ("the D-Adaptation optimizers", "optimizers"),
    "wandb": ("metrics to Weights & Biases", "wandb"),
    "tensorboard": ("TensorBoard event files", "tensorboard"),
}
GIB = 2**30
ROOM_TO_TRAIN = 10 * GIB
"""Free bytes below which a full-size model with its checkpoints will not fit."""


@dataclass(frozen=True)
class Row:
    """One line of the diagnosis: what was looked at, how it stands, what to do."""

    section: str
    name: str
    state: State
    found: str
    advice: str | None = None


def diagnose(ask_torch: bool = True) -> list[Row]:
    """All checks in reading order; `ask_torch` starts a Python that imports torch (2 to 10 s)."""
    torch = torch_facts() if ask_torch and version("torch") else None
    gpus, driver = nvml()
    rows = [*python_rows(), *clash_rows(), *engine_rows(torch), *gpu_rows(gpus, driver, torch)]
    return [*rows, *optional_rows(), *disk_rows(), *host_rows(), *terminal_rows()]


def version(name: str) -> str | None:
    """Installed version of a distribution, from its metadata."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def python_rows() -> Iterator[Row]:
    """FineTUI itself, Python and the libraries of the screen."""
    here = Path(__file__).resolve().parent.parent
    yield Row("FineTUI", "finetui", "ok", f"{__version__} in {here}")
    yield Row("FineTUI", "python", "ok", f"{platform.python_version()}, {sys.executable}")
    names = ("textual", "pydantic", "ruamel.yaml", "pillow", "nvidia-ml-py", "psutil")
    known = ((name, version(name)) for name in names)
    yield Row("FineTUI", "libraries", "ok", ", ".join(f"{n} {v}" for n, v in known if v))


def clash_rows() -> Iterator[Row]:
    """Whether the four import names are ours; they are common words, others use them too."""
    wrong = {**rooms.strangers(), **{name: rooms.HOME / name for name in rooms.overwritten()}}
    for name in rooms.ROOMS:
        others = rooms.in_the_way(name)
        if name not in wrong and not others:
            continue
        blame = " and ".join(others) or "something else"
        found = f"{blame} also brings a package `{name}` ({wrong.get(name) or 'ours still wins'})"
        advice = (
            f"pip uninstall {' '.join(others) or name}, then install finetui again; best in an "
            "environment of its own: pipx install finetui"
        )
        yield Row("FineTUI", f"import {name}", "broken", found, advice)


def torch_facts() -> dict[str, Any]:
    """What torch says in a process of its own; `error` is set where it cannot even be asked."""
    command = [sys.executable, "-P", "-m", "engine.device_facts"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        facts = json.loads(done.stdout)
    except subprocess.CalledProcessError as error:
        lines = (error.stderr or "").strip().splitlines()
        return {"error": lines[-1] if lines else f"it ended with {error.returncode}"}
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        return {"error": str(error)}
    return facts if isinstance(facts, dict) else {"error": "no answer"}


def engine_rows(torch: Mapping[str, Any] | None) -> Iterator[Row]:
    """The libraries that train, by their metadata, and what torch says about itself."""
    absent = [name for name in ENGINE if version(name) is None]
    for name in ENGINE:
        found = version(name)
        if found is None:
            # Said once, below the last of them: one command brings them all.
            advice = f"{install_command('engine')} (in a clone: make install)"
            words = advice if name == absent[-1] else None
            yield Row("Training", name, "missing", "not installed", words)
        elif name != "torch":
            yield Row("Training", name, "ok", found)
        elif torch is None:
            yield Row("Training", name, "ok", f"{found} (not asked)")
        elif torch.get("error"):
            advice = "reinstall it: pip install --force-reinstall 'finetui[engine]'"
            yield Row("Training", name, "broken", str(torch["error"]), advice)
        else:
            yield Row("Training", name, "ok", torch_words(torch))
    if torch and torch.get("torchvision_error"):
        advice = "pip uninstall torchvision (nothing here needs it), or the build for this torch"
        yield Row("Training", "torchvision", "broken", str(torch["torchvision_error"]), advice)


def torch_words(torch: Mapping[str, Any]) -> str:
    """Version and what it computes on."""
    if torch["cuda"]:
        rows = [f"{row['name']} (compute {row['capability']})" for row in torch["devices"]]
        return f"{torch['version']}, CUDA {torch['cuda_build']} on {', '.join(rows)}"
    if torch["mps"]:
        return f"{torch['version']}, Apple GPU (mps)"
    build = f"CUDA {torch['cuda_build']} build, no GPU" if torch["cuda_build"] else "CPU build"
    return f"{torch['version']}, {build}, {torch['threads']} threads"


def nvml() -> tuple[list[dict[str, Any]], str]:
    """Each GPU's name and memory in bytes, and the driver's version or why there is none."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except (pynvml.NVMLError, OSError) as error:
        return [], str(error)
    try:
        driver = pynvml.nvmlSystemGetDriverVersion()
        rows = []
        for index in range(pynvml.nvmlDeviceGetCount()):
            handle = pynvml.nvmlDeviceGetHandleByIndex(index)
            memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
            name = pynvml.nvmlDeviceGetName(handle)
            rows.append({"name": name, "memory": memory.total, "used": memory.used})
    except pynvml.NVMLError as error:
        return [], str(error)
    finally:
        pynvml.nvmlShutdown()
    return rows, f"driver {driver}"


def gpu_rows(
    gpus: list[dict[str, Any]], driver: str, torch: Mapping[str, Any] | None
) -> Iterator[Row]:
    """NVML's view, and whether torch can use what NVML sees."""
    if not gpus:
        found = f"no NVIDIA GPU ({driver})"
        yield Row("GPU", "nvml", "note", found, "training runs on the CPU: for the demo, enough")
        return
    yield Row("GPU", "nvml", "ok", driver)
    for index, row in enumerate(gpus):
        used, total = row["used"] / GIB, row["memory"] / GIB
        yield Row("GPU", f"gpu {index}", "ok", f"{row['name']}, {used:.1f} of {total:.0f} GiB used")
    if torch and not torch.get("error") and not torch["cuda"]:
        build = torch["cuda_build"]
        advice = (
            f"the driver is too old for CUDA {build}: update it"
            if build
            else "install the CUDA build of torch: pip install --force-reinstall torch==2.13.0"
        )
        yield Row("GPU", "torch on GPU", "broken", "torch cannot use this GPU", advice)


def optional_rows() -> Iterator[Row]:
    """Packages that only some options need."""
    for name, (purpose, extra) in OPTIONAL.items():
        found = version(name)
        if found:
            yield Row("Optional", name, "ok", f"{found}, for {purpose}")
        else:
            yield Row(
                "Optional", name, "note", f"not installed; for {purpose}", install_command(extra)
            )


def disk_rows() -> Iterator[Row]:
    """Free space where runs and models go, and whether FineTUI's own folders can be written."""
    cache = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    for name, folder in (("here", Path.cwd()), ("model cache", cache)):
        free = shutil.disk_usage(existing(folder)).free
        low = free < ROOM_TO_TRAIN
        advice = "a full-size model with its checkpoints needs more" if low else None
        found = f"{free / GIB:.0f} GiB free in {folder}"
        yield Row("Disk", name, "note" if low else "ok", found, advice)
    for name, folder in (("settings", config_dir()), ("known runs", state_dir())):
        good = os.access(existing(folder), os.W_OK)
        advice = None if good else "make it writable, or set FINETUI_HOME to a folder that is"
        found = str(folder) if good else f"{folder} cannot be written"
        yield Row("Disk", name, "ok" if good else "broken", found, advice)


def existing(folder: Path) -> Path:
    """The folder itself or the nearest one above it that exists."""
    return next(place for place in (folder, *folder.parents) if place.exists())


def host_rows() -> Iterator[Row]:
    """Processor, memory, and whether a token for the model hub is set (never which)."""
    memory = psutil.virtual_memory()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    free = f"{memory.available / GIB:.0f} of {memory.total / GIB:.0f} GiB memory free"
    yield Row("Machine", "host", "ok", f"{platform.platform()}, {cores} cores, {free}")
    token = "set" if os.environ.get("HF_TOKEN") else "not set (only gated models need it)"
    yield Row("Machine", "HF_TOKEN", "ok", token)


def terminal_rows() -> Iterator[Row]:
    """What the terminal can do, and the settings of it that hurt."""
    size = shutil.get_terminal_size()
    facts = terminal.facts(terminal.color_depth(), (size.columns, size.lines), "half-blocks")
    advice: dict[str, Callable[[str], str | None]] = {
        "size": size_advice,
        "encoding": encoding_advice,
        "tmux": tmux_advice,
        "colours": colour_advice,
    }
    for name, found in facts.items():
        if name == "python":
            continue
        words = advice[name](found) if name in advice else None
        yield Row("Terminal", name, "note" if words else "ok", found, words)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        yield Row("Terminal", "interactive", "note", "no: the app itself needs a terminal")


def size_advice(found: str) -> str | None:
    """The app is laid out for 80x24 and up."""
    columns, _, lines = found.partition("x")
    small = int(columns) < 80 or int(lines) < 24
    return "the app wants at least 80x24" if small else None


def encoding_advice(found: str) -> str | None:
    """Charts and pictures are drawn with characters beyond ASCII."""
    good = found.lower().replace("-", "") == "utf8"
    return None if good else "charts need UTF-8: export LANG=C.UTF-8"


def tmux_advice(found: str) -> str | None:
    """Stock tmux holds Escape back for half a second."""
    return "in ~/.tmux.conf: set -sg escape-time 10" if "escape-time" in found else None


def colour_advice(found: str) -> str | None:
    """Few colours still work; most terminals can do more than they say."""
    return "if the terminal can do more: export COLORTERM=truecolor" if found == "16" else None
