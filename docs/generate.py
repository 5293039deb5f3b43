"""Writes the pages of docs/ that repeat what the code declares: options/, families.md and keys.md.

`make docs` writes them; `make check` runs this with --check, which fails if a page is stale.
"""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path[:0] = [str(DOCS), str(DOCS.parent)]

from family_pages import family_pages  # noqa: E402
from option_pages import option_pages  # noqa: E402

from tui import keys  # noqa: E402

NOTE = "<!-- Written by docs/generate.py (make docs) from the declarations; not by hand. -->"


def pages() -> dict[str, str]:
    """File name -> text of every generated page."""
    return {**option_pages(NOTE), **family_pages(NOTE), "keys.md": keys_page()}


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
    """The pages on disk that differ from these, and those of sections that are gone."""
    for name, text in written.items():
        path = DOCS / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            yield name
    for path in sorted((DOCS / "options").glob("*.md")):
        if f"options/{path.name}" not in written:
            yield f"options/{path.name}"


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
    for name in stale(written):
        (DOCS / name).unlink(missing_ok=True)
    for name, text in written.items():
        (DOCS / name).parent.mkdir(exist_ok=True)
        (DOCS / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
