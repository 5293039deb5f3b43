"""Every option there is, as one list, walked out of the declarations in `schema.sections`.

Form, search, `finetui options`, `check` and the tests read this; nobody lists options by hand.
"""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from pydantic.fields import FieldInfo

from schema import pending
from schema.findings import nearest
from schema.option import (
    Editor,
    OnResume,
    OptionMeta,
    ParamSection,
    Section,
    SectionClass,
    Status,
    Tier,
    meta_of,
)
from schema.shapes import Shape, shape_of


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionInfo:
    """One option as everyone sees it; the first block is what `finetui options --json` promises."""

    path: str
    process_types: tuple[str, ...]
    section: str
    group: str
    name: str
    label: str
    help: str
    type: str
    default: Any
    choices: tuple[Any, ...] | None
    min: float | None
    max: float | None
    unit: str | None
    tier: Tier
    applies_to: tuple[str, ...]
    on_resume: OnResume
    editable_live: bool
    requires: tuple[str, ...]
    conflicts: tuple[str, ...]
    aliases: tuple[str, ...]
    default_note: str | None
    status: Status
    # what forms and checks need besides
    required: bool
    nullable: bool
    choice_help: Mapping[Any, str]
    synonyms: Mapping[Any, Any]
    item_type: str | None
    exclusive_min: bool
    exclusive_max: bool
    pattern: str | None
    length: tuple[int | None, int | None]
    editor: Editor | None
    detail: str | None
    inherits: str | None
    log: bool
    family_defaults: Mapping[str, Any]
    process_defaults: Mapping[str, Any]
    params_of: str | None
    when: tuple[str, tuple[str, ...]] | None
    """For a dependent parameter: the deciding path and its values under which the option exists."""
    variants: Mapping[str, "OptionInfo"] = dataclasses.field(repr=False)
    """For a dependent parameter: the declaration that holds under each of those values."""
    owner: SectionClass = dataclasses.field(repr=False)
    shape: Shape = dataclasses.field(repr=False)

    def as_json(self) -> dict[str, Any]:
        """The option as plain data, without the Python objects behind it."""
        skip = {"owner", "shape", "variants"}
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        result = {name: plain(value) for name, value in values.items() if name not in skip}
        result["pending"] = pending.waits(self.path)
        result["pending_values"] = pending.waiting_values(self.path)
        result["defaults_by"] = {kind: plain(v.default) for kind, v in self.variants.items()}
        return result


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionInfo:
    """A section of the config as the sidebar shows it. `prefix` begins the paths of its options."""

    name: str
    label: str
    help: str
    prefix: str
    many: bool
    nullable: bool
    owner: SectionClass


def plain(value: Any) -> Any:
    """Sections, tuples and mappings as JSON-able data."""
    if isinstance(value, Section):
        return value.model_dump(mode="json")
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    return value


@cache
def options() -> tuple[OptionInfo, ...]:
    """All options in the order of the declarations. Raises TypeError on a field without `opt`."""
    from schema.sections.job import JobConfig, JobFile, Process

    found = [
        *_walk(JobFile, "", "job"),
        *_walk(JobConfig, "config.", "job"),
        *_walk(Process, "", "job"),
    ]
    return tuple(_merged(found))


@cache
def sections() -> tuple[SectionInfo, ...]:
    """The sections of a process in the order of the form; the first gathers the bare keys."""
    from schema.sections.job import Process

    rows = [
        SectionInfo(
            name="job",
            label="Job",
            help="Name, output folder and device of the job.",
            prefix="",
            many=False,
            nullable=False,
            owner=Process,
        )
    ]
    for name, info in Process.model_fields.items():
        if meta_of(info).container:
            rows.append(_section_row(name, info))
    return tuple(rows)


def _section_row(name: str, info: FieldInfo) -> SectionInfo:
    shape = shape_of(info)
    many = shape.kind == "list"
    owner = shape.item.section if many and shape.item else shape.section
    assert owner is not None, f"{name} is marked as a container but holds no section"
    return SectionInfo(
        name=name,
        label=info.title or name,
        help=info.description or "",
        prefix=f"{name}[]." if many else f"{name}.",
        many=many,
        nullable=shape.nullable,
        owner=owner,
    )


_INDEX: Final = re.compile(r"\[\d*\]")
_PROCESS: Final = re.compile(r"^(config\.)?process\[\d*\]\.")


def general(path: str) -> str:
    """The catalogue path of a concrete one: `process[1].train.lr` -> `train.lr`."""
    return _INDEX.sub("[]", _PROCESS.sub("", path))


@cache
def _index() -> dict[str, OptionInfo]:
    return {info.path: info for info in options()}


def find(path: str) -> OptionInfo | None:
    """The option at a path, with or without list indexes; None if there is none."""
    return _index().get(general(path))


def under(info: OptionInfo, value: object) -> OptionInfo:
    """The declaration that holds while the deciding option has `value` (itself if independent)."""
    return info.variants.get(str(value), info)


def closest(path: str) -> str | None:
    """The path that a mistyped one most likely meant; a bare name finds the option of that name."""
    wanted = general(path)
    if nearby := nearest(wanted, _index()):
        return nearby
    by_name = {info.name: info.path for info in reversed(options())}
    close = nearest(wanted.rsplit(".", 1)[-1], by_name)
    return by_name[close] if close else None


def search(text: str) -> list[OptionInfo]:
    """Options that match every word of `text`, the best first; everything for an empty text."""
    words = text.lower().split()
    ranked = [(rank, info) for info in options() if (rank := _rank(info, words)) is not None]
    return [info for _, info in sorted(ranked, key=lambda pair: pair[0])]


def _rank(info: OptionInfo, words: list[str]) -> int | None:
    """0 for the name itself, more for a lesser match, None when a word is nowhere."""
    total = 0
    haystacks = (
        info.path.lower(),
        info.label.lower(),
        " ".join(info.aliases).lower(),
        f"{info.group} {info.help} {' '.join(map(str, info.choices or ()))}".lower(),
    )
    for word in words:
        if word in {info.name.lower(), info.path.lower()}:
            continue
        place = next((at for at, hay in enumerate(haystacks) if word in hay), None)
        if place is None:
            return None
        total += 1 + place
    return total


def _walk(
    owner: type[Section], prefix: str, section: str, decider: str | None = None
) -> Iterator[OptionInfo]:
    """The options of one class and of the sections below it; `decider` chose this class."""
    for name, info in owner.model_fields.items():
        meta = meta_of(info)
        shape = shape_of(info)
        path = f"{prefix}{name}"
        if not meta.container:
            yield _option(owner, path, section, info, decider)
        if path not in _BARE:
            inner = name if meta.container else section
            below = f"{prefix}{meta.params_of}" if meta.params_of else None
            yield from _below(shape, path, inner, below)


_BARE: Final = {"config", "config.process"}
"""Not walked into: `options` lists what is below them with prefixes of its own."""


def _below(shape: Shape, path: str, section: str, decider: str | None) -> Iterator[OptionInfo]:
    if shape.section is not None:
        yield from _walk(shape.section, f"{path}.", section)
    for variant in shape.variants:
        yield from _walk(variant, f"{path}.", section, decider)
    if shape.item is not None and shape.item.section is not None:
        yield from _walk(shape.item.section, f"{path}[].", section)


def _option(
    owner: type[Section], path: str, section: str, info: FieldInfo, decider: str | None
) -> OptionInfo:
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
        when=None,
        variants={},
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
        "process_types", "group", "unit", "tier", "applies_to", "on_resume", "editable_live",
        "requires", "conflicts", "aliases", "default_note", "status", "editor", "detail",
        "inherits", "log", "params_of",
    )  # fmt: skip
    values: dict[str, Any] = {name: getattr(meta, name) for name in names}
    values["family_defaults"] = meta.family_defaults or {}
    values["process_defaults"] = meta.process_defaults or {}
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


def _merged(found: list[OptionInfo]) -> list[OptionInfo]:
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
