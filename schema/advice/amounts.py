"""How many steps, how large a batch, which rate, how often to save: numbers from pictures and goal.

Sources: DreamBooth teaches a subject from 3 to 5 pictures in about 1000 views (Ruiz 2023, section
4); LoRA guides for 15 to 40 pictures say about 100 views of each, for styles fewer. The rate of
Adam grows with the square root of the batch (Malladi 2022), LoRA's is about ten times that of full
fine-tuning (Schulman 2025, "LoRA Without Regret"). A rank of 4 to 16 holds a single subject (Hu
2022, section 7.2), more data needs more (Biderman 2024).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from schema.advice.facts import Priority
from schema.presets.axes import Goal, Trained

_VIEWS: Final[Mapping[Priority, float]] = {
    "balanced": 1.0, "quality": 1.5, "speed": 0.6, "memory": 1.0,
}  # fmt: skip
_RANK: Final[Mapping[Priority, float]] = {
    "balanced": 1.0, "quality": 2.0, "speed": 1.0, "memory": 0.5,
}  # fmt: skip
_BATCHES: Final[Mapping[Trained, Mapping[Priority, int]]] = {
    "network": {"balanced": 2, "quality": 4, "speed": 4, "memory": 1},
    "model": {"balanced": 8, "quality": 16, "speed": 8, "memory": 4},
    "adapter": {"balanced": 8, "quality": 16, "speed": 8, "memory": 4},
}
_USUAL: Final[Mapping[Trained, int]] = {"network": 2, "model": 8, "adapter": 8}
"""The number of pictures in an update that the families' rates are meant for."""
_NICE: Final = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
_CADENCES: Final = (10, 25, 50, 100, 200, 250, 500, 1000, 2000, 2500, 5000, 10000)
LARGEST_RANK: Final = 128


def views(goal: Goal, pictures: int, priority: Priority) -> int:
    """How often pictures are seen in the whole run, counted together."""
    usual = min(max(goal.views * pictures, goal.least), goal.most)
    return round(usual * _VIEWS[priority])


def steps(views: int, per_step: int) -> int:
    """The steps for that many views, rounded up to a number that people would choose."""
    exact = math.ceil(views / max(per_step, 1))
    for limit, unit in ((200, 10), (2000, 50), (10_000, 100)):
        if exact <= limit:
            return max(unit, math.ceil(exact / unit) * unit)
    return math.ceil(exact / 500) * 500


def batch(goal: Goal, pictures: int, priority: Priority) -> int:
    """Pictures in one update: as the goal likes it, but several updates for each look at all."""
    wished = _BATCHES[goal.trains][priority]
    while wished > 1 and wished * 5 > pictures > 0:
        wished //= 2
    return wished


def rank(goal: Goal, pictures: int, priority: Priority) -> int:
    """The size of a network; doubled where there is ten times the usual number of pictures."""
    if not goal.rank:
        return 0
    much = goal.pictures > 0 and pictures >= 10 * goal.pictures
    return min(max(int(goal.rank * _RANK[priority] * (2 if much else 1)), 4), LARGEST_RANK)


def rate(base: float, per_update: int, trains: Trained) -> float:
    """The learning rate for that many pictures in an update, as a round number."""
    scale = math.sqrt(per_update / _USUAL[trains])
    exact = base * min(max(scale, 0.5), 2.0)
    power = 10.0 ** math.floor(math.log10(exact) + 1e-9)
    nearest = min(_NICE, key=lambda nice: abs(math.log(nice * power / exact)))
    return float(f"{nearest * power:.2g}")


def cadence(steps: int, parts: int = 10) -> int:
    """Every how many steps, so that a run has about so many parts; a round number."""
    wished = steps / parts
    return next((every for every in _CADENCES if every >= wished), _CADENCES[-1])


def warmup(steps: int) -> int:
    """Steps of warm-up: a twentieth of the run, at most 500."""
    return max(1, min(500, steps // 20))


def average_decay(steps: int) -> float:
    """A decay whose window is a tenth of the run (Karras 2024 finds 5 to 15 % best)."""
    return round(1 - 1 / max(10, min(steps // 10, 10_000)), 5)
