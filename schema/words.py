"""The words for findings: what was found, what would be accepted, and what was probably meant."""

import math
import re
from typing import Any

from schema.findings import nearest
from schema.shapes import Bounds, Shape

_NAMES = {"bool": "true or false", "str": "text", "path": "a path", "color": "a colour"}
_NUMBER = re.compile(r"^[-+]?(\d[\d_]*)?\.?\d+([eE][-+]?\d+)?$")


def found(value: Any) -> str:
    """A value as a finding names it."""
    if value is None:
        return "nothing"
    if isinstance(value, float) and not math.isfinite(value):
        return "not a number (.nan)" if math.isnan(value) else f"infinity ({value:.0f})"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        whole = isinstance(value, float) and value.is_integer() and abs(value) < 1e15
        return f"the number {value!r}" if whole else f"the number {number(value)}"
    if isinstance(value, str):
        short = value if len(value) <= 40 else f"{value[:37]}..."
        return f"the text '{short}'" if value else "empty text"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return "a mapping"
    return f"a {type(value).__name__}"


def number(value: float) -> str:
    """A number as people write it: 0.0001 is 1e-4, 7.0 is 7."""
    text = repr(int(value)) if isinstance(value, float) and value.is_integer() else repr(value)
    if len(text) > 16 and isinstance(value, float):
        text = f"{value:g}"
    return re.sub(r"e([-+])0*(\d)", lambda m: f"e{'-' if m[1] == '-' else ''}{m[2]}", text)


def accepted(shape: Shape, given: Any = None) -> str:
    """What a field takes, in words: `a whole number from 1 to 64, or empty`.

    Beside infinity, which is a number too, it says that the number must be finite.
    """
    words = _accepted(shape)
    if isinstance(given, float) and not math.isfinite(given):
        words = re.sub(r"\ba (whole )?number", r"a finite \1number", words)
    return f"{words}, or empty" if shape.nullable else words


def _accepted(shape: Shape) -> str:
    if shape.kind in ("int", "float"):
        kind = "a whole number" if shape.kind == "int" else "a number"
        return f"{kind}{_limits(shape.bounds)}"
    if shape.kind == "enum":
        return f"one of {', '.join(str(value) for value in shape.literals)}"
    if shape.kind == "list" and shape.item is not None:
        count = shape.bounds.min_length
        exact = f"{count} " if count is not None and count == shape.bounds.max_length else ""
        return f"a list of {exact}items, each {_accepted(shape.item)}"
    if shape.kind == "union":
        return " or ".join(_accepted(member) for member in shape.members)
    if shape.kind in ("object", "dict"):
        return "a mapping of keys and values"
    words = _NAMES.get(shape.kind, shape.kind)
    if shape.bounds.min_length:
        words += " that is not empty"
    if shape.bounds.pattern:
        words += f" of the form {shape.bounds.form or shape.bounds.pattern}"
    return words


def _limits(bounds: Bounds) -> str:
    if bounds.ge is not None and bounds.le is not None:
        return f" from {number(bounds.ge)} to {number(bounds.le)}"
    parts = [
        (bounds.ge, "at least"),
        (bounds.gt, "above"),
        (bounds.le, "at most"),
        (bounds.lt, "below"),
    ]
    words = [f"{word} {number(limit)}" for limit, word in parts if limit is not None]
    return f" {' and '.join(words)}".replace(" at", " of at", 1) if words else ""


def suggestion(value: Any, shape: Shape) -> str | None:
    """The value that was probably meant, written as in YAML; None when there is no telling."""
    if shape.kind == "union":
        return next((s for m in shape.members if (s := suggestion(value, m)) is not None), None)
    if shape.kind == "enum":
        return nearest(str(value), [str(choice) for choice in shape.literals])
    if shape.kind in ("int", "float"):
        return _number_near(value, shape)
    if shape.kind == "bool" and isinstance(value, int | str):
        return {"1": "true", "0": "false", "true": "true", "false": "false", "yes": "true",
                "no": "false", "on": "true", "off": "false"}.get(str(value).lower())  # fmt: skip
    text = shape.kind in ("str", "path") and not shape.bounds.pattern
    if text and isinstance(value, int | float):
        return f'"{str(value).lower() if isinstance(value, bool) else value}"'
    if shape.kind == "list" and shape.item is not None and isinstance(value, str | int | float):
        fits = isinstance(value, str) == (shape.item.kind in ("str", "path"))
        return f"[{value}]" if fits else None
    return None


def _number_near(value: Any, shape: Shape) -> str | None:
    if isinstance(value, str) and _NUMBER.match(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    bounds = shape.bounds
    if bounds.ge is not None and value < bounds.ge:
        return number(bounds.ge)
    if bounds.le is not None and value > bounds.le:
        return number(bounds.le)
    if (bounds.gt is not None and value <= bounds.gt) or (
        bounds.lt is not None and value >= bounds.lt
    ):
        return None
    if shape.kind == "int":
        return number(round(value)) if abs(value) < 1e15 else None
    return number(value)
