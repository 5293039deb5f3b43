"""The guided set-up on the command line: flags to answers, questions on stderr, reasons told."""

from __future__ import annotations

import argparse
import shutil
import sys
import textwrap
from dataclasses import replace
from typing import Any

from schema.advice import HELPS, PRIORITIES, Advice, Answers, Hardware, Pictures, hardware_of
from schema.advice.pictures import look
from schema.families import family
from schema.findings import nearest
from schema.presets import FAMILY, NoPresetError, named_preset, waiting
from schema.presets.axes import goals, memory_classes
from tui import guided
from tui.guided import Question, advice_of, pictures_words, with_answer
from tui.machine import machine_words, read_machine

__all__ = ["BadAnswerError", "advice_of", "ask", "completed", "from_flags", "given", "machine"]


class BadAnswerError(ValueError):
    """A flag names something that there is not; the message says what there is."""


def from_flags(args: argparse.Namespace) -> Answers:
    """The answers that the flags give.

    Raises:
        BadAnswerError: one of them is unknown, or waits for the engine.
    """
    goal, arch = args.goal, args.family
    if args.preset is not None:
        try:
            preset = named_preset(args.preset)
        except NoPresetError as error:
            raise BadAnswerError(str(error)) from error
        goal, arch = goal or preset.goal, arch or preset.family
    goal = _one_of(goal or next(iter(goals())), tuple(goals()), "--goal")
    row = family(arch or FAMILY)
    if row is None:
        raise BadAnswerError(f"there is no family '{arch}'")
    if reason := waiting(goals()[goal], row):
        raise BadAnswerError(f"{goals()[goal].label.lower()} for {row.label}: {reason}")
    priority: Any = _one_of(args.priority or "balanced", tuple(PRIORITIES), "--priority")
    help: Any = _one_of(args.assist or "lots", tuple(HELPS), "--assist")
    return Answers(
        goal=goal, family=row.arch, priority=priority, help=help, folder=args.images or "",
        trigger=args.trigger, model=args.model or "",
    )  # fmt: skip


def given(args: argparse.Namespace) -> set[str]:
    """The questions that the flags have answered."""
    flags = {
        "goal": args.goal or args.preset, "family": args.family or args.preset,
        "folder": args.images, "trigger": args.trigger, "priority": args.priority,
        "help": args.assist,
    }  # fmt: skip
    return {name for name, value in flags.items() if value is not None}


def machine(args: argparse.Namespace) -> Hardware:
    """This machine, with the memory of a class in place of its own where one is named.

    Raises:
        NoPresetError: there is no such class.
    """
    from pathlib import Path

    found = read_machine(args.output.parent if args.output is not None else Path())
    if args.memory is None:
        return found
    name = _one_of(args.memory.lower(), tuple(memory_classes()), "--memory")
    wanted = hardware_of(name)
    return replace(found, accelerator="cuda", gpu="", memory=wanted.memory, used=0, eight_bit=True)


def completed(answers: Answers) -> tuple[Answers, Pictures | None]:
    """The usual answers to what is open, with a look at the pictures."""
    pictures = look(answers.folder) if answers.folder else None
    if answers.trigger is None and guided.goal_of(answers).trigger is not None:
        answers = replace(answers, trigger=guided.suggested_trigger(answers, pictures))
    return answers, pictures


def ask(answers: Answers, found: Hardware, known: set[str]) -> tuple[Answers, Pictures | None]:
    """Asks what the flags left open, on stderr, one line an answer; Enter takes the usual one."""
    _say(f"This machine: {machine_words(found)}\n")
    pictures = look(answers.folder) if answers.folder else None
    asked: set[str] = set()
    while question := next(
        (q for q in guided.questions(answers) if q.name not in known | asked), None
    ):
        asked.add(question.name)
        answer = _asked(question, answers, pictures)
        answers = with_answer(answers, question.name, answer)
        if question.name == "folder":
            pictures = look(answer) if answer else None
            if pictures is not None:
                _say(f"  {pictures_words(pictures)}\n")
    return answers, pictures


def _asked(question: Question, answers: Answers, pictures: Pictures | None) -> str:
    usual = _usual(question, answers, pictures)
    _say(f"{question.text} {question.words}")
    for number, choice in enumerate(question.choices, 1):
        if choice.off is None or question.name == "goal":
            mark = "*" if choice.name == usual else " "
            words = f"({choice.off})" if choice.off else choice.words
            _say(f" {mark}{number:>2}  {choice.label}: {words}")
    names = [choice.name for choice in question.choices]
    while True:
        answer = _line(f"[{usual}] " if usual else "> ")
        if not answer:
            return usual
        if not names:
            return "" if answer == "-" else answer
        if answer.isdigit() and 1 <= int(answer) <= len(names):
            answer = names[int(answer) - 1]
        chosen = next((one for one in question.choices if one.name == answer.lower()), None)
        if chosen is not None and chosen.off is None:
            return chosen.name
        close = nearest(answer, names)
        _say(f"  {chosen.off}" if chosen else f"  a number or a name, such as {close or usual}")


def _usual(question: Question, answers: Answers, pictures: Pictures | None) -> str:
    if question.name == "trigger":
        return guided.suggested_trigger(answers, pictures)
    return str(getattr(answers, question.name) or "")


def _line(prompt: str) -> str:
    """A line of the answerer; the end of the input is an empty one."""
    print(prompt, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()


def tell(advice: Advice, found: Hardware) -> None:
    """What was decided from what, and what to look out for, on stderr."""
    if advice.case.pictures is not None:
        _say(f"pictures: {pictures_words(advice.case.pictures)}")
    peak = advice.memory.peak / 2**30
    _say(f"machine: {machine_words(found)}; this takes about {peak:.1f} GB of GPU memory")
    for note in advice.notes():
        _say(f"note: {note}")


def as_json(advice: Advice) -> dict[str, Any]:
    """The advice for scripts."""
    return {
        "goal": advice.case.answers.goal, "family": advice.case.row.arch,
        "priority": advice.case.answers.priority, "fits": advice.memory.fits,
        "peak_bytes": advice.memory.peak, "notes": advice.notes(), "config": advice.data,
        "values": [
            {"path": one.path, "value": one.value, "why": one.why, "from": one.origin}
            for one in advice.values
        ],
    }  # fmt: skip


def _one_of(name: str, names: tuple[str, ...], flag: str) -> str:
    if name in names:
        return name
    close = nearest(name, names)
    hint = f"did you mean {close}?" if close else f"there are {', '.join(names)}"
    raise BadAnswerError(f"{flag}: there is no '{name}'; {hint}")


def _say(text: str) -> None:
    """A line for people, broken between words; further lines stand below its words."""
    width = max(40, shutil.get_terminal_size().columns - 1)
    indent = " " * (len(text) - len(text.lstrip(" *0123456789")))
    lines = textwrap.wrap(text, width, subsequent_indent=indent[:8], drop_whitespace=True)
    print("\n".join(lines or [""]), file=sys.stderr)
