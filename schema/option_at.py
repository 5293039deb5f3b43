"""One option by its path, found by walking the classes to it instead of listing all there are.

`check` asks about the few options that a config gives; building the whole catalogue for them would
take as long as everything else it does. A test holds the two ways together.
"""

from functools import cache

from schema.option import Section, SectionClass, meta_of
from schema.option_info import OptionInfo
from schema.option_rows import ANY, fields_of, merged, narrowed, option_row
from schema.shapes import shape_of


@cache
def option_at(path: str, process_type: str) -> OptionInfo | None:
    """The option at a catalogue path (`datasets[].flip_x`) as a process type declares it.

    What `schema.catalogue.find` gives, but for the other process types that share the option.
    """
    from schema.sections.job import JobConfig, JobFile
    from schema.sections.processes import process_class

    keys = path.split(".")
    if keys[0] in ("job", "meta"):
        return _walk(JobFile, keys, "", "job", ANY)
    if keys[0] == "config" and len(keys) > 1:
        return _walk(JobConfig, keys[1:], "config.", "job", ANY)
    if keys[0] == "config":
        return None
    return _walk(process_class({"type": process_type}), keys, "", "job", (process_type,))


def _walk(
    owner: SectionClass,
    keys: list[str],
    prefix: str,
    section: str,
    types: tuple[str, ...],
    decider: str | None = None,
) -> OptionInfo | None:
    """The option that `keys` lead to from a class; `decider` chose the class."""
    name = keys[0].removesuffix("[]")
    info = owner.model_fields.get(name)
    if info is None:
        return None
    meta, shape, path = meta_of(info), shape_of(info), f"{prefix}{name}"
    types = narrowed(types, meta)
    if not types:
        return None
    if len(keys) == 1:
        here = not meta.container and name == keys[0]
        return option_row(owner, path, section, info, types, decider) if here else None
    if keys[1].removesuffix("[]") in fields_of(meta.same_as):
        return option_at(".".join([str(meta.same_as), *keys[1:]]), types[0])
    below, inner = keys[1:], name if meta.container else section
    if name != keys[0]:
        item = shape.item.section if shape.item is not None else None
        return _walk(item, below, f"{path}[].", inner, types) if item is not None else None
    if shape.section is not None:
        return _walk(shape.section, below, f"{path}.", inner, types)
    return _of_variants(
        shape.variants, below, f"{path}.", inner, types, f"{prefix}{meta.params_of}"
    )


def _of_variants(
    variants: tuple[type[Section], ...],
    keys: list[str],
    prefix: str,
    section: str,
    types: tuple[str, ...],
    decider: str,
) -> OptionInfo | None:
    """One row for what several of the classes have, with the declaration of each inside."""
    found = [_walk(variant, keys, prefix, section, types, decider) for variant in variants]
    rows = merged([info for info in found if info is not None])
    return rows[0] if rows else None
