"""Writes the pages of docs/ that repeat what the code declares: options.md and keys.md.

`make docs` writes them; `make check` runs this with --check, which fails if a page is stale.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent))

from schema.catalogue import OptionInfo, options, sections  # noqa: E402
from tui import keys  # noqa: E402

NOTE = "<!-- Written by docs/generate.py (make docs) from the declarations; not by hand. -->"


def pages() -> dict[str, str]:
    """File name -> text of every generated page."""
    return {"options.md": options_page(), "keys.md": keys_page()}


def options_page() -> str:
    """Every option by section and group, in the order of the forms."""
    lines = [
        "# Options",
        "",
        NOTE,
        "",
        "Every key of a config, by section. `finetui explain PATH` tells more about one;",
        "the app shows the same words beside each field.",
    ]
    titles = {row.name: (row.label, row.help) for row in sections()}
    for section, rows in groupby(by_section(), key=lambda info: info.section):
        label, about = titles.get(section, (section.capitalize(), ""))
        lines += ["", f"## {label}", "", about] if about else ["", f"## {label}"]
        for group, members in groupby(list(rows), key=lambda info: info.group):
            lines += ["", f"### {group}", ""]
            lines += ["| key | default | what it does |", "|---|---|---|"]
            lines += [option_row(info) for info in members]
    return "\n".join(lines) + "\n"


def by_section() -> list[OptionInfo]:
    """The options so that sections and groups come in one piece, else in declared order."""
    rows = options()
    places = {key: at for at, key in reversed(list(enumerate((r.section, r.group) for r in rows)))}
    firsts = {name: at for at, name in reversed(list(enumerate(r.section for r in rows)))}
    return sorted(rows, key=lambda row: (firsts[row.section], places[row.section, row.group]))


def option_row(info: OptionInfo) -> str:
    """One table row; a bar inside a cell is escaped."""
    words = [info.help, *extras(info)]
    cell = " ".join(words).replace("|", "\\|").replace("\n", " ")
    return f"| `{info.path}` | {default_words(info)} | {cell} |"


def default_words(info: OptionInfo) -> str:
    """The default as YAML would write it."""
    if info.required:
        return "*needed*"
    if info.when is not None and len(info.variants) > 1:
        values = {str(row.default) for row in info.variants.values()}
        if len(values) > 1:
            return "by kind"
    value = info.default
    if value is None:
        return f"as `{info.inherits}`" if info.inherits else "-"
    if isinstance(value, bool):
        return "`true`" if value else "`false`"
    if isinstance(value, dict | list | str) and not value:
        return "*empty*"
    if isinstance(value, dict):
        return "*see below*"
    if isinstance(value, list):
        return "`[…]`" if any(isinstance(item, dict) for item in value) else f"`{value}`"
    return f"`{value}`"


def extras(info: OptionInfo) -> Iterator[str]:
    """What follows the help: choices, unit, older names, the reason for a default of our own."""
    if info.choices:
        yield "One of " + ", ".join(f"`{choice}`" for choice in info.choices) + "."
    if info.unit:
        yield f"In {info.unit}."
    if info.when:
        yield f"With `{info.when[0]}` {', '.join(info.when[1])}."
    if info.aliases:
        yield "Also read as " + ", ".join(f"`{name}`" for name in info.aliases) + "."
    if info.default_note:
        yield f"*{info.default_note.rstrip('.')}.*"


def keys_page() -> str:
    """Every key by the place it works in."""
    lines = [
        "# Keys",
        "",
        NOTE,
        "",
        "Each can be given another key in `keys.yaml` of the settings folder, by its id.",
    ]
    places: dict[str, list[keys.Key]] = {}
    for row in keys.all_keys():
        places.setdefault(row.where, []).append(row)
    for place, rows in places.items():
        lines += ["", f"## {place.capitalize()}", "", "| key | does | id |", "|---|---|---|"]
        lines += [key_row(row) for row in rows]
    return "\n".join(lines) + "\n"


def key_row(row: keys.Key) -> str:
    """One table row with the key and its aliases."""
    names = ", ".join(code(keys.shown(key)) for key in row.keys)
    return f"| {names} | {row.words} | `{row.id}` |"


def code(key: str) -> str:
    """A key as code; a bar would end the cell, a backtick the code."""
    return "`` ` ``" if key == "`" else "`" + key.replace("|", "\\|") + "`"


def stale(written: dict[str, str]) -> Iterable[str]:
    """The pages on disk that differ from these."""
    for name, text in written.items():
        path = DOCS / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            yield name


def main() -> int:
    """Write the pages, or with --check say which are stale (exit 1)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    written = pages()
    if args.check:
        old = sorted(stale(written))
        if old:
            print(f"stale: {', '.join(f'docs/{name}' for name in old)}; run make docs")
        return 1 if old else 0
    for name, text in written.items():
        (DOCS / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
