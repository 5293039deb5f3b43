"""docs/families.md: what each option does with each family that the engine trains.

Nothing is typed in: capabilities, the table of what waits, and `check` itself are asked. An option
is refused by a family when every value that is tried there has an error that other families do not
have; an error that names another option is about that one's absence, not about the family.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from schema.catalogue import OptionInfo, options
from schema.check import check_document
from schema.document import Document
from schema.families import FAMILIES
from schema.families.row import FamilyRow
from schema.pending import waits

PAGE = "families.md"
KIND = "sd_trainer"
SECTIONS = ("train", "model", "network", "datasets", "sample", "save", "logging")
_TOP = "job"
_INTRODUCTION = (
    "What an option does in training (`type: sd_trainer`) with the families that the engine",
    "trains today. **used**: it has its effect. **no effect**: there is nothing in this family",
    "for it to act on, and `finetui check` says so. **refused**: it cannot work, and `check` says",
    "why before anything is loaded. **not yet**: the engine does not do it; `check` refuses it",
    "away from its default.",
)
_NUMBERS = (1, 2, 0.5, 8, 64, 500)
_IDLE, _REFUSED = "has no effect", "refused"
_ANOTHER = re.compile(r"\b(train|model|network|sample|save|datasets)(\[\w*\])?\.\w+")


def family_pages(note: str) -> dict[str, str]:
    """File name below docs/ -> text."""
    return {PAGE: "\n".join(_page(note)) + "\n"}


def _page(note: str) -> Iterator[str]:
    rows = [row for row in FAMILIES.values() if row.engine]
    yield from ("# Options and model families", "", note, "")
    yield from _INTRODUCTION
    found = [info for info in options() if KIND in info.process_types and info.status == "live"]
    for section in (_TOP, *SECTIONS):
        part = [info for info in found if _section(info) == section]
        if not part:
            continue
        yield from ("", f"## {section}", "", _line("option", *(row.label for row in rows)))
        yield _line("---", *("---" for _ in rows))
        for info in part:
            yield _line(f"`{info.path}`", *_words(info, rows))


def _section(info: OptionInfo) -> str:
    first = info.path.partition(".")[0].removesuffix("[]")
    return first if first in SECTIONS else _TOP


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _words(info: OptionInfo, rows: list[FamilyRow]) -> list[str]:
    if waits(info.path, KIND) is not None:
        return ["not yet" if row.can(info.applies_to) else "no effect" for row in rows]
    able = [row for row in rows if row.can(info.applies_to)]
    judged = {row.arch: _judgement(info, row.arch) for row in able}
    alike = len(able) > 1 and len(set(judged.values())) == 1
    words = {None: "used", _IDLE: "no effect", _REFUSED: "**refused**"}
    return [
        "no effect" if row not in able else "used" if alike else words[judged[row.arch]]
        for row in rows
    ]


def _judgement(info: OptionInfo, arch: str) -> str | None:
    """What `check` says of every value that is tried; None as soon as one value is taken."""
    path, verdicts = info.path.replace("[]", "[0]"), set()
    for value in _values(info):
        document = Document.parse(_base(arch))
        try:
            document.set(path, value)
        except (ValueError, KeyError, TypeError):
            return None
        found = [f for f in check_document(document, files=False) if f.path == path]
        about = [f for f in found if not _ANOTHER.search(f.message)]
        if any(f.severity == "error" for f in about):
            verdicts.add(_REFUSED)
        elif any(_IDLE in f.message for f in about):
            verdicts.add(_IDLE)
        else:
            return None
    return next(iter(verdicts)) if len(verdicts) == 1 else None


def _values(info: OptionInfo) -> list[Any]:
    """Values away from the default, for the types that have obvious ones."""
    if info.type == "bool":
        return [not info.default]
    if info.choices:
        return [choice for choice in info.choices if choice != info.default]
    if info.type in ("int", "float"):
        low = info.min if info.min is not None else 0
        high = info.max if info.max is not None else float("inf")
        kind = int if info.type == "int" else float
        numbers = [kind(number) for number in _NUMBERS if low <= number <= high]
        return [number for number in numbers if number != info.default]
    return []


@cache
def _base(arch: str) -> str:
    flows = FAMILIES[arch].prediction == "flow"
    scheduler = "flowmatch" if flows else "ddpm"
    return f"""\
job: extension
config:
  name: x
  process:
    - type: {KIND}
      training_folder: out
      trigger_word: sks
      model: {{name_or_path: /m, arch: {arch}}}
      network: {{type: lora, linear: 8, linear_alpha: 8}}
      train: {{steps: 100, noise_scheduler: {scheduler}}}
      datasets: [{{folder_path: /d}}]
      sample: {{prompts: [a]}}
"""
