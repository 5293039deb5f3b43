"""Learning-rate schedules as pure functions: the rate after `done` updates of a run.

The engine asks for the rate before every update and the app draws the same curve, so what is shown
is what happens. No schedule has a state: a resumed run asks for the next number and is exact.
Lengths that are not given mean the whole run (`train.steps`); explicit ones are respected; an
unknown parameter is an error.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Formula = Callable[[Mapping[str, Any], int, float, int], float]


def constant(params: Mapping[str, Any], length: int, base: float, done: int) -> float:
    """base · factor until the schedule's length is over, then base (factor is 1 unless given)."""
    factor: float = params.get("factor", 1.0)
    return base * factor if done < length else base


def linear(params: Mapping[str, Any], length: int, base: float, done: int) -> float:
    """The multiplier goes in a straight line from start_factor to end_factor, then stays."""
    start: float = params.get("start_factor", 1 / 3)
    end: float = params.get("end_factor", 1.0)
    return base * (start + (end - start) * min(done, length) / length)


def cosine(params: Mapping[str, Any], length: int, base: float, done: int) -> float:
    """Half a cosine from base down to eta_min, which is held afterwards (torch's curve would rise
    again).
    """
    low: float = params.get("eta_min", 0.0)
    return low + (base - low) * (1 + math.cos(math.pi * min(done, length) / length)) / 2


def cosine_with_restarts(params: Mapping[str, Any], length: int, base: float, done: int) -> float:
    """Cosines one after another, each T_mult times longer than the one before (SGDR, 2017)."""
    period, growth = params.get("T_0", length), params.get("T_mult", 1)
    if growth == 1:
        done %= period
    else:
        while done >= period:
            done, period = done - period, period * growth
    return cosine(params, period, base, done)


def step(params: Mapping[str, Any], length: int, base: float, done: int) -> float:
    """Drop by gamma every step_size updates, until the schedule's length is over."""
    drops: float = min(done, length) // params.get("step_size", length + 1)
    gamma: float = params.get("gamma", 0.1)
    return base * float(gamma**drops)


def constant_with_warmup(params: Mapping[str, Any], length: int, base: float, done: int) -> float:
    """From 0 up to base over num_warmup_steps, then base."""
    warmup: int = params.get("num_warmup_steps", 1000)
    return base * min(1.0, done / warmup) if warmup else base


def polynomial(params: Mapping[str, Any], length: int, base: float, done: int) -> float:
    """Linear warm-up, then (base - lr_end)(1 - progress)^power + lr_end."""
    warmup: int = params.get("num_warmup_steps", 0)
    end: float = params.get("lr_end", 1e-7)
    power: float = params.get("power", 1.0)
    if done < warmup:
        return base * done / warmup
    if done >= length:
        return end
    left: float = (1 - (done - warmup) / (length - warmup)) ** power
    return (base - end) * left + end


def piecewise_constant(params: Mapping[str, Any], length: int, base: float, done: int) -> float:
    """step_rules "1:10,0.1:20,0.01": multiplier 1 before update 10, 0.1 before 20, 0.01 from there
    on.
    """
    until, rest = parse_step_rules(params.get("step_rules", "1"))
    return base * next((factor for limit, factor in until if done < limit), rest)


def parse_step_rules(text: str) -> tuple[list[tuple[int, float]], float]:
    """The pairs (limit, multiplier) by rising limit and the multiplier of the rest.

    Raises ValueError with a sentence when the text is not of that form.
    """
    *rules, last = [part.strip() for part in str(text).split(",")]
    try:
        pairs = [
            (int(limit), float(factor)) for factor, limit in (rule.split(":") for rule in rules)
        ]
        return sorted(pairs), float(last)
    except ValueError:
        raise ValueError(f"step_rules {text!r} must look like 1:500,0.1:800,0.01") from None


SCHEDULES: dict[str, tuple[Formula, frozenset[str]]] = {
    "constant": (constant, frozenset({"factor", "total_iters"})),
    "linear": (linear, frozenset({"start_factor", "end_factor", "total_iters"})),
    "cosine": (cosine, frozenset({"eta_min", "total_iters"})),
    "cosine_with_restarts": (
        cosine_with_restarts,
        frozenset({"eta_min", "T_0", "T_mult", "total_iters"}),
    ),
    "step": (step, frozenset({"step_size", "gamma", "total_iters"})),
    "constant_with_warmup": (constant_with_warmup, frozenset({"num_warmup_steps"})),
    "polynomial": (
        polynomial,
        frozenset({"num_warmup_steps", "num_training_steps", "lr_end", "power"}),
    ),
    "piecewise_constant": (piecewise_constant, frozenset({"step_rules"})),
}
"""Every schedule with the parameters it knows, `warmup_steps` apart, which all know."""


@dataclass(frozen=True)
class Schedule:
    """One configured schedule of a run of `steps` updates."""

    name: str
    params: Mapping[str, Any]
    steps: int

    def __post_init__(self) -> None:
        known = SCHEDULES[self.name][1] | {"warmup_steps"}
        unknown = sorted(set(self.params) - known)
        if unknown:
            knows = ", ".join(sorted(known))
            raise ValueError(f"{self.name} does not know {', '.join(unknown)}; it knows {knows}")

    @property
    def length(self) -> int:
        """Updates from start to end of the curve, without the warm-up."""
        given = (
            self.params.get("total_iters") or self.params.get("num_training_steps") or self.steps
        )
        return max(1, int(given) - int(self.params.get("warmup_steps", 0)))

    def rate(self, base: float, done: int) -> float:
        """The rate of the update that follows `done` earlier ones (0 for the first)."""
        warmup = int(self.params.get("warmup_steps", 0))
        if done < warmup:
            return base * (done + 1) / (warmup + 1)
        return SCHEDULES[self.name][0](self.params, self.length, base, done - warmup)
