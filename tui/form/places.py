"""Where an option stands: which process a path leads into, and the same option beside another one.

Paths of the form are paths of the document, always: `train.lr` is of the first process,
`process[1].train.lr` of the second. Catalogue paths (`datasets[].flip_x`) become concrete here.
"""

from __future__ import annotations

import re
from functools import cache

from schema.catalogue import OptionInfo, general, options

_PROCESS = re.compile(r"process\[(\d+)\]\.?")
_INDEX = re.compile(r"\[\d*\]")
WHOLE = -1
"""The process number of what belongs to the job as a whole."""


def process_of(path: str) -> int:
    """The process that a path leads into; `WHOLE` for keys of the job."""
    if found := _PROCESS.match(path):
        return int(found[1])
    return WHOLE if path.split(".")[0] in ("job", "config", "meta") else 0


def within(path: str) -> str:
    """The path inside its process: `process[1].train.lr` -> `train.lr`."""
    return _PROCESS.sub("", path, count=1) if path.startswith("process[") else path


def into(path: str, process: int) -> str:
    """A path relative to a process as one of the document; keys of the job stay.

    So do paths that name their process, in the document's own way: the first one is not named.
    """
    if path.startswith("process[0]."):
        return within(path)
    if process <= 0 or process_of(path) != 0:
        return path
    return f"process[{process}].{path}" if path else f"process[{process}]"


@cache
def repeats() -> dict[str, str]:
    """Sections that have all the keys of another one, by path: adapter.lora_config -> network."""
    return {info.path: info.same_as for info in options() if info.same_as}


def repeated_at(path: str) -> str | None:
    """The section, of those that repeat another, which a path leads into; None for none."""
    bare = general(path)
    starts = (name for name in repeats() if bare.startswith((f"{name}.", f"{name}[].")))
    return next(starts, None)


def beside(other: str, path: str) -> str:
    """The catalogue path `other` in the process, list items and repeated section of `path`."""
    if (section := repeated_at(path)) is not None:
        start = f"{repeats()[section]}."
        if other.startswith(start):
            mark = "[]" if general(path).startswith(f"{section}[]") else ""
            other = f"{section}{mark}.{other.removeprefix(start)}"
    inner = within(path)
    shared = general(inner)
    out, at = other, 0
    for index in _INDEX.findall(inner):
        # The same list only: `datasets[].x` beside `sample.samples[1].y` stays without an index.
        at = shared.find("[]", at) + 2
        if other.startswith(shared[:at]):
            out = out.replace("[]", index, 1)
    return into(out, process_of(path))


def item_label(info: OptionInfo) -> str:
    """What one item of a list is called: Datasets -> dataset, Prompts -> prompt."""
    return singular(info.label)


def singular(label: str) -> str:
    """The label of a list as the word for one of its items."""
    word = label.lower()
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    return word if word.endswith("ss") else word.removesuffix("s")
