"""Plain values to YAML text that reads back as the same values in our dialect.

Scalars come from PyYAML's emitter with our float pattern, so that what needs quotes gets them.
"""

from typing import Any, Final

import yaml

from schema.yaml_text import FLOAT

_LINE: Final = 88
"""Lists of scalars that fit are written on one line, as people write sizes and betas."""


class _Dumper(yaml.SafeDumper):  # type: ignore[misc] # PyYAML has no types
    """PyYAML's dumper, which quotes text that our dialect would read as a number."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write every value out; an edit must not invent anchors."""
        return True


def _text(dumper: Any, value: str) -> Any:
    """Text of several lines in double quotes: other styles would need the right indentation."""
    style = None if value.isprintable() else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)
_Dumper.add_implicit_resolver("tag:yaml.org,2002:float", FLOAT, list("-+0123456789."))


def scalar(value: Any, *, quote: str | None = None) -> str:
    """A scalar, or anything on one line, as it may stand in a block or a flow collection.

    `quote` is the style that text had before and keeps: `'`, `"` or None.
    """
    if value is None:
        return "null"
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, str) and quote == '"':
        return _dump(value, '"')
    if isinstance(value, str) and quote == "'" and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    return _dump(value, None)


def _dump(value: Any, style: str | None) -> str:
    """Written inside a one-item list, where plain text must be safe in flow context as well."""
    text: str = yaml.dump(
        [value],
        Dumper=_Dumper,
        default_flow_style=True,
        default_style=style,
        allow_unicode=True,
        width=10**9,
        sort_keys=False,
    )
    return text.strip()[1:-1]


def _float(value: float) -> str:
    """1e-4 rather than 0.0001, always with a dot or an exponent, so that it stays a float."""
    if value != value or value in (float("inf"), float("-inf")):
        return _dump(value, None)
    text = repr(value)
    if "e" in text or (abs(value) < 1e-2 and value != 0):
        digits, exponent = f"{value:e}".split("e") if "e" not in text else text.split("e")
        shortened = f"{float(digits):g}e{int(exponent)}"
        if float(shortened) == value and len(shortened) <= len(text):
            return shortened
    if "e" in text and "." not in text:
        return text.replace("e+", "e")
    return text


def block(value: Any, indent: int) -> str:
    """A value as it follows `key:` or `-`: on the same line, or on lines of their own.

    The text begins with a space or a line break and has no line break at its end.
    """
    if isinstance(value, dict) and value:
        return "\n" + "\n".join(entry(key, item, indent) for key, item in value.items())
    if isinstance(value, list) and value and not _fits(value):
        return "\n" + "\n".join(listed(item, indent) for item in value)
    return " " + scalar(value)


def entry(key: Any, value: Any, indent: int) -> str:
    """`key: value` with its own indentation; nested lines are two columns deeper."""
    return f"{' ' * indent}{scalar(key)}:{block(value, indent + 2)}"


def listed(value: Any, indent: int) -> str:
    """`- value` with its own indentation; the first key of a mapping stands beside the dash."""
    text = block(value, indent + 2)
    if isinstance(value, dict) and value:
        text = " " + text[1:].lstrip(" ")
    return f"{' ' * indent}-{text}"


def _fits(value: list[Any]) -> bool:
    simple = all(isinstance(item, str | int | float | None) for item in value)
    return simple and len(scalar(value)) <= _LINE


def document(value: dict[str, Any]) -> str:
    """A whole file."""
    return "\n".join(entry(key, item, 0) for key, item in value.items()) + "\n"
