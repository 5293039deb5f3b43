"""`finetui new`: a new config, from a preset or from a few questions. Never writes over a file.

A preset is named as a whole (`--preset sdxl-style-24gb`) or by its axes (`--family`, `--goal`,
`--memory`). `--guided` looks at this machine and at the pictures and asks what is still open; where
nobody can answer (no terminal, or `--yes`) the usual answers are taken.
"""

import argparse
import json
import re
import sys
from dataclasses import replace
from pathlib import Path

from schema.atomic import write_atomic
from schema.presets import PRESETS, NoPresetError, Preset, compose, named_preset
from schema.presets.axes import goals, memory_classes

_NAME = re.compile(r"^(  name: )(\S+)", re.M)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    names = ", ".join(preset.name for preset in PRESETS)
    parser.add_argument("--preset", metavar="NAME", help=f"{names}, or such as sd1-style-12gb")
    parser.add_argument("--goal", metavar="GOAL", help=f"one of {', '.join(goals())}")
    parser.add_argument("--family", metavar="ARCH", help="the kind of model, such as sd1")
    parser.add_argument("--memory", metavar="CLASS", help=f"one of {', '.join(memory_classes())}")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: print it")
    guided = parser.add_argument_group("guided", "asked for where they are not given")
    guided.add_argument(
        "--guided", action="store_true", help="advice for this machine and pictures"
    )
    guided.add_argument("--images", metavar="FOLDER", help="the training pictures")
    guided.add_argument("--trigger", metavar="WORD", help="calls up what is taught; '' for none")
    guided.add_argument("--model", metavar="PATH", help="the base model, if not the usual one")
    guided.add_argument("--priority", metavar="WHAT", help="balanced, quality, speed or memory")
    guided.add_argument("--assist", metavar="HOW", help="lots, some or none of explanations")
    guided.add_argument("--yes", action="store_true", help="ask nothing, take the usual answers")
    guided.add_argument("--json", action="store_true", help="values with reasons as JSON; no file")


def run(args: argparse.Namespace) -> int:
    """Write the config; 2 for an unknown name or a file that cannot or must not be written."""
    output: Path | None = args.output
    if output is not None and (output.exists() or output.is_symlink()):
        return _refuse(f"{output} exists already and is left as it is")
    try:
        if args.guided:
            return _guided(args)
        given = [f"--{name}" for name in _GUIDED if getattr(args, name) not in (None, False)]
        if given:
            return _refuse(f"{', '.join(given)} can be given with --guided only")
        preset = _preset(args)
    except NoPresetError as error:
        return _refuse(str(error))
    if output is None:
        print(preset.text, end="")
        return 0
    return _write(output, _named(preset.text, output))


_GUIDED = ("images", "trigger", "model", "priority", "assist", "yes", "json")


def _preset(args: argparse.Namespace) -> Preset:
    """The preset of a name, or of an axis each; both may be mixed as long as they agree."""
    axes = {"family": args.family, "goal": args.goal, "memory": args.memory}
    if args.preset is None:
        return compose(**axes) if any(axes.values()) else PRESETS[0]
    preset = named_preset(args.preset)
    if not any(axes.values()):
        return preset
    named = {"family": preset.family, "goal": preset.goal, "memory": preset.memory}
    return compose(**{axis: axes[axis] or named[axis] for axis in axes})


def _guided(args: argparse.Namespace) -> int:
    from tui.commands import guided  # reads the machine, which a preset has no use for

    try:
        answers, machine = guided.from_flags(args), guided.machine(args)
    except guided.BadAnswerError as error:
        return _refuse(str(error))
    asking = sys.stdin.isatty() and not args.yes and not args.json
    answers, pictures = guided.ask(answers, machine, guided.given(args)) if asking else (
        guided.completed(answers)
    )  # fmt: skip
    output: Path | None = args.output
    if output is not None and not answers.name:
        answers = replace(answers, name=_run_name(output))
    advice = guided.advice_of(answers, machine, pictures)
    if args.json:
        print(json.dumps(guided.as_json(advice), indent=2))
        return 0
    guided.tell(advice, machine)
    if output is None:
        print(advice.text, end="")
        return 0
    return _write(output, advice.text)


def _write(output: Path, text: str) -> int:
    try:
        write_atomic(output, text)
    except OSError as error:
        return _refuse(f"{output} cannot be written: {(error.strerror or 'unknown').lower()}")
    print(f"wrote {output}; `finetui {output}` opens it", file=sys.stderr)
    return 0


def _run_name(file: Path) -> str:
    return re.sub(r"[^\w.-]+", "_", file.stem).strip("_.-")


def _named(text: str, file: Path) -> str:
    """The text with the job named after the file, so that two new configs are two runs."""
    name = _run_name(file)
    return _NAME.sub(lambda match: match[1] + name, text, count=1) if name else text


def _refuse(message: str) -> int:
    print(f"finetui: {message}", file=sys.stderr)
    return 2
