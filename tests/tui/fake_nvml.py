"""A stand-in at the boundary of pynvml: cards that work, fail, vanish, or are not there."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

NVML_TEMPERATURE_GPU = 0


class NVMLError(Exception):
    """What any call may raise."""


class NVMLError_LibraryNotFound(NVMLError):
    """There is no driver on this machine."""


@dataclass
class Card:
    """What one card answers; None makes that call fail."""

    name: str = "NVIDIA H200"
    used: float | None = 61.2 * 2**30
    total: float = 139 * 2.0**30
    load: int | None = 78
    heat: int | None = 64
    milliwatts: int | None = 612_000
    lost: bool = False


@dataclass
class FakeNvml:
    """Has pynvml's functions; tests change its cards while it is being read."""

    cards: list[Card] = field(default_factory=lambda: [Card()])
    absent: bool = False
    shut: int = 0
    NVML_TEMPERATURE_GPU: int = NVML_TEMPERATURE_GPU

    def nvmlInit(self) -> None:
        if self.absent:
            raise NVMLError_LibraryNotFound("NVML Shared Library Not Found")

    def nvmlShutdown(self) -> None:
        self.shut += 1

    def nvmlDeviceGetCount(self) -> int:
        if self.absent:
            raise NVMLError("Uninitialized")
        return len(self.cards)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> Card:
        if self.cards[index].lost:
            raise NVMLError("GPU is lost")
        return self.cards[index]

    def nvmlDeviceGetName(self, card: Card) -> str:
        return card.name

    def nvmlDeviceGetMemoryInfo(self, card: Card) -> Any:
        return SimpleNamespace(used=_told(card, card.used), total=card.total)

    def nvmlDeviceGetUtilizationRates(self, card: Card) -> Any:
        return SimpleNamespace(gpu=_told(card, card.load), memory=40)

    def nvmlDeviceGetTemperature(self, card: Card, _sensor: int) -> int:
        return int(_told(card, card.heat))

    def nvmlDeviceGetPowerUsage(self, card: Card) -> int:
        return int(_told(card, card.milliwatts))

    def nvmlDeviceGetFanSpeed(self, _card: Card) -> int:
        raise NVMLError("Not Supported")


def _told(card: Card, value: float | None) -> float:
    if card.lost:
        raise NVMLError("GPU is lost")
    if value is None:
        raise NVMLError("Unknown Error")
    return value
