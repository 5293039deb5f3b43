"""Every option there is, as one list, walked out of the declarations in `schema.sections`.

Form, search, `finetui options`, `check` and the tests read this; nobody lists options by hand.
"""

from functools import cache

from pydantic.fields import FieldInfo

from schema.findings import nearest
from schema.option import meta_of
from schema.option_info import OptionInfo, SectionInfo, plain
from schema.option_rows import ANY, all_rows
from schema.paths import general
from schema.shapes import shape_of

__all__ = [
    "ANY", "OptionInfo", "SectionInfo", "closest", "find", "general", "options", "options_for",
    "plain", "search", "sections", "under",
]  # fmt: skip


@cache
def options() -> tuple[OptionInfo, ...]:
    """All options in the order of the declarations. Raises TypeError on a field without `opt`."""
    return tuple(all_rows())


@cache
def options_for(process_type: str) -> tuple[OptionInfo, ...]:
    """The options of a process of one type and of the file, each as that type declares it."""
    return tuple(
        info.by_process.get(process_type, info)
        for info in options()
        if info.process_types == ANY or process_type in info.process_types
    )


@cache
def sections(process_type: str = "sd_trainer") -> tuple[SectionInfo, ...]:
    """The sections of a process in the order of the form; the first gathers the bare keys."""
    from schema.sections.processes import process_class

    owner = process_class({"type": process_type})
    rows = [
        SectionInfo(
            name="job",
            label="Job",
            help="Name, output folder and device of the job.",
            prefix="",
            many=False,
            nullable=False,
            owner=owner,
        )
    ]
    for name, info in owner.model_fields.items():
        meta = meta_of(info)
        if meta.container and process_type in (meta.process_types or owner.kinds):
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


@cache
def _index() -> dict[str, OptionInfo]:
    return {info.path: info for info in options()}


def find(path: str, process_type: str | None = None) -> OptionInfo | None:
    """The option at a path, with or without list indexes; None if there is none.

    With a process type, the option as that type declares it, and None if it has no such option.
    """
    path = general(path)
    info = _index().get(path) or _index().get(_same_elsewhere(path))
    if info is None or process_type is None:
        return info
    known = info.process_types == ANY or process_type in info.process_types
    return info.by_process.get(process_type, info) if known else None


def _same_elsewhere(path: str) -> str:
    """The path in the section that a repeated one stands for: adapter.lora_config -> network."""
    for info in _repeated():
        for prefix in (f"{info.path}.", f"{info.path}[]."):
            if path.startswith(prefix):
                return f"{info.same_as}.{path.removeprefix(prefix)}"
    return path


@cache
def _repeated() -> tuple[OptionInfo, ...]:
    return tuple(info for info in options() if info.same_as)


def under(info: OptionInfo, value: object) -> OptionInfo:
    """The declaration that holds while the deciding option has `value` (itself if independent)."""
    return info.variants.get(str(value), info)


def closest(path: str) -> str | None:
    """The path that a mistyped one most likely meant; a bare name finds the option of that name.

    The options of the general trainer come first, the other process types after them.
    """
    wanted = general(path)
    for pool in (options_for("sd_trainer"), options()):
        if nearby := nearest(wanted, [info.path for info in pool]):
            return nearby
        by_name = {info.name: info.path for info in reversed(pool)}
        if close := nearest(wanted.rsplit(".", 1)[-1], by_name):
            return by_name[close]
    return None


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
