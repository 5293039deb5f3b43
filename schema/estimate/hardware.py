"""The machine as a plain record: what the screen has read from NVML and the system."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Card:
    """One GPU; bytes, None where it could not be read."""

    index: int
    name: str
    total: int | None
    used: int | None = None


@dataclass(frozen=True, slots=True)
class Machine:
    """GPUs in their order, main memory in bytes, the processor's name."""

    cards: Sequence[Card] = ()
    memory: int | None = None
    processor: str = "CPU"


@dataclass(frozen=True, slots=True)
class Device:
    """What a config would train on. `kind` is `cuda`, `cpu`, `mps` or `unknown`."""

    kind: str
    label: str
    total: int | None = None
    used: int | None = None

    @property
    def name(self) -> str:
        """Under which measured step times are kept."""
        return self.label.partition(": ")[2] or self.label


def device_of(wanted: str | None, machine: Machine) -> Device:
    """The device that `device:` means here: as named, else the first GPU, else the CPU."""
    if wanted is None:
        wanted = "cuda" if machine.cards else "cpu"
    kind, _, number = wanted.partition(":")
    if kind != "cuda":
        return Device(kind, machine.processor if kind == "cpu" else kind, machine.memory)
    index = int(number) if number.isdigit() else 0
    card = next((card for card in machine.cards if card.index == index), None)
    if card is None:
        return Device("cuda", f"GPU {index}: not on this machine")
    return Device("cuda", f"GPU {index}: {card.name}", card.total, card.used)
