"""Learning-rate schedules under their names in diffusers and OneTrainer, as ours.

Ours that are the same curve to the last digit: constant_with_warmup, polynomial (and linear decay,
which is polynomial of power 1 to 0), cosine. A warm-up in front of a cosine rises here from
1 / (n + 1) where others begin at 0, which is told.
"""

import math
from dataclasses import dataclass
from typing import Any

from schema.importers.draft import Draft


@dataclass(slots=True)
class Schedule:
    """A schedule as the other trainer has it; `total` is None where the run's length is unknown."""

    name: str
    warmup: int = 0
    total: int | None = None
    cycles: float = 1
    power: float = 1.0
    lowest: float = 0.0
    key: str = "lr_scheduler"


def put_schedule(draft: Draft, schedule: Schedule) -> None:
    """Write the schedule, or list it."""
    found = _SCHEDULES.get(schedule.name)
    if found is None:
        draft.lost(schedule.key, schedule.name, "no such schedule here; the rate stays constant")
        draft.put("train.lr_scheduler", "constant")
        return
    schedule.lowest = float(f"{schedule.lowest:.12g}")  # a product of two rates
    name, params = found(draft, schedule)
    draft.put("train.lr_scheduler", name)
    if params:
        draft.put("train.lr_scheduler_params", params)


_Found = tuple[str, dict[str, Any]]


def _constant(draft: Draft, schedule: Schedule) -> _Found:
    return ("constant", {})


def _warmup(draft: Draft, schedule: Schedule) -> _Found:
    if not schedule.warmup:
        return ("constant", {})
    return ("constant_with_warmup", {"num_warmup_steps": schedule.warmup})


def _linear(draft: Draft, schedule: Schedule) -> _Found:
    if schedule.warmup or schedule.lowest:
        low = {"power": 1.0, "lr_end": schedule.lowest}
        return ("polynomial", {"num_warmup_steps": schedule.warmup, **low})
    return ("linear", {"start_factor": 1.0, "end_factor": 0.0})


def _polynomial(draft: Draft, schedule: Schedule) -> _Found:
    params: dict[str, Any] = {"power": schedule.power, "lr_end": schedule.lowest}
    if schedule.warmup:
        params["num_warmup_steps"] = schedule.warmup
    return ("polynomial", params)


def _ramp(draft: Draft, schedule: Schedule) -> dict[str, Any]:
    if not schedule.warmup:
        return {}
    words = (
        f"its warm-up of {schedule.warmup} steps rises from 1 / {schedule.warmup + 1} of the rate "
        "here, not from 0"
    )
    draft.told(schedule.key, schedule.name, words)
    return {"warmup_steps": schedule.warmup}


def _cosine(draft: Draft, schedule: Schedule) -> _Found:
    return ("cosine", {"eta_min": schedule.lowest, **_ramp(draft, schedule)})


def _restarts(draft: Draft, schedule: Schedule) -> _Found:
    if schedule.cycles == 1:
        return _cosine(draft, schedule)
    if schedule.total is None:
        reason = (
            f"{schedule.cycles:g} cycles follow from the length of the run, which is not known; "
            "the rate stays constant"
        )
        draft.lost(schedule.key, schedule.name, reason)
        return ("constant", {})
    exact = (schedule.total - schedule.warmup) / schedule.cycles
    length = max(1, math.ceil(exact))
    if length != exact:
        words = f"{schedule.cycles:g} cycles of {exact:.2f} steps, here of {length}"
        draft.told(schedule.key, schedule.name, words)
    lowest = {"eta_min": schedule.lowest}
    return ("cosine_with_restarts", {"T_0": length, **lowest, **_ramp(draft, schedule)})


_SCHEDULES = {
    "constant": _constant,
    "constant_with_warmup": _warmup,
    "linear": _linear,
    "polynomial": _polynomial,
    "cosine": _cosine,
    "cosine_with_min_lr": _cosine,
    "cosine_with_restarts": _restarts,
}
