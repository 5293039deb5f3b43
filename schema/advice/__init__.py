"""Advice: from the machine, the pictures and a few answers to a config with a reason for each
value.

`advise` is pure: the same facts give the same advice. `finetui new --guided`, the wizard of the app
and the presets all draw on it; a preset is the advice for a usual case.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from schema.advice import training, values
from schema.advice.facts import HELPS, PRIORITIES, Answers, Hardware, Help, Pictures, Priority
from schema.advice.memory import Fitted
from schema.advice.sheet import Advised
from schema.advice.situation import Situation
from schema.advice.writing import nested, written
from schema.presets.axes import memory_classes

__all__ = [
    "HELPS", "PRIORITIES", "Advice", "Advised", "Answers", "Hardware", "Help", "Pictures",
    "Priority", "advise",
]  # fmt: skip


@dataclass(frozen=True)
class Advice:
    """The advised values in the order of the file, and what they were drawn from."""

    case: Situation
    values: tuple[Advised, ...]

    @property
    def memory(self) -> Fitted:
        """What the setup takes of the GPU's memory, and what was given up for it."""
        return self.case.fitted

    @property
    def data(self) -> dict[str, Any]:
        """The config as plain values."""
        return nested(self.values)

    @property
    def text(self) -> str:
        """The config as YAML, with as many reasons as were asked for."""
        title = f"{self.case.goal.label} for {self.case.row.label}."
        return written(self.values, self.case.answers.help, (title, *self.case.goal.head))

    def notes(self) -> list[str]:
        """What the asker should know besides: what is missing, what may not fit."""
        out = []
        machine, seen, goal = self.case.hardware, self.case.pictures, self.case.goal
        if not self.memory.fits:
            need, have = values.size_words(self.memory.peak), self.memory.budget or 0
            out.append(
                f"needs about {need} of GPU memory; about {values.size_words(have)} is there"
            )
        if machine is not None and machine.accelerator == "cpu":
            out.append("no GPU was found: on a CPU a model of full size trains for days")
        if seen is not None and seen.problem and goal.pictures:
            out.append(f"{seen.folder} {seen.problem}")
        if seen is not None and seen.unreadable:
            out.append(f"{seen.unreadable} pictures cannot be read; check names them")
        if seen is not None and 0 < seen.count < goal.pictures // 4:
            out.append(f"{seen.count} pictures are few for this; {goal.pictures} are usual")
        if self.case.costs.note:
            out.append(self.case.costs.note)
        return out


def advise(
    answers: Answers, hardware: Hardware | None = None, pictures: Pictures | None = None
) -> Advice:
    """The advice for a case.

    Raises:
        KeyError: there is no such goal or family.
    """
    case = Situation(answers, hardware, pictures)
    values.job(case)
    values.model(case)
    values.network(case)
    values.adapter(case)
    values.data(case)
    training.length(case)
    training.learning(case)
    training.noise(case)
    training.memory(case)
    training.saving(case)
    training.previews(case)
    values.table(case, dict(case.costs.values), "family")
    values.table(case, dict(case.goal.values), "goal")
    case.sheet.put_pins()
    return Advice(case, tuple(case.sheet.values.values()))


def hardware_of(memory_class: str) -> Hardware:
    """A machine of a memory class. Raises KeyError for an unknown one."""
    return Hardware(memory=int(memory_classes()[memory_class].gib * 2**30))
