"""The questions of the guided set-up, as data: the command line asks them and so does the wizard.

Each has the choices there are, what each means, and why a choice is off. Pure of any screen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from schema.advice import HELPS, PRIORITIES, Advice, Answers, Hardware, Pictures, advise
from schema.advice.pictures import common_word
from schema.families import FAMILIES
from schema.presets import trained_families, waiting
from schema.presets.axes import Goal, goals

Name = Literal["goal", "family", "folder", "trigger", "priority", "help"]


@dataclass(frozen=True)
class Choice:
    """One answer: its name, what it is called, words on it, and why it cannot be taken."""

    name: str
    label: str
    words: str
    off: str | None = None


@dataclass(frozen=True)
class Question:
    """A question with its choices; without choices the answer is a text."""

    name: Name
    text: str
    words: str
    choices: tuple[Choice, ...] = ()


QUESTIONS: tuple[tuple[Name, str, str], ...] = (
    ("goal", "What do you want to teach?", "It decides what is trained, how large and how long."),
    ("family", "Which kind of model?", "Larger models draw better and need more memory and time."),
    ("folder", "Where are your pictures?", "A folder; captions as text files of the same names."),
    ("trigger", "Which word calls it up?", "A made-up word; empty for none."),
    ("priority", "What matters most?", "It moves steps, sizes, rank and memory."),
    ("help", "How much help do you want?", "It decides how much is explained, in file and form."),
)


def goal_of(answers: Answers) -> Goal:
    """The goal that was answered."""
    return goals()[answers.goal]


def questions(answers: Answers) -> Iterator[Question]:
    """The questions that matter after these answers, in order."""
    for name, text, words in QUESTIONS:
        goal = goal_of(answers)
        if name == "folder" and not goal.pictures:
            continue
        if name == "trigger" and goal.trigger is None:
            continue
        yield Question(name, text, words, tuple(_choices(name, answers)))


def _choices(name: Name, answers: Answers) -> Iterator[Choice]:
    if name == "goal":
        row = FAMILIES[answers.family]
        for goal in goals().values():
            everywhere = [waiting(goal, one) for one in trained_families()]
            off = None if None in everywhere else waiting(goal, row)
            yield Choice(goal.name, goal.label, goal.help, off)
    elif name == "family":
        for row in trained_families():
            words = f"{row.resolution}x{row.resolution}, {row.repository}"
            yield Choice(row.arch, row.label, words, waiting(goal_of(answers), row))
    elif name == "priority":
        yield from (Choice(one, one.capitalize(), words) for one, words in PRIORITIES.items())
    elif name == "help":
        yield from (Choice(one, one.capitalize(), words) for one, words in HELPS.items())


def settled(answers: Answers) -> Answers:
    """The answers with a family that the goal works with, where the present one does not."""
    goal = goal_of(answers)
    if waiting(goal, FAMILIES[answers.family]) is None:
        return answers
    fitting = [row.arch for row in trained_families() if waiting(goal, row) is None]
    return replace(answers, family=fitting[0]) if fitting else answers


def with_answer(answers: Answers, name: Name, value: str) -> Answers:
    """The answers with one more; a new goal takes its usual trigger word and name again."""
    changed: Mapping[str, Any] = {name: value}
    if name == "goal" and value != answers.goal:
        changed = {"goal": value, "trigger": None, "pins": {}}
    elif name == "family" and value != answers.family:
        changed = {"family": value, "model": "", "pins": {}}
    return settled(replace(answers, **changed))


def suggested_trigger(answers: Answers, pictures: Pictures | None) -> str:
    """A trigger word: one that all captions have already, else the goal's own."""
    found = common_word(pictures.captions) if pictures is not None else None
    return found or goal_of(answers).trigger or ""


def advice_of(answers: Answers, machine: Hardware | None, pictures: Pictures | None) -> Advice:
    """The advice for the answers; pictures of another folder do not count."""
    seen = pictures if pictures is not None and pictures.folder == answers.folder else None
    return advise(answers, machine, seen)


def pictures_words(pictures: Pictures) -> str:
    """What a folder holds, in a line: `24 pictures, 512x512 to 1024x768, 3 without a caption`."""
    if pictures.problem:
        return f"{pictures.folder or 'this'} {pictures.problem}"
    words = [f"{pictures.count} picture{'s' if pictures.count != 1 else ''}"]
    if pictures.sizes:
        small = min(pictures.sizes, key=lambda size: size[0] * size[1])
        large = max(pictures.sizes, key=lambda size: size[0] * size[1])
        span = f"{small[0]}x{small[1]}"
        words.append(span if small == large else f"{span} to {large[0]}x{large[1]}")
    if pictures.uncaptioned:
        words.append(f"{pictures.uncaptioned} without a caption")
    elif pictures.count:
        words.append("all captioned")
    if pictures.unreadable:
        words.append(f"{pictures.unreadable} unreadable")
    return ", ".join(words)


def free_file(folder: Path, name: str) -> Path:
    """`name.yaml` in the folder, or `name-2.yaml`, ...: the first that is not there."""
    stem = re.sub(r"[^\w.-]+", "_", name).strip("_.-") or "config"
    candidates = (folder / f"{stem}{end}.yaml" for end in ("", *(f"-{n}" for n in range(2, 1000))))
    return next((file for file in candidates if not file.exists()), folder / f"{stem}-new.yaml")
