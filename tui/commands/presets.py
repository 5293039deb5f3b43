"""`finetui presets`: the ready configs for `finetui new`, and the axes they come from."""

import argparse
import json
import sys
from collections.abc import Iterator

from schema.presets import (
    FAMILY,
    NoPresetError,
    all_presets,
    named_preset,
    smallest_memory,
    trained_families,
    waiting,
)
from schema.presets.axes import goals, memory_classes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="one preset, value by value")
    parser.add_argument("--all", action="store_true", help="every name there is, one a line")
    parser.add_argument("--json", action="store_true", help="print a list of objects as JSON")


def run(args: argparse.Namespace) -> int:
    """Print the presets; 2 for an unknown name."""
    if args.name is not None:
        return _one(args.name, args.json)
    if args.json:
        print(json.dumps([preset.as_json() for preset in all_presets()], indent=2))
    elif args.all:
        for preset in all_presets():
            print(f"{preset.name:<28}{preset.label}")
    else:
        print("\n".join(_table()))
    return 0


def _one(name: str, as_json: bool) -> int:
    """The values of a preset with their reasons."""
    try:
        preset = named_preset(name)
    except NoPresetError as error:
        print(f"finetui: {error}", file=sys.stderr)
        return 2
    values = preset.advice.values
    if as_json:
        rows = [{"path": one.path, "value": one.value, "why": one.why} for one in values]
        print(json.dumps({**preset.as_json(), "values": rows}, indent=2))
        return 0
    print(f"{preset.label}. {preset.help}\n")
    width = max(len(one.path) for one in values)
    for one in values:
        print(f"{one.path:<{width}}  {_short(one.value):<24}  {one.why}")
    return 0


def _short(value: object) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return f"{len(value)} items"
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _table() -> Iterator[str]:
    """Goals, families and memory classes, and how they make a name."""
    families = trained_families()
    yield "Goals"
    for goal in goals().values():
        off = next((waiting(goal, row) for row in families if row.arch == FAMILY), None)
        yield f"  {goal.name:<13}{goal.label}. {goal.help}{f' ({off})' if off else ''}"
    yield "\nFamilies, and the smallest memory class for each goal"
    for row in families:
        least = [
            f"{goal.name} {smallest.name}"
            for goal in goals().values()
            if waiting(goal, row) is None and (smallest := smallest_memory(row.arch, goal.name))
        ]
        if least:
            yield f"  {row.arch:<13}{row.label}: {', '.join(least)}"
    yield "\nMemory of the GPU"
    for one in memory_classes().values():
        yield f"  {one.name:<13}{one.help}"
    yield "\nfinetui new --preset GOAL, or FAMILY-GOAL-MEMORY such as sd1-style-12gb"
    yield "finetui new --guided asks a few questions and looks at this machine and your pictures"
