"""What kind of value a declared field takes, read from its annotation.

Used by the catalogue (type, bounds, choices) and by `check` (the words on what is accepted).
"""

import types
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic.fields import FieldInfo

from schema.option import Section, SectionClass, meta_of

_SCALARS = {bool: "bool", int: "int", float: "float", str: "str"}


@dataclass(slots=True)
class Bounds:
    """Limits of a number, of a text's pattern, or of a list's length."""

    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    pattern: str | None = None
    form: str | None = None
    min_length: int | None = None
    max_length: int | None = None

    def read(self, metadata: Iterable[Any]) -> None:
        """Take over what pydantic stored for a field or an `Annotated`."""
        for item in metadata:
            if isinstance(item, FieldInfo):
                self.read(item.metadata)
            elif isinstance(item, Ge | Gt | Le | Lt | MinLen | MaxLen):
                for name in ("ge", "gt", "le", "lt", "min_length", "max_length"):
                    if hasattr(item, name):
                        setattr(self, name, getattr(item, name))
            elif getattr(item, "pattern", None) is not None:
                self.pattern = item.pattern

    @property
    def minimum(self) -> float | None:
        """The lower limit, inclusive or not."""
        return self.gt if self.ge is None else self.ge

    @property
    def maximum(self) -> float | None:
        """The upper limit, inclusive or not."""
        return self.lt if self.le is None else self.le


@dataclass(slots=True)
class Shape:
    """One field's kind of value: a type word, and the parts of it."""

    kind: str
    nullable: bool = False
    bounds: Bounds = field(default_factory=Bounds)
    literals: tuple[Any, ...] = ()
    item: "Shape | None" = None
    members: tuple["Shape", ...] = ()
    section: SectionClass | None = None
    variants: tuple[SectionClass, ...] = ()


def shape_of(info: FieldInfo) -> Shape:
    """The shape of a declared field, with its bounds; path-like text is `path`, colours `color`."""
    shape = _shape(info.annotation)
    target = shape.members[0] if shape.kind == "union" and shape.members else shape
    target.bounds.read(info.metadata)
    editor = meta_of(info).editor
    shape.bounds.form = meta_of(info).form
    if shape.kind == "str" and editor in {"path", "folder"}:
        shape.kind = "path"
    if shape.kind == "str" and editor == "color":
        shape.kind = "color"
    return shape


def _shape(annotation: Any) -> Shape:
    if get_origin(annotation) is Annotated:
        inner, *metadata = get_args(annotation)
        shape = _shape(inner)
        shape.bounds.read(metadata)
        return shape
    if annotation in _SCALARS:
        return Shape(_SCALARS[annotation])
    origin = get_origin(annotation)
    if origin is Literal:
        return Shape("enum", literals=get_args(annotation))
    if origin is list:
        return Shape("list", item=_shape(get_args(annotation)[0]))
    if origin is dict or annotation is dict:
        return Shape("dict")
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return Shape("object", section=annotation)
    if origin in (Union, types.UnionType):
        return _union(get_args(annotation))
    raise TypeError(f"no option type for the annotation {annotation!r}")


def _union(arguments: tuple[Any, ...]) -> Shape:
    members = tuple(_shape(argument) for argument in arguments if argument is not type(None))
    nullable = len(members) < len(arguments)
    if len(members) == 1:
        members[0].nullable = nullable
        return members[0]
    if all(member.section is not None for member in members):
        sections = tuple(member.section for member in members if member.section is not None)
        return Shape("object", nullable=nullable, variants=sections)
    return Shape("union", nullable=nullable, members=members)
