"""`finetui new`: a new config from a preset. Never writes over a file that exists."""

import argparse
import re
import sys
from pathlib import Path

from schema.atomic import write_atomic
from schema.findings import nearest
from schema.presets import PRESETS, Preset, find_preset

_NAME = re.compile(r"^(  name: )(\S+)", re.M)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    names = ", ".join(preset.name for preset in PRESETS)
    parser.add_argument("--preset", default=PRESETS[0].name, metavar="NAME", help=f"one of {names}")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: print it")


def run(args: argparse.Namespace) -> int:
    """Write the config; 2 for an unknown preset or a file that cannot or must not be written."""
    preset = find_preset(args.preset)
    if preset is None:
        names = [known.name for known in PRESETS]
        close = nearest(args.preset, names)
        hint = f"; did you mean {close}?" if close else f"; there are {', '.join(names)}"
        return _refuse(f"there is no preset '{args.preset}'{hint}")
    if args.output is None:
        print(preset.text, end="")
        return 0
    if args.output.exists():
        return _refuse(f"{args.output} exists already and is left as it is")
    try:
        write_atomic(args.output, _named(preset, args.output))
    except OSError as error:
        return _refuse(f"{args.output} cannot be written: {(error.strerror or 'unknown').lower()}")
    print(f"wrote {args.output}; `finetui {args.output}` opens it", file=sys.stderr)
    return 0


def _named(preset: Preset, file: Path) -> str:
    """The text with the job named after the file, so that two new configs are two runs."""
    name = re.sub(r"[^\w.-]+", "_", file.stem).strip("_.-")
    return _NAME.sub(lambda match: match[1] + name, preset.text, count=1) if name else preset.text


def _refuse(message: str) -> int:
    print(f"finetui: {message}", file=sys.stderr)
    return 2
