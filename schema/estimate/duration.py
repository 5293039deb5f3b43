"""How long a run will take: steps, caching, previews, saves. Known only from an earlier run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from schema.estimate.disk import rounds, saves
from schema.estimate.figures import Figure, added, nothing, unknown
from schema.estimate.hardware import Device
from schema.estimate.memory import Need
from schema.estimate.pace import Pace
from schema.estimate.residents import caches_some_latents

PARTS: Final = {
    "steps": "training steps",
    "caching": "caching pictures",
    "previews": "previews",
    "saves": "saving",
}
SPREAD: Final = 0.1
SMALL_SPREAD: Final = 0.3


@dataclass(frozen=True, slots=True)
class Time:
    """Seconds of one step, and of the run by part."""

    step: Figure
    parts: dict[str, Figure]

    @property
    def total(self) -> Figure:
        """The whole run; unknown until a step was measured."""
        return added(self.parts.values())


def time(need: Need, pace: Pace | None) -> Time:
    """Every part of the run's time."""
    process = need.process
    if pace is None:
        never = unknown(_never(need.device))
        return Time(never, dict.fromkeys(PARTS, never))
    step = Figure(pace.step, "measured", f"in {pace.name}, over {pace.steps:,} steps", SPREAD)
    steps = Figure(pace.step * process.train.steps, "measured", f"{process.train.steps:,}", SPREAD)
    drawn = rounds(process) * len(need.drawn)
    found = {
        "steps": steps,
        "caching": _caching(need, pace),
        "previews": _times(drawn, pace.preview, "previews"),
        "saves": _times(saves(process) + 1, pace.save, "saves"),
    }
    return Time(step, found)


def _never(device: Device) -> str:
    return f"no run with these settings was measured on {device.name} yet; the first one will tell"


def _caching(need: Need, pace: Pace) -> Figure:
    if not caches_some_latents(need.process):
        return nothing("pictures are encoded in the step")
    if need.table is None or need.table.missing:
        return unknown("the pictures were not found")
    count = sum(need.table.latents_on_disk.values()) or need.table.total
    return _times(count, pace.picture, "pictures; less where they are cached already")


def _times(count: int, seconds: float | None, what: str) -> Figure:
    if not count:
        return nothing(f"no {what}")
    if seconds is None:
        return unknown(f"{what} were not timed in that run")
    return Figure(count * seconds, "measured", f"{count:,} {what}", SMALL_SPREAD)
