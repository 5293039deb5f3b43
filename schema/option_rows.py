"""Walks the declarations of `schema.sections` and makes the catalogue's rows of them.

A path that several process types declare is one row: that of the first, with the others inside.
"""

import dataclasses
from collections.abc import Iterator
from inspect import get_annotations
from typing import Any, Final

from pydantic.fields import FieldInfo

from schema.option import OptionMeta, ParamSection, Section, SectionClass, meta_of
from schema.option_info import OptionInfo, plain
from schema.shapes import Shape, shape_of

ANY: Final = ("all",)
"""The process types of options that stand outside the processes."""


LIVE_CHANGES: Final = False
"""Whether workers look at their config again while they train; none does yet, whatever a
declaration says is safe to change."""


def all_rows() -> list[OptionInfo]:
    """Every option once. Raises TypeError on a field that was declared without `opt`."""
    from schema.sections.job import JobConfig, JobFile

    found = [*_walk(JobFile, "", "job", ANY), *_walk(JobConfig, "config.", "job", ANY)]
    return _across([*merged(found), *_of_processes()])


def _of_processes() -> Iterator[OptionInfo]:
    """The options of all process classes; what several of them share is walked once."""
    from schema.sections.processes import process_classes

    sharing: dict[tuple[str, type], list[SectionClass]] = {}
    types: dict[SectionClass, tuple[str, ...]] = {item: item.kinds for item in process_classes()}
    for process in process_classes():
        for name in process.model_fields:
            sharing.setdefault((name, _declarer(process, name)), []).append(process)
    for (name, _), members in sharing.items():
        all_types = tuple(kind for member in members for kind in types[member])
        yield from merged(list(_field(members[0], name, "", "job", all_types)))


def _declarer(owner: SectionClass, name: str) -> type:
    """The class in whose body a field is declared."""
    return next(base for base in owner.__mro__ if name in get_annotations(base))


def _walk(
    owner: type[Section],
    prefix: str,
    section: str,
    types: tuple[str, ...],
    decider: str | None = None,
) -> Iterator[OptionInfo]:
    """The options of one class and of the sections below it; `decider` chose this class."""
    for name in owner.model_fields:
        yield from _field(owner, name, prefix, section, types, decider)


def _field(
    owner: type[Section],
    name: str,
    prefix: str,
    section: str,
    types: tuple[str, ...],
    decider: str | None = None,
) -> Iterator[OptionInfo]:
    info = owner.model_fields[name]
    meta, shape, path = meta_of(info), shape_of(info), f"{prefix}{name}"
    types = narrowed(types, meta)
    if not meta.container:
        yield option_row(owner, path, section, info, types, decider)
    if path not in _BARE:
        inner = name if meta.container else section
        below = f"{prefix}{meta.params_of}" if meta.params_of else None
        inside = _below(shape, path, inner, types, below)
        known = fields_of(meta.same_as)
        yield from (found for found in inside if _key_below(found.path, path) not in known)


def _key_below(path: str, above: str) -> str:
    """The key right below a section or list of sections: (`a[].b.c`, `a`) -> `b`."""
    return path.removeprefix(above).removeprefix("[]").removeprefix(".").split(".")[0].rstrip("[]")


def narrowed(types: tuple[str, ...], meta: OptionMeta) -> tuple[str, ...]:
    """The process types of an option: those of its section, or those of them that it names."""
    if not meta.process_types or types == ANY:
        return meta.process_types or types
    return tuple(name for name in types if name in meta.process_types)


def fields_of(path: str | None) -> frozenset[str]:
    """The keys of the trainer's section that another one repeats; none where nothing is."""
    if path is None:
        return frozenset()
    from schema.sections.processes import TrainerProcess

    shape = shape_of(TrainerProcess.model_fields[path])
    return frozenset(shape.section.model_fields) if shape.section else frozenset()


_BARE: Final = {"config", "config.process"}
"""Not walked into: `options` lists what is below them with prefixes of its own."""


def _below(
    shape: Shape, path: str, section: str, types: tuple[str, ...], decider: str | None
) -> Iterator[OptionInfo]:
    if shape.section is not None:
        yield from _walk(shape.section, f"{path}.", section, types)
    for variant in shape.variants:
        yield from _walk(variant, f"{path}.", section, types, decider)
    if shape.item is not None and shape.item.section is not None:
        yield from _walk(shape.item.section, f"{path}[].", section, types)


def option_row(
    owner: type[Section],
    path: str,
    section: str,
    info: FieldInfo,
    types: tuple[str, ...],
    decider: str | None,
) -> OptionInfo:
    """The row of one declared field; `decider` is the path whose value chose its class."""
    meta = meta_of(info)
    shape = shape_of(info)
    scalar = _scalar(shape)
    name = path.rsplit(".", 1)[-1]
    option = OptionInfo(
        path=path,
        section=section,
        name=name,
        label=info.title or name,
        help=info.description or "",
        type=shape.kind,
        default=None if info.is_required() else plain(info.default),
        choices=_choices(shape, meta, path),
        min=scalar.bounds.minimum,
        max=scalar.bounds.maximum,
        exclusive_min=scalar.bounds.gt is not None,
        exclusive_max=scalar.bounds.lt is not None,
        pattern=scalar.bounds.pattern,
        length=(shape.bounds.min_length, shape.bounds.max_length),
        required=info.is_required(),
        nullable=shape.nullable,
        choice_help=meta.choices or {},
        synonyms=meta.synonyms or {},
        item_type=shape.item.kind if shape.item else None,
        process_types=types,
        when=meta.only_with,
        variants={},
        by_process={},
        owner=owner,
        shape=shape,
        **_copied(meta),
    )
    if decider is None or not issubclass(owner, ParamSection):
        return option
    return dataclasses.replace(option, when=(decider, (owner.kind,)), variants={owner.kind: option})


def _copied(meta: OptionMeta) -> dict[str, Any]:
    """The properties that pass from the declaration as they are."""
    names = (
        "group", "unit", "tier", "applies_to", "on_resume", "editable_live",
        "requires", "conflicts", "aliases", "default_note", "status", "editor", "detail",
        "inherits", "log", "params_of", "same_as",
    )  # fmt: skip
    values: dict[str, Any] = {name: getattr(meta, name) for name in names}
    values["family_defaults"] = meta.family_defaults or {}
    values["process_defaults"] = meta.process_defaults or {}
    values["editable_live"] &= LIVE_CHANGES
    return values


def _scalar(shape: Shape) -> Shape:
    """The number or text that the bounds are about: of a list its item, of a union its first."""
    if shape.kind == "list" and shape.item is not None:
        return shape.item
    if shape.kind == "union" and shape.members:
        return shape.members[0]
    return shape


def _choices(shape: Shape, meta: OptionMeta, where: str) -> tuple[Any, ...] | None:
    """The values of a `Literal`, which the declaration must explain one by one."""
    literals = _scalar(shape).literals
    if set(literals) != set(meta.choices or ()):
        raise TypeError(f"{where}: the choices do not explain exactly the values {literals}")
    return literals or None


def merged(found: list[OptionInfo]) -> list[OptionInfo]:
    """One row per path: dependent parameters of one name become one row with variants."""
    rows: dict[str, OptionInfo] = {}
    for info in found:
        known = rows.get(info.path)
        if known is None:
            rows[info.path] = info
        elif known.when is None or info.when is None:
            raise TypeError(f"{info.path} is declared twice")
        else:
            rows[info.path] = dataclasses.replace(
                known,
                when=(known.when[0], known.when[1] + info.when[1]),
                variants={**known.variants, **info.variants},
            )
    return list(rows.values())


def _across(found: list[OptionInfo]) -> list[OptionInfo]:
    """One row per path: what several process types declare each in their way becomes one row."""
    rows: dict[str, OptionInfo] = {}
    for info in found:
        known = rows.get(info.path)
        if known is None:
            rows[info.path] = info
            continue
        others = dict.fromkeys(info.process_types, info)
        default = plain(info.default)
        defaults = dict.fromkeys(others, default) if default != plain(known.default) else {}
        rows[info.path] = dataclasses.replace(
            known,
            process_types=tuple(dict.fromkeys(known.process_types + info.process_types)),
            process_defaults={**known.process_defaults, **defaults},
            by_process={**known.by_process, **others},
        )
    return list(rows.values())
