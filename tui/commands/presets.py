"""`finetui presets`: the ready configs that `finetui new` can write."""

import argparse
import json

from schema.presets import PRESETS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument("--json", action="store_true", help="print a list of objects as JSON")


def run(args: argparse.Namespace) -> int:
    """Print the presets."""
    if args.json:
        print(json.dumps([preset.as_json() for preset in PRESETS], indent=2))
        return 0
    width = max(len(preset.name) for preset in PRESETS)
    for preset in PRESETS:
        print(f"{preset.name:<{width}}  {preset.label}. {preset.help}")
    return 0
