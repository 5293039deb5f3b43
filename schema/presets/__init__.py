"""Ready configs to begin from, composed from three small axes: family, goal, memory class.

A preset is advice for a usual case (`schema.advice`): so many pictures as the goal is meant for, a
GPU of that class, nothing known about the rest. Names are `sdxl-style-24gb`; an axis that is left
out is taken as usual, so `style` is one too. Light until a text is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from schema.presets.axes import Goal, MemoryClass, goals, memory_classes

if TYPE_CHECKING:
    from schema.advice import Advice
    from schema.families import FamilyRow

FAMILY: Final = "sd1"
"""The family of presets that name none: the smallest, and every GPU has room for it."""
MEMORY: Final = "12gb"
"""The memory class of presets that name none, or the smallest above it that the goal fits into."""


class NoPresetError(ValueError):
    """There is no such preset; the message says why, and what there is."""


@dataclass(frozen=True, slots=True)
class Preset:
    """One preset: a config with a reason beside each value, for its new owner to edit."""

    name: str
    family: str
    goal: str
    memory: str | None = None

    @property
    def arch(self) -> str:
        """The family, by the name that `model.arch` has."""
        return self.family

    @property
    def label(self) -> str:
        """What it is called; the family and the memory where the name says them."""
        short = goals()[self.goal].label
        if self.memory is None:
            return short
        from schema.families import FAMILIES

        return f"{short}, {FAMILIES[self.family].label}, {memory_classes()[self.memory].label}"

    @property
    def help(self) -> str:
        """What it is for."""
        return goals()[self.goal].help

    @property
    def advice(self) -> Advice:
        """The values, each with its reason."""
        from schema.advice import Answers, advise, hardware_of

        memory = self.memory or usual_memory(self.family, self.goal)
        return advise(Answers(goal=self.goal, family=self.family), hardware_of(memory))

    @property
    def text(self) -> str:
        """The config as YAML."""
        return self.advice.text

    def as_json(self) -> dict[str, Any]:
        """What `finetui presets --json` prints of it."""
        return {
            "name": self.name, "label": self.label, "help": self.help, "arch": self.arch,
            "goal": self.goal, "memory": self.memory or usual_memory(self.family, self.goal),
        }  # fmt: skip


PRESETS: Final[tuple[Preset, ...]] = tuple(
    Preset(goal.name, FAMILY, goal.name) for goal in goals().values() if goal.quick
)
"""The presets that are named by their goal alone."""


@cache
def all_presets() -> tuple[Preset, ...]:
    """Every preset that works today: the short ones, then each family with each goal and class."""
    composed = [
        Preset(f"{row.arch}-{goal.name}-{memory.name}", row.arch, goal.name, memory.name)
        for row in trained_families()
        for goal in goals().values()
        if waiting(goal, row) is None
        for memory in memory_classes().values()
        if peak_of(row.arch, goal.name, memory.name)[0]
    ]
    return (*PRESETS, *composed)


def trained_families() -> list[FamilyRow]:
    """The families that the engine trains, in the order of the table."""
    from schema.families import FAMILIES

    return [row for row in FAMILIES.values() if row.engine]


def waiting(goal: Goal, row: FamilyRow) -> str | None:
    """What a goal waits for, or why the family is not for it; None where it works."""
    from schema.pending import waiting_values, waits

    if goal.adapters and not set(goal.adapters) & set(row.adapters):
        return f"{row.label} takes no such adapter"
    if words := waiting_values("model.arch").get(row.arch):
        return f"not in the engine yet: {words}"
    found = waiting_values("type", goal.process).get(goal.process)
    needed = [*goal.essential, *(["datasets[0].control_path"] if row.controls[0] else [])]
    found = found or next((w for p in needed if (w := waits(_general(p), goal.process))), None)
    return f"not in the engine yet: {found}" if found else None


def _general(path: str) -> str:
    return path.replace("[0]", "[]")


@cache
def peak_of(family: str, goal: str, memory: str) -> tuple[bool, int]:
    """Whether a preset fits into its memory class, and the bytes that it takes."""
    fitted = Preset("", family, goal, memory).advice.memory
    return fitted.fits, fitted.peak


def usual_memory(family: str, goal: str) -> str:
    """The class of a preset that names none. The largest, where none is enough."""
    names = list(memory_classes())
    rest = names[names.index(MEMORY) :]
    return next((name for name in rest if peak_of(family, goal, name)[0]), names[-1])


def smallest_memory(family: str, goal: str) -> MemoryClass | None:
    """The smallest class that a goal fits into with a family; None where none is enough."""
    fitting = (one for one in memory_classes().values() if peak_of(family, goal, one.name)[0])
    return next(fitting, None)


def compose(
    family: str | None = None, goal: str | None = None, memory: str | None = None
) -> Preset:
    """The preset of an axis each; None takes the usual one.

    Raises:
        NoPresetError: a name is unknown, the goal waits for the engine, or it does not fit.
    """
    from schema import families

    goal = _known(goal or PRESETS[0].goal, tuple(goals()), "goal")
    trained = tuple(row.arch for row in trained_families())
    row = families.family(family or FAMILY)
    if row is None:
        raise NoPresetError(_unknown(str(family), trained, "family"))
    if reason := waiting(goals()[goal], row):
        raise NoPresetError(f"{goals()[goal].label.lower()} for {row.label}: {reason}")
    if memory is None:
        memory = usual_memory(row.arch, goal)
    memory = _known(memory.lower(), tuple(memory_classes()), "memory class")
    fits, peak = peak_of(row.arch, goal, memory)
    if not fits:
        least = smallest_memory(row.arch, goal)
        from_here = f"from {least.name} on" if least else "more than any class has"
        message = f"{goal} with {row.label} takes about {peak / 2**30:.0f} GB: {from_here}"
        raise NoPresetError(message)
    return Preset(f"{row.arch}-{goal}-{memory}", row.arch, goal, memory)


def find_preset(name: str) -> Preset | None:
    """The preset of that name, if there is one: `style`, `sdxl-style`, `sdxl-style-24gb`."""
    try:
        return named_preset(name)
    except NoPresetError:
        return None


def named_preset(name: str) -> Preset:
    """The preset of that name.

    Raises:
        NoPresetError: there is none; the message names the nearest.
    """
    if short := next((preset for preset in PRESETS if preset.name == name), None):
        return short
    from schema import families

    axes: dict[str, str] = {}
    for part in name.lower().split("-"):
        axis = "goal" if part in goals() else "memory" if part in memory_classes() else "family"
        if axis in axes or (axis == "family" and families.family(part) is None):
            raise NoPresetError(_no_preset(name))
        axes[axis] = part
    return compose(**axes)


def _no_preset(name: str) -> str:
    from schema.findings import nearest

    short = [preset.name for preset in PRESETS]
    close = nearest(name, short) or nearest(name, [preset.name for preset in all_presets()])
    hint = f"did you mean {close}?" if close else f"there are {', '.join(short)} and more"
    return f"there is no preset '{name}'; {hint}"


def _known(name: str, names: tuple[str, ...], what: str) -> str:
    if name not in names:
        raise NoPresetError(_unknown(name, names, what))
    return name


def _unknown(name: str, names: tuple[str, ...], what: str) -> str:
    from schema.findings import nearest

    close = nearest(name, names)
    hint = f"did you mean {close}?" if close else f"there are {', '.join(names)}"
    return f"there is no {what} '{name}'; {hint}"
