"""What advice is drawn from: the machine, the pictures, and the answers to a few questions.

Plain records; whoever asks for advice fills them. What is unknown is None and assumed to be usual.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from schema.formulas.buckets import Size

Priority = Literal["balanced", "quality", "speed", "memory"]
Help = Literal["lots", "some", "none"]
Accelerator = Literal["cuda", "mps", "cpu"]
Disk = Literal["ssd", "disk", "network"]

PRIORITIES: Final[Mapping[Priority, str]] = {
    "balanced": "a good result in a sensible time",
    "quality": "the best result: more steps, more room to learn, two sizes",
    "speed": "a first result soon: fewer steps, larger batches, less checkpointing",
    "memory": "as little GPU memory as possible; slower",
}
HELPS: Final[Mapping[Help, str]] = {
    "lots": "a reason beside every value of the file; the form shows basic options",
    "some": "reasons where this machine or these pictures decide; advanced options too",
    "none": "a plain file; the form shows all options",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """The machine: sizes in bytes, None where unknown. `used` is what others hold of the GPU."""

    accelerator: Accelerator = "cuda"
    gpu: str = ""
    memory: int | None = None
    used: int = 0
    bf16: bool = True
    eight_bit: bool = True
    ram: int | None = None
    cores: int | None = None
    disk: Disk | None = None
    disk_free: int | None = None
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """A folder of training pictures: `count` of them, of which `sizes` (as seen) were read.

    `captions` are those found, stripped; `uncaptioned` how many of the pictures looked at have
    none.
    """

    folder: str
    count: int = 0
    sizes: tuple[Size, ...] = ()
    captions: tuple[str, ...] = ()
    uncaptioned: int = 0
    unreadable: int = 0
    caption_ext: str = ".txt"
    writable: bool = True
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What was asked. None and empty texts mean: as usual for the goal and the family."""

    goal: str = "style"
    family: str = "sd1"
    priority: Priority = "balanced"
    help: Help = "lots"
    folder: str = ""
    trigger: str | None = None
    name: str = ""
    model: str = ""
    pins: Mapping[str, Any] = field(default_factory=dict)
    """Values by path that the asker has chosen; the rest is advised around them."""
