"""What each model family is and can do: data only, read by check, form and engine.

Options apply to capabilities, never to families; this table says which family has which. Adding a
family is a row in the file of its kind and a file in `engine/families/`; `engine` says whether our
engine trains it.
"""

from collections.abc import Mapping
from typing import Any, Final, get_args

from schema.families import audio, edit, modern, transformer, unet, video
from schema.families.capabilities import CAPABILITIES
from schema.families.names import IMPLIED_FLAGS, ArchName
from schema.families.row import Betas, Encoder, FamilyRow, Shift, Variant

__all__ = [
    "ALIASES", "CAPABILITIES", "FAMILIES", "FLAGS", "IMPLIED_FLAGS", "ArchName", "Betas",
    "Encoder", "FamilyRow", "Shift", "Variant", "arch_of", "family", "without_tag",
]  # fmt: skip

_ROWS: Final = {
    row.arch: row for part in (unet, transformer, modern, edit, video, audio) for row in part.ROWS
}

FAMILIES: Final[Mapping[str, FamilyRow]] = {name: _ROWS[name] for name in get_args(ArchName)}
"""The rows by architecture name, the classic models first."""

ALIASES: Final[Mapping[str, str]] = {
    alias: row.arch for row in FAMILIES.values() for alias in row.aliases
}
"""Other names of a family, and its architecture name."""

FLAGS: Final[Mapping[str, str]] = {
    row.flag: row.arch for row in FAMILIES.values() if row.flag is not None
}
"""The older true-or-false keys that chose a family, and its architecture name."""


def without_tag(arch: str) -> str:
    """`zimage:turbo` names the family zimage: what follows a colon is a note to people."""
    return arch.split(":", 1)[0].strip()


def family(arch: str) -> FamilyRow | None:
    """The row of an architecture name or alias; a tag after a colon (`zimage:turbo`) is ignored."""
    name = without_tag(arch).lower()
    return FAMILIES.get(ALIASES.get(name, name))


def arch_of(model: Mapping[Any, Any]) -> str:
    """The architecture that a `model:` section means as written: by arch, else by an older flag.

    Of several flags the most special one counts (is_xl may stand beside is_vega). Without any it
    is sd1.
    """
    arch = model.get("arch")
    if isinstance(arch, str) and arch:
        return arch
    named = [name for flag, name in FLAGS.items() if model.get(flag) is True]
    plainer = {FLAGS[flag] for name in named for flag in IMPLIED_FLAGS.get(name, ())}
    return next((name for name in named if name not in plainer), "sd1")
