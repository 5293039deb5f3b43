"""How an option is declared: once, with everything that anyone needs to know about it.

`opt()` is the only way to declare a field of a `Section`. Form, help, search, check, command line,
documentation and engine all read the same declaration (through `schema.catalogue`). The metadata
travels in the JSON schema under the key `ui`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, ClassVar, Literal, Self, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

Tier = Literal["basic", "advanced", "expert"]
OnResume = Literal["safe", "new-trajectory", "refused"]
Status = Literal["live", "legacy", "deprecated"]
Editor = Literal["path", "folder", "color", "secret", "prompt", "multiline", "model"]

REQUIRED: Any = PydanticUndefined
"""Pass as the default of an option that every config must give."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionMeta:
    """What pydantic itself has no place for. Field meanings: see `opt`."""

    group: str
    tier: Tier = "basic"
    unit: str | None = None
    choices: Mapping[Any, str] | None = None
    synonyms: Mapping[Any, Any] | None = None
    applies_to: tuple[str, ...] = ("all",)
    process_types: tuple[str, ...] = ()
    on_resume: OnResume = "safe"
    editable_live: bool = False
    requires: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    default_note: str | None = None
    status: Status = "live"
    detail: str | None = None
    editor: Editor | None = None
    inherits: str | None = None
    log: bool = False
    form: str | None = None
    family_defaults: Mapping[str, Any] | None = None
    process_defaults: Mapping[str, Any] | None = None
    params_of: str | None = None
    only_with: tuple[str, tuple[str, ...]] | None = None
    same_as: str | None = None
    container: bool = False


_META_NAMES = tuple(field.name for field in fields(OptionMeta))


class _Ui(dict[str, Any]):
    """The metadata as it stands in the JSON schema, with the object it was made of."""

    def __init__(self, meta: OptionMeta) -> None:
        super().__init__({name: getattr(meta, name) for name in _META_NAMES})
        self.meta = meta


def opt(
    default: Any,
    label: str,
    help: str,
    *,
    group: str,
    tier: Tier = "basic",
    unit: str | None = None,
    choices: Mapping[Any, str] | None = None,
    synonyms: Mapping[Any, Any] | None = None,
    applies_to: tuple[str, ...] = ("all",),
    process_types: tuple[str, ...] = (),
    on_resume: OnResume = "safe",
    editable_live: bool = False,
    requires: tuple[str, ...] = (),
    conflicts: tuple[str, ...] = (),
    aliases: tuple[str, ...] = (),
    default_note: str | None = None,
    status: Status = "live",
    detail: str | None = None,
    editor: Editor | None = None,
    inherits: str | None = None,
    log: bool = False,
    form: str | None = None,
    family_defaults: Mapping[str, Any] | None = None,
    process_defaults: Mapping[str, Any] | None = None,
    params_of: str | None = None,
    only_with: tuple[str, tuple[str, ...]] | None = None,
    same_as: str | None = None,
    container: bool = False,
    gt: float | None = None,
    ge: float | None = None,
    lt: float | None = None,
    le: float | None = None,
    pattern: str | None = None,
    min_length: int | None = None,
    max_length: int | None = None,
) -> Any:
    """Declare one option.

    `default` may be `REQUIRED`. `label` is two or three words, `help` one friendly sentence,
    `detail` a paragraph for `finetui explain`. `choices` maps each value of a `Literal` to a word
    on it, `synonyms` maps other accepted spellings of a value to the value. `applies_to` names
    capabilities of `schema.families`, never families. `requires` and `conflicts` name paths.
    `aliases` are older key names that are still read. `inherits` is the path whose value counts
    while this one is null. `params_of` names the sibling whose value chooses this section's class.
    `only_with` names a path and its values under which the option has an effect. `same_as` is the
    section that this one repeats, whose options are not listed twice. `process_types` narrows an
    option to some of the process types that hold its section.
    `form` says in words what `pattern` asks for. `container` marks a section of the process, which
    has no row of its own in the catalogue. Bounds of the items of a list belong into the
    annotation: `list[Annotated[int, Field(ge=64)]]`.
    """
    meta = OptionMeta(
        group=group, tier=tier, unit=unit, choices=choices, synonyms=synonyms,
        applies_to=applies_to, process_types=process_types, on_resume=on_resume,
        editable_live=editable_live, requires=requires, conflicts=conflicts, aliases=aliases,
        default_note=default_note, status=status, detail=detail, editor=editor, inherits=inherits,
        log=log, form=form, family_defaults=family_defaults, process_defaults=process_defaults,
        params_of=params_of, only_with=only_with, same_as=same_as, container=container,
    )  # fmt: skip
    return Field(
        default,
        title=label,
        description=help,
        json_schema_extra={"ui": _Ui(meta)},
        gt=gt, ge=ge, lt=lt, le=le,
        pattern=pattern, min_length=min_length, max_length=max_length,
    )  # fmt: skip


def meta_of(field: FieldInfo) -> OptionMeta:
    """The metadata of a declared field. Raises TypeError for a field that was not made by `opt`."""
    extra = field.json_schema_extra
    if not isinstance(extra, dict) or "ui" not in extra:
        raise TypeError("every option is declared with schema.option.opt")
    ui: Any = extra["ui"]
    return ui.meta if isinstance(ui, _Ui) else OptionMeta(**ui)


class Params(dict[str, Any]):
    """A dependent parameter mapping that knows the sibling value which chooses its class."""

    kind: str | None = None


def kind_of(value: Any) -> str | None:
    """Discriminator of dependent sections: the sibling's value, or the tag of a built section."""
    if isinstance(value, Params):
        return value.kind
    return getattr(type(value), "kind", None)


class Section(BaseModel):
    """A mapping of the config: closed to unknown keys, immutable, strict about types."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        defer_build=True,
        allow_inf_nan=False,
        protected_namespaces=(),
    )

    @classmethod
    def extra_kinds(cls) -> Mapping[str, str]:
        """Keys that are taken without being declared, and the type of value of each."""
        return {}

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """The section itself: it never changes, and pydantic copies every default it hands out."""
        return self

    @model_validator(mode="before")
    @classmethod
    def _normalise(cls, data: Any) -> Any:
        """Read older key names and spellings, let null mean the default, tag dependent sections."""
        if not isinstance(data, dict):
            return data
        plan = _plan(cls)
        result: dict[str, Any] = {}
        for key, value in data.items():
            name = plan.aliases.get(key, key) if isinstance(key, str) else key
            if name != key and name in data:
                continue  # both spellings given: the present one counts, `check` reports it
            if value is None and name in plan.null_is_default:
                continue
            result[name] = plan.canonical(name, value)
        for name, sibling in plan.params.items():
            _tag(result, name, sibling, cls)
        return result


SectionClass = type[Section]
"""For annotations inside classes that have a field called `type`."""


class ParamSection(Section):
    """A section chosen by a sibling's value, such as the parameters of one optimizer."""

    kind: ClassVar[str] = ""


@dataclass(frozen=True, slots=True)
class _Plan:
    """What `Section._normalise` needs to know about one class, worked out once."""

    aliases: Mapping[str, str]
    null_is_default: frozenset[str]
    synonyms: Mapping[str, Mapping[Any, Any]]
    params: Mapping[str, str]

    def canonical(self, name: Any, value: Any) -> Any:
        """The value, or the canonical one if a synonym was written (True is no synonym of 1)."""
        table = self.synonyms.get(name)
        if table is None or not isinstance(value, str | int | float | None):
            return value
        if isinstance(value, str):
            return table.get(value.lower(), value)
        for spelling, meant in table.items():
            if type(spelling) is type(value) and spelling == value:
                return meant
        return value


@cache
def _plan(section: type[Section]) -> _Plan:
    metas = {name: meta_of(field) for name, field in section.model_fields.items()}
    fields = section.model_fields
    return _Plan(
        aliases={alias: name for name, meta in metas.items() for alias in meta.aliases},
        null_is_default=frozenset(
            name
            for name, field in fields.items()
            if not field.is_required() and not nullable(field)
        ),
        synonyms={name: spellings(m) for name, m in metas.items() if m.choices or m.synonyms},
        params={name: meta.params_of for name, meta in metas.items() if meta.params_of},
    )


def spellings(meta: OptionMeta) -> dict[Any, Any]:
    """Every accepted spelling of a choice (text in lower case) and the value that it means."""
    table: dict[Any, Any] = {}
    for value in meta.choices or ():
        table[value.lower() if isinstance(value, str) else value] = value
    for spelling, value in (meta.synonyms or {}).items():
        table[spelling.lower() if isinstance(spelling, str) else spelling] = value
    return table


def nullable(field: FieldInfo) -> bool:
    """Whether null is a value of its own for this field."""
    if get_origin(field.annotation) is Union or hasattr(field.annotation, "__args__"):
        return type(None) in get_args(field.annotation)
    return field.annotation is type(None)


def _tag(data: dict[str, Any], name: str, sibling: str, section: type[Section]) -> None:
    """Wrap the mapping under `name`, so that the union behind it picks the class by `sibling`."""
    value = data.get(name, {})
    if isinstance(value, dict):
        tagged = Params(value)
        kind = data.get(sibling, section.model_fields[sibling].default)
        tagged.kind = kind if isinstance(kind, str) else None
        data[name] = tagged
