"""`finetui options [QUERY]`: every option there is, or those that match a query."""

import argparse
import json
import shutil
import sys

from schema.catalogue import OptionInfo, closest, options, search
from schema.words import number


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument("query", nargs="*", help="words to look for in names, labels and help")
    parser.add_argument("--json", action="store_true", help="print a list of objects as JSON")


def run(args: argparse.Namespace) -> int:
    """Print the options; 0, also where nothing matches in JSON, else 2."""
    query = " ".join(args.query)
    rows = search(query) if query else list(options())
    if args.json:
        print(json.dumps([info.as_json() for info in rows], indent=2))
        return 0
    if not rows:
        near = closest(query)
        hint = f"; did you mean {near}?" if near else ""
        print(f"finetui: no option matches '{query}'{hint}", file=sys.stderr)
        return 2
    _table(rows)
    return 0


def _table(rows: list[OptionInfo]) -> None:
    width = max(len(info.path) for info in rows)
    kinds = max(len(info.type) for info in rows)
    room = max(20, shutil.get_terminal_size((100, 24)).columns - width - kinds - 18)
    for info in rows:
        default = shown(info.default)[:12]
        label = info.label if len(info.label) <= room else f"{info.label[: room - 1]}…"
        print(f"{info.path:<{width}}  {info.type:<{kinds}}  {default:<12}  {label}")


def shown(value: object) -> str:
    """A default as it would stand in a config; a dash for none."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return number(value)
    if isinstance(value, list | dict):
        return json.dumps(value)
    return str(value) or '""'
