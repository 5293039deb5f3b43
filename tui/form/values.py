"""Values as text and text as values: what a row shows, what may be typed.

`shown` gives the shortest text that reads back as the same value; `parse` accepts what people
type: `2k`, `1e-4`, `.0001`, `512*2`, `on`, an empty line for none. Text that is no value of the
type stays text: the schema then says what is wrong with it.
"""

from __future__ import annotations

import csv
import io
import math
import re
from typing import Any

import yaml

from schema.yaml_text import LOADER

SCALES = {"k": 1_000, "m": 1_000_000, "g": 1_000_000_000}
YES = {"on", "yes", "true", "y"}
NO = {"off", "no", "false", "n"}
FILE = re.compile(r"(?:^[~./]|/|\\).*|\.(?:txt|csv|json|png|jpe?g|webp)$", re.IGNORECASE)
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)


def shown(value: object) -> str:
    """A value in a row: `on`, `0.0001`, `[512, 768] (2)`, `-` for none."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return number_text(value)
    if isinstance(value, list):
        return f"{flow(value)} ({len(value)})" if value else "none"
    if isinstance(value, dict):
        return flow(value) if value else "none"
    text = str(value)
    return text.replace("\n", " ⏎ ") if text else '""'


def number_text(value: float) -> str:
    """The shortest form that reads back the same: 0.0001 stays, 2.5e-05 becomes 2.5e-5."""
    if math.isinf(value) or math.isnan(value):
        return str(value)
    text = repr(value)
    size = abs(value)
    if "e" not in text and size >= 1e7:
        # 1000000000000.0 is 1e+12; repr has all the digits there are, so nothing is lost.
        digits = text.removesuffix(".0").lstrip("-")
        short = digits.rstrip("0")
        mantissa = f"{short[0]}.{short[1:]}".rstrip(".")
        if text.endswith(".0") and len(mantissa) < 6:
            text = f"{'-' if value < 0 else ''}{mantissa}e{len(digits) - 1}"
    return re.sub(r"e([+-]?)0*(\d)", lambda m: f"e{'-' if m[1] == '-' else ''}{m[2]}", text)


def editable(value: object) -> str:
    """A value as the text that an editor starts with; lists and mappings as YAML in one line."""
    if value is None:
        return ""
    if isinstance(value, list | dict):
        return flow(value)
    if isinstance(value, str):
        return value
    return shown(value)


def flow(value: object) -> str:
    """YAML in one line, without its document end."""
    text: str = yaml.safe_dump(value, default_flow_style=True, width=10**6, sort_keys=False)
    return text.removesuffix("...\n").strip()


def parse(kind: str, text: str, *, optional: bool = False) -> Any:
    """The value that `text` means for an option of type `kind`; the text itself where none.

    Kinds are the catalogue's, `bool int float str enum path color list dict object union`; `lines`
    and `checks` for lists of texts, one a line; `texts` for a text or such a list, `numbers` for a
    number or a list of them, `switch` for on, off or a text.
    """
    bare = text.strip()
    if optional and bare in ("", "-", "none", "null"):
        return None
    if kind in ("lines", "checks"):
        return [line.strip() for line in text.splitlines() if line.strip()]
    if kind == "texts":
        return _texts(text)
    if kind == "numbers":
        several = "," in bare or "[" in bare
        return _yaml(bare, text, "list") if several else _plain_number(bare, text)
    if kind == "switch":
        word = bare.lower()
        return True if word in YES else False if word in NO or not word else text
    if kind == "bool":
        word = bare.lower()
        return True if word in YES else False if word in NO else text
    if kind in ("int", "float"):
        return _number(kind, bare, text)
    if kind in ("list", "dict", "object", "union"):
        return _yaml(bare, text, kind)
    return bare if kind in ("path", "enum", "color") else text


def _texts(text: str) -> Any:
    """A list, one text a line; a single line that looks like a file is the path of that file."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) == 1 and FILE.search(lines[0]):
        return lines[0]
    return lines


def parse_table(text: str, *, numbers: bool) -> list[Any]:
    """A list of lists: one inner list a line, its parts between commas.

    A part in double quotes may hold commas and may be empty.
    """
    rows = list(csv.reader(text.splitlines(), skipinitialspace=True))
    return [
        [_scalar(part) if numbers and part.strip() else part for part in row] for row in rows if row
    ]


def table_text(value: object) -> str:
    """A list of lists as `parse_table` reads it."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for row in value if isinstance(value, list) else ():
        writer.writerow(row if isinstance(row, list) else [row])
    return out.getvalue().removesuffix("\n")


def _number(kind: str, bare: str, text: str) -> Any:
    parts = re.split(r"\s*[*x×]\s*", bare)
    values = [_factor(part) for part in parts]
    if not bare or any(value is None for value in values):
        return text
    product = math.prod(value for value in values if value is not None)
    if kind == "float":
        return float(product)
    return int(product) if float(product).is_integer() else float(product)


def _plain_number(bare: str, text: str) -> Any:
    """A whole number stays one: 512 is not 512.0."""
    value = _number("float", bare, text)
    whole = isinstance(value, float) and value.is_integer() and not re.search(r"[.e]", bare.lower())
    return int(value) if whole else value


def _factor(text: str) -> float | int | None:
    scale = SCALES.get(text[-1:].lower(), 1)
    number = text[:-1] if scale != 1 else text
    if not NUMBER.fullmatch(number):
        return None
    if re.fullmatch(r"[+-]?\d+", number):
        return int(number) * scale
    return float(number) * scale


def _yaml(bare: str, text: str, kind: str) -> Any:
    if kind == "list" and "\n" in bare:
        return [_scalar(line) for line in bare.splitlines() if line.strip()]
    if kind == "list" and bare and not bare.startswith("["):
        return [_scalar(part) for part in bare.split(",") if part.strip()]
    value = _loaded(bare)
    if value is None and kind in ("list", "dict"):
        return [] if kind == "list" else {}
    return text if value is _BROKEN else value


def _scalar(text: str) -> Any:
    """One item of a list."""
    value = _loaded(text.strip())
    number = _factor(value) if isinstance(value, str) else None
    return text.strip() if value is _BROKEN else value if number is None else number


def _loaded(text: str) -> Any:
    """YAML in the house's dialect, so that typing means what the file would mean."""
    try:
        return yaml.load(text, Loader=LOADER)  # noqa: S506 - a subclass of the safe loader
    except yaml.YAMLError:
        return _BROKEN


_BROKEN = object()


def step(value: float, direction: int, *, whole: bool, log: bool, big: bool = False) -> float:
    """The next value up or down.

    Whole numbers go by 1 (from 100 on by one in the second digit), numbers on a log scale by
    10^(1/4) in two digits, others by one in their second digit. `big` is ten of these steps.
    """
    times = 10 if big else 1
    if log and not whole:
        # A quarter of a decade, rounded to two digits: 1e-4, 1.8e-4, 3.2e-4, 5.6e-4, 1e-3.
        quarter = round(math.log10(value) * 4) + direction * times if value > 0 else -16
        return float(f"{10 ** (quarter / 4):.1e}")
    size = 10.0 ** max(math.floor(math.log10(abs(value))) - 1, 0 if whole else -9) if value else 0.0
    size = size or (1.0 if whole else 0.01)
    moved = value + direction * times * size
    return round(moved) if whole else float(f"{moved:.10g}")
