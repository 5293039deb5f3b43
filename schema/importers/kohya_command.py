"""A kohya command line, as people keep it in a shell script or a note, read as keys and values."""

import re
import shlex
from pathlib import Path
from typing import Any, Final, NamedTuple

from schema.importers.companions import refuse
from schema.importers.tables import NoEqualError, number

_JOINED: Final = re.compile(r"[\\^`][ \t]*\r?\n")
_SCRIPT: Final = re.compile(r"[\w./\\:-]*?(\w+)\.py$")
_TRAINERS: Final = re.compile(r"(train\w*|fine_tune|\w+_train\w*)\.py\b|--pretrained_model_name")
_LISTS: Final = ("optimizer_args", "network_args", "lr_scheduler_args", "text_encoder_lr",
                 "base_weights", "base_weights_multiplier")  # fmt: skip


class Command(NamedTuple):
    """The script's name without `.py` ("" if there is none), its values, the launcher's."""

    script: str
    values: dict[str, Any]
    launcher: dict[str, Any]


def looks_like_command(text: str) -> bool:
    """Whether a text holds a call of a training script."""
    return _TRAINERS.search(text) is not None and "--" in text


def read_command(path: Path, text: str) -> Command:
    """The first call of a training script in a text. Raises RefusedError if quotes do not match."""
    joined = _JOINED.sub(" ", text)
    lines = [line for line in joined.splitlines() if looks_like_command(line)]
    line = lines[0] if lines else joined.replace("\n", " ")
    try:
        words = shlex.split(line, comments=True)
    except ValueError as error:
        raise refuse(path, "not-a-command", f"the command line cannot be read: {error}") from None
    place = next((n for n, word in enumerate(words) if _SCRIPT.match(word)), None)
    if place is None:
        first = next((n for n, word in enumerate(words) if word.startswith("--")), len(words))
        return Command("", _flags(words[first:]), {})
    found = _SCRIPT.match(words[place])
    script = found[1] if found else ""
    return Command(script, _flags(words[place + 1 :]), _flags(words[:place]))


def _flags(words: list[str]) -> dict[str, Any]:
    """`--key`, `--key value`, `--key=value`, `--key a b c`; words before them are no flags."""
    found: dict[str, list[str]] = {}
    current: list[str] | None = None
    for word in words:
        if word in (";", "&&", "|", "||", "&"):
            break
        if word.startswith("--") and len(word) > 2:
            key, sign, value = word[2:].partition("=")
            current = found[key.replace("-", "_")] = [value] if sign else []
        elif current is not None:
            current.append(word)
    return {key: _value(key, values) for key, values in found.items()}


def _value(key: str, values: list[str]) -> Any:
    if key in _LISTS:
        return [_typed(value) for value in values]
    if not values:
        return True
    return _typed(values[0]) if len(values) == 1 else [_typed(value) for value in values]


def _typed(word: str) -> Any:
    """A number where the word is one, as the trainer's own reader makes it, else the word."""
    try:
        return number(word)
    except NoEqualError:
        return word
