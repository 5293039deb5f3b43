"""Configs as people write them: any declared options, any values, any handwriting.

A config is drawn from the catalogue by one seeded `random.Random`, so that a failing example is
one number. `damaged` then does to its text what editors, merges and tired people do.
"""

import random
from typing import Any, Final

from schema.catalogue import OptionInfo, options_for
from schema.sections.processes.names import PROCESS_ROWS
from schema.yaml_write import scalar

_COMMENTS: Final = ("# note", "#", "# lr: 3", "#  ein Kommentar: mit [Klammern] und 'Zeichen'")
_TEXTS: Final = (
    "", "a photo of [trigger]", "x: y", "- z", "#5", "it's", 'say "so"', "yes", "1e-4", "0o7",
    "é ü",
    "~", "null", "[name]", "${HOME}", "{", "two\nlines", "tab\there", " spaced ", "日本", "%",
    "*a",
)  # fmt: skip
_NUMBERS: Final = (0, 1, -1, 3, 512, 1024, 0.5, 1e-4, 1.0, -2.5, 1e9, 7)
_ODD: Final = (
    "[]", "{}", "[[1]]", "{a: b}", ".nan", "-.inf", "!x 1", "*n", "&n 1", "2024-01-02", "0x1f",
)  # fmt: skip
_DAMAGE: Final = "\t\n :-[]{}#&*!|>'\"%@`,~<=?\\\0\x1b\ufeff\u2028é0a"


def written(dice: random.Random) -> str:
    """One config as text."""
    data = _data(dice)
    hand = _Hand(dice)
    text = "".join(f"{line}\n" for line in hand.mapping(data, 0))
    if dice.random() < 0.1:
        text = text.rstrip("\n")
    if dice.random() < 0.1:
        text = "---\n" + text
    return text


def damaged(dice: random.Random, text: str) -> str:
    """The text after one to four accidents."""
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(text) + 1)
        kind = dice.randrange(8)
        lines = text.split("\n")
        row = dice.randrange(len(lines))
        if kind == 0:
            text = text[:at] + dice.choice(_DAMAGE) + text[at + 1 :]
        elif kind == 1:
            text = text[:at] + dice.choice(_DAMAGE) * dice.randint(1, 3) + text[at:]
        elif kind == 2:
            text = text[:at]
        elif kind == 3:
            lines.insert(dice.randrange(len(lines) + 1), lines[row])
            text = "\n".join(lines)
        elif kind == 4:
            del lines[row]
            text = "\n".join(lines)
        elif kind == 5:
            lines[row] = " " * dice.randint(0, 9) + lines[row].lstrip()
            text = "\n".join(lines)
        elif kind == 6:
            key, colon, _ = lines[row].partition(":")
            lines[row] = f"{key}{colon} {dice.choice(_ODD)}"
            text = "\n".join(lines)
        else:
            other = dice.randrange(len(lines))
            lines[row], lines[other] = lines[other], lines[row]
            text = "\n".join(lines)
    return text


def _data(dice: random.Random) -> dict[str, Any]:
    kind = dice.choice([*PROCESS_ROWS, *["sd_trainer"] * len(PROCESS_ROWS)])
    process: dict[str, Any] = {"type": kind}
    known = [info for info in options_for(kind) if not info.path.startswith(("config", "job"))]
    for info in dice.sample(known, min(len(known), dice.randint(0, 25))):
        if info.path not in ("type", "meta"):
            _put(process, info.path, _value(dice, info))
    processes = [process]
    if dice.random() < 0.1:
        processes.append({"type": dice.choice(list(PROCESS_ROWS))})
    data: dict[str, Any] = {
        "job": dice.choice(["extension", "train", "generate", "extract", "mod"]),
        "config": {"name": dice.choice(["a", "my run", "x_1"]), "process": processes},
    }
    if dice.random() < 0.3:
        data["meta"] = {"name": "[name]", "version": dice.choice(["1.0", 1.0])}
    if dice.random() < 0.05:
        del data["config"]["name"]
    return data


def _put(process: dict[str, Any], path: str, value: Any) -> None:
    place: Any = process
    *parents, last = path.split(".")
    for part in parents:
        name = part.removesuffix("[]")
        inner: Any = [{}] if part.endswith("[]") else {}
        inner = place.setdefault(name, inner) if isinstance(place, dict) else inner
        place = inner[0] if isinstance(inner, list) and inner else inner
        if not isinstance(place, dict):
            return
    place.setdefault(last.removesuffix("[]"), value)


def _value(dice: random.Random, info: OptionInfo) -> Any:
    """Mostly what fits, sometimes anything."""
    if dice.random() < 0.15:
        return dice.choice([None, [], {}, [1, "a"], {"a": 1}, True, *_TEXTS, *_NUMBERS])
    if info.choices:
        return dice.choice(info.choices)
    low = info.min if info.min is not None else 0
    fitting: dict[str, Any] = {
        "bool": dice.choice([True, False]),
        "int": int(low) + dice.choice([0, 1, 2, 8, 64]),
        "float": low + dice.choice([0.0, 1e-5, 0.25, 1.0]),
        "list": [dice.choice(_NUMBERS) for _ in range(dice.randint(0, 3))],
        "dict": {"a": dice.choice(_NUMBERS)},
        "object": {},
    }
    return fitting.get(info.type, dice.choice(_TEXTS))


class _Hand:
    """A handwriting: indentation, quotes, comments, blank lines, flow or block."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.deep = dice.choice([2, 2, 2, 4])
        self.busy = dice.choice([0.0, 0.05, 0.2])
        self.anchors = 0

    def mapping(self, data: dict[str, Any], indent: int) -> list[str]:
        """The lines of a mapping."""
        lines: list[str] = []
        for key, value in data.items():
            lines += self._between(indent)
            head = f"{' ' * indent}{self._key(key)}:"
            lines += self._after(head, value, indent)
        return lines

    def _after(self, head: str, value: Any, indent: int) -> list[str]:
        flow = self.dice.random() < 0.2 and not _deep(value)
        if isinstance(value, dict) and value and not flow:
            return [self._ended(head), *self.mapping(value, indent + self.deep)]
        if isinstance(value, list) and value and not flow:
            inside = indent + self.dice.choice([0, self.deep])
            return [self._ended(head), *self._items(value, inside)]
        return [self._ended(f"{head} {self._anchored()}{self._scalar(value)}")]

    def _items(self, values: list[Any], indent: int) -> list[str]:
        lines = []
        for value in values:
            lines += self._between(indent)
            if isinstance(value, dict) and value:
                first, *rest = self.mapping(value, indent + 2)
                while not first.strip() or first.lstrip().startswith("#"):
                    lines.append(first)
                    first, *rest = rest
                lines += [f"{' ' * indent}- {first.lstrip()}", *rest]
            else:
                lines.append(self._ended(f"{' ' * indent}- {self._scalar(value)}"))
        return lines

    def _between(self, indent: int) -> list[str]:
        lines = []
        if self.dice.random() < self.busy:
            lines.append("")
        if self.dice.random() < self.busy:
            lines.append(" " * indent + self.dice.choice(_COMMENTS))
        return lines

    def _ended(self, line: str) -> str:
        if self.dice.random() < self.busy:
            return f"{line}{' ' * self.dice.randint(1, 6)}{self.dice.choice(_COMMENTS)}"
        return line + " " * (self.dice.random() < self.busy / 4)

    def _anchored(self) -> str:
        if self.dice.random() >= self.busy / 4:
            return ""
        self.anchors += 1
        return f"&n{self.anchors} "

    def _key(self, key: str) -> str:
        return self.dice.choice([key] * 18 + [f'"{key}"', f"'{key}'"])

    def _scalar(self, value: Any) -> str:
        return scalar(value, quote=self.dice.choice([None, None, "'", '"']))


def _deep(value: Any) -> bool:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(isinstance(item, dict | list) for item in items)
