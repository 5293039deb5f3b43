"""This machine as a plain record, for advice: GPU, memory, disk. Torch is not asked.

Reads NVML through the dashboard's reader; the rest from psutil and the system. Takes some
milliseconds, and longer where a driver or a network disk is slow: call it in a thread.
"""

from __future__ import annotations

import os
import platform
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from schema.advice.facts import Accelerator, Disk, Hardware
from tui.watch.gpu import Nvml, read_host

_NETWORKS: Final = ("nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "lustre", "9p", "ceph", "beegfs")
_AMPERE: Final = 8
"""The first compute capability whose tensor cores know bf16."""


def read_machine(folder: Path, nvml: Nvml | None = None) -> Hardware:
    """What there is, `folder` being where results will go. Never raises."""
    reader = nvml or Nvml()
    found = reader.read()
    cards = [card for card in found.gpus if card.memory_total]
    best = max(cards, key=lambda card: card.memory_total or 0, default=None)
    bf16 = best is None or knows_bf16(reader, best.index)
    reader.close()
    host = read_host()
    place = existing(folder)
    kind: Accelerator = "cuda" if best is not None else "mps" if _is_apple() else "cpu"
    shared = host.memory_total if host is not None and kind == "mps" else None
    return Hardware(
        accelerator=kind,
        gpu=best.short_name if best is not None else "Apple GPU" if kind == "mps" else "",
        # Apple's GPU shares the memory; Metal lets it have about three quarters.
        memory=best.memory_total if best is not None else shared and shared * 3 // 4,
        used=(best.memory_used or 0) if best is not None else 0,
        bf16=bf16,
        eight_bit=kind == "cuda" and find_spec("bitsandbytes") is not None,
        ram=host.memory_total if host is not None else None,
        cores=os.cpu_count(),
        disk=disk_kind(place),
        disk_free=_free(place),
        why=found.why if best is None else "",
    )


def knows_bf16(reader: Nvml, index: int) -> bool:
    """Whether the card computes in bf16; assumed where the driver does not tell."""
    nvml: Any = reader._module
    try:
        major, _ = nvml.nvmlDeviceGetCudaComputeCapability(nvml.nvmlDeviceGetHandleByIndex(index))
    except Exception:  # whatever NVML throws, or a stand-in without the function
        return True
    return int(major) >= _AMPERE


def existing(folder: Path) -> Path:
    """The folder itself or the nearest one above it that exists."""
    folder = folder.expanduser().absolute()
    return next(place for place in (folder, *folder.parents) if place.exists())


def disk_kind(place: Path, mounts: Path = Path("/proc/self/mountinfo")) -> Disk | None:
    """Whether a folder lies on flash, on a turning disk or on a network; None where unknown."""
    try:
        device = place.stat().st_dev
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    numbers = f"{os.major(device)}:{os.minor(device)}"
    for line in lines:
        left, _, right = line.partition(" - ")
        if left.split()[2:3] == [numbers] and right.split()[:1] and right.split()[0] in _NETWORKS:
            return "network"
    block = Path("/sys/dev/block") / numbers
    if block.resolve().name.startswith(("vd", "xvd")):
        return None  # a virtual disk says that it turns, whatever is below it
    for queue in (block / "queue" / "rotational", block / ".." / "queue" / "rotational"):
        try:
            return "disk" if queue.read_text().strip() == "1" else "ssd"
        except OSError:
            continue
    return None


def machine_words(machine: Hardware) -> str:
    """The machine in a line: `RTX 4090 24 GB, 64 GB memory, 812 GB free`."""
    parts = []
    if machine.memory is not None:
        parts.append(f"{machine.gpu or 'GPU'} {machine.memory / 2**30:.0f} GB")
    else:
        parts.append(machine.why or "no GPU")
    if machine.ram is not None:
        parts.append(f"{machine.ram / 2**30:.0f} GB memory")
    if machine.disk_free is not None:
        kind = {"network": " on a network disk", "disk": " on a turning disk"}.get(
            machine.disk or ""
        )
        parts.append(f"{machine.disk_free / 2**30:.0f} GB free{kind or ''}")
    return ", ".join(parts)


def _free(place: Path) -> int | None:
    try:
        return shutil.disk_usage(place).free
    except OSError:
        return None


def _is_apple() -> bool:
    return platform.system() == "Darwin" and platform.machine() == "arm64"
