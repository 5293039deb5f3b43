"""One option, one section: what the catalogue says about each, as everyone sees it."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from schema import pending
from schema.option import Editor, OnResume, Section, SectionClass, Status, Tier
from schema.shapes import Shape


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
    same_as: str | None
    """The section whose options this one has too; they are listed there alone."""
    when: tuple[str, tuple[str, ...]] | None
    """The deciding path and its values under which the option exists, where one decides."""
    variants: Mapping[str, "OptionInfo"] = dataclasses.field(repr=False)
    """For a dependent parameter: the declaration that holds under each of those values."""
    by_process: Mapping[str, "OptionInfo"] = dataclasses.field(repr=False)
    """Where process types declare one path differently: the declaration of each such type."""
    owner: SectionClass = dataclasses.field(repr=False)
    shape: Shape = dataclasses.field(repr=False)

    @property
    def waiting(self) -> str | None:
        """What the engine has to learn first, whatever the value; None if some process has it."""
        from schema.sections.processes.names import process_name

        kinds = {process_name(kind) for kind in self.process_types} - {process_name("all")}
        if not kinds or "sd_trainer" in self.process_types:
            return pending.waits(self.path)
        types = pending.waiting_values("type")
        words = [types.get(kind) or pending.waits(self.path, kind) for kind in kinds]
        return next(iter(sorted(filter(None, words))), None) if all(words) else None

    def as_json(self) -> dict[str, Any]:
        """The option as plain data, without the Python objects behind it."""
        skip = {"owner", "shape", "variants", "by_process"}
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        result = {name: plain(value) for name, value in values.items() if name not in skip}
        result["pending"] = self.waiting
        result["pending_values"] = pending.waiting_values(self.path)
        result["defaults_by"] = {kind: plain(v.default) for kind, v in self.variants.items()}
        result["by_process"] = {
            kind: {key: value for key, value in other.as_json().items() if value != result.get(key)}
            for kind, other in self.by_process.items()
        }
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
