"""Rules that follow from the declarations: needs of an option, what the model or engine lacks."""

from collections.abc import Iterator
from typing import Final

from schema.conditions import met, needs, said
from schema.option import Section, meta_of
from schema.option_at import option_at
from schema.option_info import OptionInfo
from schema.paths import general
from schema.pending import pending_in
from schema.rules.lookup import value_at
from schema.rules.rule import Problem, ProcessScope

_NEEDS: Final = "needs-another-option"
_SAME_ANYWAY: Final = {
    "network.alpha": "network.linear",
    "network.linear_alpha": "network.linear",
    "network.conv_alpha": "network.conv",
}
"""Options that say, with the value of another, what happens without them too."""


def general_problems(scope: ProcessScope) -> Iterator[Problem]:
    """Options given in the file that have no effect: a needed one is off, or the model lacks it."""
    for path, elsewhere in _given(scope.process, "", scope.process.type):
        if not scope.given(path):
            continue
        if elsewhere:
            yield _of_another_process(path, elsewhere)
        elif (info := option_at(general(path), scope.process.type)) is not None:
            yield from _not_for_this_model(info, path, scope)
            if info.path == general(path):  # not of a section that repeats another one
                yield from _without_what_it_needs(info, path, scope)
                yield from _with_anothervalue_at(info, path, scope)


def _given(section: Section, prefix: str, kind: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The paths that a section was given, with the process types that alone read them if others."""
    for name in type(section).model_fields:
        if name not in section.model_fields_set:
            continue
        types = meta_of(type(section).model_fields[name]).process_types
        elsewhere = types if types and kind not in types else ()
        yield f"{prefix}{name}", elsewhere
        value = getattr(section, name)
        if elsewhere or not isinstance(value, Section | list):
            continue
        if isinstance(value, Section):
            yield from _given(value, f"{prefix}{name}.", kind)
            continue
        for index, item in enumerate(value):
            if isinstance(item, Section):
                yield from _given(item, f"{prefix}{name}[{index}].", kind)


def _of_another_process(path: str, types: tuple[str, ...]) -> Problem:
    message = f"has no effect here: only a process of type {' or '.join(types)} reads it"
    return Problem(path, message, severity="warning", code="of-another-process")


def waiting_problems(scope: ProcessScope) -> Iterator[Problem]:
    """Options that the engine does not follow yet and that the file sets to something else."""
    row = scope.model_family
    for found in pending_in(scope.process, scope.process.type):
        info = option_at(general(found.path), scope.process.type)
        if info is not None and row is not None and not row.can(info.applies_to):
            continue  # without effect on this model, which has its own finding
        if info is not None and _is_idle(info, found.path, scope):
            continue  # without effect beside an option that is off: the same
        repair = "" if found.path == "type" else "; remove it or use the default"
        message = f"is not in the engine yet ({found.words}){repair}"
        yield Problem(found.path, message, found.default, severity="error", code="not-yet")


def _not_for_this_model(info: OptionInfo, path: str, scope: ProcessScope) -> Iterator[Problem]:
    row, value = scope.model_family, value_at(path, scope)
    twin = _SAME_ANYWAY.get(path)
    if value == info.default or (twin is not None and value == value_at(twin, scope)):
        return
    reason = row.lacks(info.applies_to) if row is not None else None
    if row is not None and reason is not None:
        message = f"has no effect with {row.label}: {reason}"
        yield Problem(path, message, severity="warning", code="not-for-this-model")


def _is_idle(info: OptionInfo, path: str, scope: ProcessScope) -> bool:
    """Whether an option is on and an option that it needs is off."""
    return any(True for _ in _without_what_it_needs(info, path, scope))


def _without_what_it_needs(info: OptionInfo, path: str, scope: ProcessScope) -> Iterator[Problem]:
    value = value_at(path, scope)
    if not value or value == info.default:
        return
    for condition in info.requires:
        if not met(condition, lambda other: value_at(_beside(path, other), scope)):
            yield Problem(path, _unmet(condition, path, scope), severity="warning", code=_NEEDS)


def _unmet(condition: str, path: str, scope: ProcessScope) -> str:
    """`has no effect while EMA (train.ema_config.use_ema) is off`, or what it counts only with."""
    needed = [need.path for need in needs(condition)]
    if condition == needed[0]:
        other = option_at(condition, scope.process.type)
        place = _beside(path, condition)
        return f"has no effect while {f'{other.label} ({place})' if other else place} is off"
    return f"has an effect only with {said(condition, lambda other: None)}"


def _with_anothervalue_at(info: OptionInfo, path: str, scope: ProcessScope) -> Iterator[Problem]:
    """Options that count only under some values of another one, which has none of them."""
    if info.when is None or info.variants or value_at(path, scope) == info.default:
        return
    decider, values = info.when
    place = _beside(path, decider)
    found = value_at(place, scope)
    if found not in values:
        message = f"has no effect while {place} is {found}: it is for {', '.join(values)}"
        yield Problem(path, message, severity="warning", code="needs-another-value")


def _beside(path: str, other: str) -> str:
    """The concrete path of an option in the same list items: `datasets[].buckets` -> of item 2."""
    wanted, here = other.split("[]"), path.split("[")
    if len(wanted) > len(here):
        return other
    place = wanted[0]
    for part, index in zip(wanted[1:], here[1:]):
        place += f"[{index.partition(']')[0]}]{part}"
    return place
