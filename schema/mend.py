"""A config with faults of shape, mended just enough that the rules can look at the rest of it.

People want all faults at once: one mistyped key must not hide that the dataset folder is missing.
What is at fault is taken out or filled in, and nothing is then said about those places.
"""

from typing import Any, Final

from pydantic import ValidationError

from schema.option import Section
from schema.paths import Keys
from schema.sections.job import JobFile
from schema.shape_check import MOST_FAULTS, Fault, faults_of
from schema.shapes import Shape, shape_of

_ROUNDS: Final = 4
"""Taking out a bad optimizer can bring to light that its parameters fit no other."""


def mended(data: Any) -> tuple[JobFile, list[Keys]] | None:
    """The typed rest of a faulty config, and the places about which it can say nothing.

    None where too little is left (no process, say) or too much is wrong. `data` is not changed.
    """
    if not isinstance(data, dict):
        return None
    data = _copied(data)
    silent: list[Keys] = []
    for _ in range(_ROUNDS):
        try:
            return JobFile.model_validate(data), silent
        except ValidationError as error:
            if error.error_count() > MOST_FAULTS:
                return None
            for fault in faults_of(error, data):
                _mend(data, fault)
                silent.append(fault.keys)
    return None


def _mend(data: dict[Any, Any], fault: Fault) -> None:
    """Fill in what is missing or stands in a list; take out everything else."""
    parent: Any = data
    for key in fault.keys[:-1]:
        if isinstance(parent, dict) and not isinstance(parent.get(key), dict | list):
            parent[key] = {}  # a section of defaults that lacks something required
        parent = parent[key]
    if not fault.keys:
        return
    last = fault.keys[-1]
    if fault.missing or isinstance(parent, list):
        parent[last] = _filler(fault.shape)
    elif isinstance(parent, dict):
        parent.pop(last, None)


def _filler(shape: Shape | None) -> Any:
    """Some value of that shape; nothing is said about the place, so any will do."""
    if shape is None:
        return None
    if shape.literals:
        return shape.literals[0]
    if shape.section is not None:
        return _required(shape.section)
    if shape.members:
        return _filler(shape.members[0])
    if shape.kind in ("int", "float"):
        low = shape.bounds.minimum
        return (1 if low is None else int(low) + 1) if shape.kind == "int" else 0.5
    if shape.kind == "list":
        return [] if not shape.bounds.min_length else [_filler(shape.item)]
    return {"bool": False, "dict": {}}.get(shape.kind, "1")


def _required(section: type[Section]) -> dict[str, Any]:
    fields = section.model_fields.items()
    return {name: _filler(shape_of(info)) for name, info in fields if info.is_required()}


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value
