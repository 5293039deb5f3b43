"""Plain values against the typed sections: every fault of shape as a finding with path and place.

pydantic finds the faults in one pass; this module turns its errors into sentences, and looks for
what pydantic cannot know: older key names, and keys that belong in another section.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from schema import words
from schema.catalogue import ANY, general, options
from schema.findings import Finding, Severity, nearest
from schema.option import Section, meta_of
from schema.paths import Keys, written
from schema.sections.job import JobFile
from schema.sections.processes import (
    AnyProcess,
    process_class,
    process_classes,
    process_name,
)
from schema.sections.processes.names import NEVER_DONE
from schema.shapes import Shape, shape_of
from schema.yaml_text import Reading

MOST_FAULTS: Final = 500
"""Faults that are put into sentences: each takes a look at all option names. More are counted."""

_FEW: Final = 15
"""Keys of a section that can be listed in a sentence."""


@dataclass(slots=True)
class Spot:
    """Where an error of pydantic's is: by declared names, by the keys in the file, in the types."""

    declared: Keys
    actual: Keys
    value: Any
    shape: Shape | None
    owner: type[Section] | None
    """The class in which the last key was looked up."""
    parent: Any
    kind: str = "sd_trainer"
    """The process type around it."""


def shape_findings(data: Any, reading: Reading) -> list[Finding]:
    """All faults of shape of a config, and hints on older spellings. `data` has no placeholders."""
    if not isinstance(data, dict):
        message = f"a config is a mapping with job: and config:, found {words.found(data)}"
        return [Finding("", "", *_place(reading, ()), "error", "not-a-mapping", message)]
    findings = list(_older_names(JobFile, data, (), reading))
    try:
        JobFile.model_validate(data)
    except ValidationError as error:
        findings += _explained(error, data, reading)
    return findings


@dataclass(frozen=True, slots=True)
class Fault:
    """A place that is wrong, for whoever wants to look at the rest: see `schema.mend`."""

    keys: Keys
    missing: bool
    shape: Shape | None


def faults_of(error: ValidationError, data: Any) -> list[Fault]:
    """The places in `data` that an error of pydantic is about."""
    faults = []
    for detail in error.errors(include_url=False, include_context=False):
        spot = _spot(detail["loc"], data)
        bad_key = detail["type"] == "invalid_key"
        keys = (*spot.actual[:-1], detail["input"]) if bad_key else spot.actual
        faults.append(Fault(keys, detail["type"] == "missing", spot.shape))
    return faults


def _place(reading: Reading, keys: Keys, *, key: bool = False) -> tuple[int, int]:
    line, column = reading.place(keys, key=key)
    return max(line, 1), max(column, 1)


def _explained(error: ValidationError, data: Any, reading: Reading) -> Iterator[Finding]:
    """One finding per path: a union reports each of its members, people want one sentence."""
    details = error.errors(include_url=False, include_context=False)
    spots = [(_spot(detail["loc"], data), detail) for detail in details[:MOST_FAULTS]]
    faulty = {spot.declared for spot, _ in spots}
    around = {path[:length] for path in faulty for length in range(len(path))}
    seen: set[tuple[Keys, bool]] = set()
    for spot, detail in spots:
        if detail["type"].startswith("union_tag") and _decided_badly(spot, faulty):
            continue
        if spot.declared in around:
            continue  # an item of this list or mapping is at fault, and has its own sentence
        marker = (spot.declared, detail["type"] in ("missing", "extra_forbidden"))
        if marker not in seen:
            seen.add(marker)
            yield _finding(spot, detail, reading)
    if len(details) > MOST_FAULTS:
        message = f"... and {len(details) - MOST_FAULTS} more faults; they come when these are gone"
        yield Finding("", "", *_place(reading, ()), "error", "more-faults", message)


def _decided_badly(spot: Spot, faulty: set[Keys]) -> bool:
    """Whether a dependent section cannot be judged because the option that decides is wrong."""
    sibling = _params_of(spot)
    return sibling is not None and (*spot.declared[:-1], sibling) in faulty


def _params_of(spot: Spot) -> str | None:
    if spot.owner is None or not spot.declared:
        return None
    info = spot.owner.model_fields.get(str(spot.declared[-1]))
    return meta_of(info).params_of if info is not None else None


def _spot(loc: tuple[int | str, ...], data: Any) -> Spot:
    """Follow pydantic's location through types and values; tags of unions are no keys."""
    spot = Spot((), (), data, Shape("object", section=JobFile), None, None)
    for step in loc:
        _follow(spot, step)
    return spot


def _follow(spot: Spot, step: int | str) -> None:
    shape = spot.shape
    if shape is None:
        return
    if shape.section is AnyProcess:
        if isinstance(spot.value, dict):
            spot.kind = process_name(spot.value.get("type"))
        _enter(spot, process_class(spot.value), step)
    elif shape.section is not None:
        _enter(spot, shape.section, step)
    elif shape.variants:
        spot.shape = next(
            (Shape("object", section=v) for v in shape.variants if v.__dict__.get("kind") == step),
            None,
        )
    elif isinstance(step, int) and isinstance(spot.value, list):
        holder = next((m for m in (shape, *shape.members) if m.item is not None), shape)
        spot.declared, spot.actual = (*spot.declared, step), (*spot.actual, step)
        spot.value = spot.value[step] if step < len(spot.value) else None
        spot.shape = holder.item


def _enter(spot: Spot, section: type[Section], name: int | str) -> None:
    info = section.model_fields.get(str(name))
    key: Any = name
    if info is not None and isinstance(spot.value, dict) and name not in spot.value:
        key = next((alias for alias in meta_of(info).aliases if alias in spot.value), name)
    spot.parent = spot.value
    spot.value = spot.value.get(key) if isinstance(spot.value, dict) else None
    spot.declared, spot.actual = (*spot.declared, name), (*spot.actual, key)
    kind = section.extra_kinds().get(str(name))
    spot.shape = _shapes(section)[str(name)] if info is not None else Shape(kind) if kind else None
    spot.owner = section


def _finding(spot: Spot, detail: ErrorDetails, reading: Reading) -> Finding:
    path = written(spot.actual)
    if detail["type"] == "missing":
        assert spot.owner is not None
        info = spot.owner.model_fields[str(spot.declared[-1])]
        message = f"is required: {info.description}"
        return Finding("", path, *_place(reading, spot.actual[:-1]), "error", "missing", message)
    if detail["type"] == "extra_forbidden":
        message, suggestion = _unknown(spot)
        place = _place(reading, spot.actual, key=True)
        return Finding("", path, *place, "error", "unknown-key", message, suggestion)
    if detail["type"] == "invalid_key":
        return _bad_key(spot, detail, reading)
    if spot.declared[3:] == ("type",) and str(spot.value) in NEVER_DONE:
        message = f"{spot.value} cannot be run: it {NEVER_DONE[spot.value]}"
        return Finding("", path, *_place(reading, spot.actual), "error", "unknown-choice", message)
    shape = spot.shape or Shape("object")
    message = f"found {words.found(spot.value)}, accepted is {words.accepted(shape, spot.value)}"
    code = _code(detail["type"], shape)
    meant = words.suggestion(spot.value, shape)
    return Finding("", path, *_place(reading, spot.actual), "error", code, message, meant)


def _code(kind: str, shape: Shape) -> str:
    if shape.kind == "enum":
        return "unknown-choice"
    if kind.startswith(("greater", "less")) or kind == "finite_number":
        return "out-of-range"
    if kind.startswith("string_pattern") or kind in ("string_too_short", "string_too_long"):
        return "bad-format"
    if kind in ("too_short", "too_long"):
        return "bad-length"
    return "wrong-type"


def _bad_key(spot: Spot, detail: ErrorDetails, reading: Reading) -> Finding:
    """A key that is no text: a number, or yes or off, which YAML 1.1 reads as true or false."""
    message = f"the key {words.found(detail['input'])} is not text"
    place = _place(reading, spot.actual, key=True)
    return Finding("", written(spot.actual[:-1]), *place, "error", "unknown-key", message)


def _unknown(spot: Spot) -> tuple[str, str | None]:
    """What to say about an unknown key: the nearest name here, or the section where it belongs."""
    assert spot.owner is not None
    name = str(spot.declared[-1])
    fields = spot.owner.model_fields
    here = {known: key for key, info in fields.items() for known in _names(key, info)}
    here |= {extra: extra for extra in spot.owner.extra_kinds()}
    message = f"unknown key '{name}'"
    close = nearest(name, here, cutoff=0.8)
    if close is not None:
        return f"{message}; did you mean '{here[close]}'?", here[close]
    homes = [info for info in options() if name == info.name or name in info.aliases]
    mine = [info for info in homes if info.process_types == ANY or spot.kind in info.process_types]
    kinds = _processes_with(name, spot.owner) or [k for info in homes for k in info.process_types]
    if kinds and not mine:
        others = " or ".join(list(dict.fromkeys(kinds))[:4])
        return f"{message} of {spot.kind}; it belongs to {others}", None
    here_elsewhere = next((i for i in mine if i.path == general(written(spot.actual))), None)
    if here_elsewhere is not None and here_elsewhere.when is not None:
        kind = getattr(spot.owner, "kind", "")
        return f"{message} of {kind}; it belongs to {', '.join(here_elsewhere.when[1])}", None
    if homes := mine:
        places = list(dict.fromkeys(_home(info.path) for info in homes))
        return f"{message}; it belongs in {' or '.join(places)}", homes[0].path
    far = nearest(name, here)
    if far is not None:
        return f"{message}; did you mean '{here[far]}'?", here[far]
    if len(fields) > _FEW:
        return f"{message}; `finetui options` lists what there is", None
    return f"{message}; known here are {', '.join(fields)}", None


def _processes_with(key: str, owner: type[Section]) -> list[str]:
    """The process types that have a key, where it was looked for in one that has it not."""
    if not issubclass(owner, AnyProcess):
        return []
    return [kind.kind for kind in process_classes() if key in kind.model_fields]


def _home(path: str) -> str:
    """`train.lr` -> `train:`; a bare key belongs in the process."""
    parent = path.rsplit(".", 1)[0] if "." in path else "config.process"
    return f"{parent.replace('[]', '')}:"


def _names(key: str, info: FieldInfo) -> tuple[str, ...]:
    return (key, *meta_of(info).aliases)


def _older_names(
    section: type[Section], data: Any, keys: Keys, reading: Reading
) -> Iterator[Finding]:
    """Hints on legacy key names and deprecated options, wherever the classes lead."""
    if not isinstance(data, dict):
        return
    if section is AnyProcess:
        section = process_class(data)
    known = _accepted_keys(section)
    for key in data:
        name = known.get(key) if isinstance(key, str) else None
        if name is None:
            continue
        info = section.model_fields[name]
        if key != name:
            yield _alias_finding(name, key, data, keys, reading)
        yield from _status_finding(name, info, (*keys, key), reading)
        if key == name or name not in data:
            yield from _below(section, name, info, data, (*keys, key), reading)


@cache
def _accepted_keys(section: type[Section]) -> dict[str, str]:
    """Every key that is read, older ones too, and the name of the option that it means."""
    fields = section.model_fields.items()
    return {key: name for name, info in fields for key in _names(name, info)}


@cache
def _shapes(section: type[Section]) -> dict[str, Shape]:
    return {name: shape_of(info) for name, info in section.model_fields.items()}


def _below(
    section: type[Section], name: str, info: FieldInfo, data: Any, keys: Keys, reading: Reading
) -> Iterator[Finding]:
    shape = _shapes(section)[name]
    value = data[keys[-1]]
    if shape.section is not None:
        yield from _older_names(shape.section, value, keys, reading)
    if shape.variants:
        sibling = str(meta_of(info).params_of)
        kind = str(data.get(sibling, section.model_fields[sibling].default)).lower()
        for variant in shape.variants:
            if variant.__dict__.get("kind") == kind:
                yield from _older_names(variant, value, keys, reading)
    if shape.item is not None and isinstance(value, list):
        for index, item in enumerate(value):
            # the one list of several classes is that of the processes
            inner = process_class(item) if shape.item.variants else shape.item.section
            if inner is not None:
                yield from _older_names(inner, item, (*keys, index), reading)


def _alias_finding(name: str, alias: str, data: Any, keys: Keys, reading: Reading) -> Finding:
    path, place = written((*keys, alias)), _place(reading, (*keys, alias), key=True)
    severity: Severity = "hint"
    message = f"'{alias}' is an older name of '{name}'; it is read as that"
    if name in data:
        same = data[name] == data[alias]
        severity = "hint" if same else "error"
        message = f"'{alias}' and '{name}' are the same option and both given"
        return Finding("", path, *place, severity, "given-twice", message, name)
    return Finding("", path, *place, severity, "older-name", message, name)


def _status_finding(name: str, info: FieldInfo, keys: Keys, reading: Reading) -> Iterator[Finding]:
    status = meta_of(info).status
    if status != "live":
        message = f"'{name}' is {status}: {info.description}"
        yield Finding(
            "", written(keys), *_place(reading, keys, key=True), "hint", "legacy-key", message
        )
