"""Rules that follow from the declarations: needs of an option, what the model or engine lacks."""

from collections.abc import Iterator
from typing import Any

from schema.catalogue import OptionInfo, find, options
from schema.pending import pending_in
from schema.rules.rule import Problem, Scope


def general_problems(scope: Scope) -> Iterator[Problem]:
    """Options given in the file that have no effect: a needed one is off, or the model lacks it."""
    for info in options():
        for path in _places(info, scope):
            if scope.given(path):
                yield from _not_for_this_model(info, path, scope)
                yield from _without_what_it_needs(info, path, scope)


def waiting_problems(scope: Scope) -> Iterator[Problem]:
    """Options that the engine does not follow yet and that the file sets to something else."""
    for found in pending_in(scope.process, scope.process.type):
        message = f"is not in the engine yet ({found.words}); remove it or use the default"
        yield Problem(found.path, message, found.default, severity="error", code="not-yet")


def _places(info: OptionInfo, scope: Scope) -> Iterator[str]:
    """The concrete paths of an option: one for each item of the list it stands in."""
    if info.path.startswith("datasets[]."):
        for path, _ in scope.datasets():
            yield info.path.replace("datasets[]", path, 1)
    elif "[]" not in info.path:
        yield info.path


def _not_for_this_model(info: OptionInfo, path: str, scope: Scope) -> Iterator[Problem]:
    reason = scope.family.lacks(info.applies_to)
    if reason is not None:
        message = f"has no effect with {scope.family.label}: {reason}"
        yield Problem(path, message, severity="warning", code="not-for-this-model")


def _without_what_it_needs(info: OptionInfo, path: str, scope: Scope) -> Iterator[Problem]:
    value = _value(path, scope)
    if not value or value == info.default:
        return
    for needed in info.requires:
        place = needed.replace("datasets[]", path.split(".", 1)[0])
        other = find(needed)
        if other is not None and not _value(place, scope):
            message = f"has no effect while {other.label} ({place}) is off"
            yield Problem(path, message, severity="warning", code="needs-another-option")


def _value(path: str, scope: Scope) -> Any:
    """The typed value at a path of the process; None where a section on the way is absent."""
    value: Any = scope.process
    for part in path.split("."):
        name, _, index = part.partition("[")
        value = getattr(value, name, None)
        if index and value is not None:
            value = value[int(index.rstrip("]"))]
    return value
