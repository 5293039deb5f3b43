"""`finetui explain PATH`: one option in full."""

import argparse
import json
import sys
import textwrap
from collections.abc import Iterator

from schema.catalogue import ANY, OptionInfo, closest, find, options
from schema.conditions import said
from schema.families import CAPABILITIES, FAMILIES
from schema.pending import waiting_values
from schema.words import accepted
from tui.commands.options import shown

_ON_RESUME = {
    "safe": "may change when a run is resumed",
    "new-trajectory": "changing it on resume alters the course of the run",
    "refused": "cannot change when a run is resumed",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument("path", help="a path such as train.lr, or an option's name")
    parser.add_argument("--json", action="store_true", help="print an object as JSON")


def run(args: argparse.Namespace) -> int:
    """Print the option; 2 if there is none of that path or name."""
    found = _matching(args.path)
    if not found:
        near = closest(args.path)
        hint = f"; did you mean {near}?" if near else ""
        print(f"finetui: there is no option '{args.path}'{hint}", file=sys.stderr)
        return 2
    if args.json:
        print(json.dumps(found[0].as_json(), indent=2))
        return 0
    print("\n\n".join("\n".join(_lines(info)) for info in found))
    return 0


def _matching(path: str) -> list[OptionInfo]:
    """The option at a path, or every option of that name or older name."""
    exact = find(path)
    if exact is not None and ("." in path or _processes(exact) is None):
        return [exact]
    named = [info for info in options() if path in (info.name, *info.aliases)]
    if exact is None:
        return named
    # A bare key of another process type: who asks for `steps` may mean train.steps.
    return [exact, *(info for info in named if _processes(info) is None)]


def _lines(info: OptionInfo) -> Iterator[str]:
    head = f"{info.path}  ({info.label}; {info.section}, {info.group}; {info.tier})"
    yield from textwrap.wrap(head, 100, subsequent_indent="  ", break_on_hyphens=False)
    yield from textwrap.wrap(info.help, 96, initial_indent="  ", subsequent_indent="  ")
    if info.detail:
        yield from textwrap.wrap(info.detail, 96, initial_indent="  ", subsequent_indent="  ")
    for word, text in _facts(info):
        yield from textwrap.wrap(
            text, 96, initial_indent=f"  {word + ': ':<14}", subsequent_indent=" " * 16
        )


def _facts(info: OptionInfo) -> Iterator[tuple[str, str]]:
    """Name and text of each line of the table; lines without text are left out."""
    yield from _accepts(info)
    yield "default", _default(info)
    waiting = waiting_values(info.path)
    for value, meaning in info.choice_help.items():
        later = " (not in the engine yet)" if str(value) in waiting else ""
        yield f"  {value}", f"{meaning}{later}"
    facts = {
        "why": info.default_note,
        "exists when": info.when and f"{info.when[0]} is {' or '.join(info.when[1])}",
        "older names": ", ".join(info.aliases),
        "needs": ", ".join(said(need, lambda path: None) for need in info.requires),
        "conflicts": ", ".join(info.conflicts),
        "applies to": None if info.applies_to == ("all",) else _families(info),
        "on resume": _ON_RESUME[info.on_resume],
        "live": "can be changed while a run is going on" if info.editable_live else None,
        "not yet": (words := info.waiting) and f"the engine does not follow it yet: {words}",
        "read by": _processes(info),
        "status": None if info.status == "live" else info.status,
    }
    for word, text in facts.items():
        if text:
            yield word, text
    yield from _elsewhere(info)


def _processes(info: OptionInfo) -> str | None:
    """The process types that read the option, where the general trainer is not among them."""
    if info.process_types == ANY or "sd_trainer" in info.process_types:
        return None
    return ", ".join(info.process_types)


def _elsewhere(info: OptionInfo) -> Iterator[tuple[str, str]]:
    """What other process types take under the same path, where it is something else."""
    kinds: dict[str, list[str]] = {}
    here = (accepted(info.shape), _default(info))
    for kind, other in info.by_process.items():
        if (accepted(other.shape), _default(other)) != here:
            words = f"{other.label}: {accepted(other.shape)}; default {_default(other)}"
            kinds.setdefault(words, []).append(kind)
    for words, of in kinds.items():
        yield "elsewhere", f"{words} (type {', '.join(of)})"


def _accepts(info: OptionInfo) -> Iterator[tuple[str, str]]:
    """What the option takes, which may depend on the option that decides over it."""
    unit = f", in {info.unit}" if info.unit else ""
    kinds: dict[str, list[str]] = {}
    for kind, variant in (info.variants or {"": info}).items():
        kinds.setdefault(accepted(variant.shape) + unit, []).append(kind)
    for text, deciders in kinds.items():
        yield "accepts", text if len(kinds) == 1 else f"{text} (with {', '.join(deciders)})"


def _default(info: OptionInfo) -> str:
    if info.required:
        return "none, it must be given"
    defaults: dict[str, list[str]] = {}
    for kind, variant in info.variants.items():
        defaults.setdefault(shown(variant.default), []).append(kind)
    if len(defaults) > 1:
        return "; ".join(f"{text} with {', '.join(kinds)}" for text, kinds in defaults.items())
    if info.default is None and info.inherits:
        return f"the value of {info.inherits}"
    return "empty" if info.default is None else shown(info.default)


def _families(info: OptionInfo) -> str:
    needs = "; ".join(CAPABILITIES[need] for need in info.applies_to)
    names = ", ".join(row.label for row in FAMILIES.values() if row.can(info.applies_to))
    return f"{needs} ({names or 'no family yet'})"
