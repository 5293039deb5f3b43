"""Following a table of (their key -> our path, conversion), and listing what no table names."""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, TypeVar

from schema.importers.draft import Draft

T = TypeVar("T")


class NoEqualError(ValueError):
    """A value that cannot be said in our options; the message is the reason."""


def plain(value: Any) -> Any:
    """The value as it stands."""
    return value


class Row(NamedTuple):
    """Where a key goes, and how its value is converted. An empty path: known and of no effect."""

    path: str
    convert: Callable[[Any], Any] = plain


class Source:
    """The other trainer's values; what is taken is noted, so that the rest can be listed."""

    def __init__(self, values: Mapping[str, Any], where: str = "") -> None:
        self.values = dict(values)
        self.where = where
        self._taken: set[str] = set()
        self.faults: list[tuple[str, Any, str]] = []

    def __contains__(self, key: str) -> bool:
        return self.values.get(key) is not None

    def take(self, key: str, default: Any = None) -> Any:
        """The value of a key, which is dealt with hereby."""
        self._taken.add(key)
        value = self.values.get(key)
        return default if value is None else value

    def read(self, key: str, convert: Callable[[Any], T], default: T) -> T:
        """The converted value of a key, taken; what cannot be converted is kept as a fault."""
        value = self.take(key)
        if value is None:
            return default
        try:
            return convert(value)
        except (ValueError, TypeError, OverflowError) as error:
            reason = str(error) if isinstance(error, NoEqualError) else "not a value of this option"
            self.faults.append((self.name(key), value, reason))
            return default

    def look(self, key: str, default: Any = None) -> Any:
        """The value of a key, which stays to be dealt with."""
        value = self.values.get(key)
        return default if value is None else value

    def present(self, *keys: str) -> list[str]:
        """Which of the keys stand in the file, with their places."""
        return [self.name(key) for key in keys if key in self.values]

    def name(self, key: str) -> str:
        """A key with its place in the file."""
        return f"{self.where}{key}"

    def inner(self, key: str) -> "Source":
        """The mapping at a key, taken; empty where there is none."""
        value = self.take(key)
        return Source(value if isinstance(value, dict) else {}, f"{self.where}{key}.")

    def rest(self) -> dict[str, Any]:
        """What nobody has taken."""
        return {key: value for key, value in self.values.items() if key not in self._taken}


def follow(
    rows: Mapping[str, Row], source: Source, draft: Draft, into: dict[str, Any] | None = None
) -> None:
    """Carry out every row whose key is there. `into` takes the values of a dataset or sample."""
    for key, row in rows.items():
        if key not in source.values:
            continue
        value = source.take(key)
        if value is None or value == "" or not row.path:
            draft.off(source.name(key))
            continue
        try:
            ours = row.convert(value)
        except (ValueError, TypeError, OverflowError) as error:
            reason = str(error) if isinstance(error, NoEqualError) else "not a value of this option"
            draft.lost(source.name(key), value, reason)
            continue
        if into is None:
            draft.put(row.path, ours)
        else:
            into[row.path] = ours
        draft.took(row.path, source.name(key))


def list_rest(
    source: Source, draft: Draft, reasons: Mapping[str, str], defaults: Mapping[str, Any]
) -> None:
    """List every key that is left: off, or without an equal, with the reason; and all faults."""
    for key, value, reason in source.faults:
        draft.lost(key, value, reason)
    source.faults.clear()
    for key, value in source.rest().items():
        source.take(key)
        if key == "__version" or _off(value) or (key in defaults and same(value, defaults[key])):
            draft.off(source.name(key))
        else:
            draft.lost(source.name(key), value, reasons.get(key, "no option here does this"))


def _off(value: Any) -> bool:
    return value is None or value is False or value in ("", [], {})


def same(value: Any, other: Any) -> bool:
    """Equal, numbers as numbers and true not as 1."""
    return isinstance(value, bool) == isinstance(other, bool) and bool(value == other)


# conversions


def number(value: Any) -> int | float:
    """A finite number, also where it stands as text."""
    if isinstance(value, bool):
        raise NoEqualError("not a number")
    if isinstance(value, int):
        return value
    try:
        found = float(value)
    except (ValueError, TypeError):
        raise NoEqualError("not a number") from None
    if not math.isfinite(found):
        raise NoEqualError("not a number that a config can hold")
    if isinstance(value, str) and not set(value) & set(".eE"):
        return int(found)
    return found


def whole(value: Any) -> int:
    """A whole number, also where it stands as text or as 10.0."""
    found = number(value)
    if found != int(found):
        raise NoEqualError("not a whole number")
    return int(found)


def real(value: Any) -> float:
    """A number as a float."""
    return float(number(value))


def switch(value: Any) -> bool:
    """True or false, also where it stands as text."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in ("true", "yes", "on", "1"):
        return True
    if word in ("false", "no", "off", "0", "none"):
        return False
    raise NoEqualError("neither true nor false")


def optional(convert: Callable[[Any], T]) -> Callable[[Any], T | None]:
    """The same conversion, for a key that may be missing."""
    return convert


def inverse(value: Any) -> bool:
    """The opposite of a switch."""
    return not switch(value)


def text(value: Any) -> str:
    """Text, of which a list or table is none."""
    if isinstance(value, dict | list):
        raise NoEqualError("not a text")
    return str(value)


def chosen(
    words: Mapping[str, Any], reason: str = "there is no such choice here"
) -> Callable[[Any], Any]:
    """A conversion by a table of words, read without regard to case."""

    def convert(value: Any) -> Any:
        word = str(value).lower()
        if word not in words:
            raise NoEqualError(reason)
        return words[word]

    return convert


TRAIN_DTYPES: Final = {
    "no": "fp32", "fp32": "fp32", "float32": "fp32", "float": "fp32", "float_32": "fp32",
    "fp16": "fp16", "float16": "fp16", "float_16": "fp16",
    "bf16": "bf16", "bfloat16": "bf16", "bfloat_16": "bf16",
}  # fmt: skip
SAVE_DTYPES: Final = {
    **{
        word: {"fp32": "float32", "fp16": "float16", "bf16": "bf16"}[ours]
        for word, ours in TRAIN_DTYPES.items()
    },
    "float8": "float8", "float_8": "float8", "float8_e4m3fn": "float8",
}  # fmt: skip

train_dtype = chosen(TRAIN_DTYPES)
save_dtype = chosen(SAVE_DTYPES)

SAMPLERS: Final = {
    "ddim": "ddim", "ddpm": "ddpm", "pndm": "pndm", "lms": "lms", "k_lms": "k_lms",
    "euler": "euler", "k_euler": "euler", "euler_a": "euler_a", "k_euler_a": "euler_a",
    "heun": "heun", "dpm_2": "dpm_2", "k_dpm_2": "dpm_2", "dpm_2_a": "dpm_2_a",
    "k_dpm_2_a": "dpm_2_a", "dpmsolver": "dpmsolver", "dpmsolver++": "dpmsolver++",
    "dpmsingle": "dpmsingle", "dpmpp": "dpmsolver++", "dpmpp_karras": "k_dpmsolver++",
    "euler_karras": "k_euler", "dpm++": "dpmsolver++", "flow_matching": "flowmatch",
}  # fmt: skip
"""Their names of samplers and ours; a `k_` there means the k-diffusion library, not Karras."""

sampler = chosen(SAMPLERS, "there is no such sampler here")


def side_of(width: float, height: float) -> int:
    """The side of the square that has the area of width x height."""
    return round(math.sqrt(width * height))
