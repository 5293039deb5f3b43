"""Every option that the notes and the other trainers know is declared, with their facts.

`tests/data/catalogue/<part>.yaml` holds the facts, `<part>.differences.yaml` where and why ours
differ on purpose.
"""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from schema.catalogue import OptionInfo, find

DATA = Path(__file__).parents[1] / "data" / "catalogue"
NAMES = (
    "adapter", "dataset", "job", "logging", "model", "network", "other", "sample", "save", "train",
)  # fmt: skip
PARTS = [DATA / f"{part}.yaml" for part in NAMES]
KINDS = {
    "dict": {"dict", "object"}, "object": {"object"}, "path": {"path", "str"},
    "str": {"str", "path", "color"}, "enum": {"enum"},
}  # fmt: skip


def facts(part: Path) -> list[dict[str, Any]]:
    rows = yaml.load(part.read_text(encoding="utf-8"), yaml.SafeLoader)
    start = f"{part.stem}." if all(row["path"].startswith(f"{part.stem}.") for row in rows) else ""
    return [{**row, "name": row["path"].removeprefix(start)} for row in rows]


def differences(part: Path) -> dict[str, str]:
    path = part.with_name(f"{part.stem}.differences.yaml")
    return yaml.safe_load(path.read_text(encoding="utf-8")) or {} if path.exists() else {}


ROWS = [
    pytest.param(row, differences(part), id=f"{part.stem}:{row['name']}")
    for part in PARTS
    for row in facts(part)
]


def declared(row: dict[str, Any]) -> OptionInfo | None:
    """The option, as the first of the process types that read it declares it."""
    found = (find(row["path"], process) for process in row.get("processes", [None]))
    return next((info for info in found if info is not None), None)


def is_section(path: str) -> bool:
    """Whether the path is that of a section or a list of them, whose options have the rows."""
    from schema.catalogue import options

    return any(info.path.startswith((f"{path}.", f"{path}[].")) for info in options())


def variants(info: OptionInfo) -> list[OptionInfo]:
    return list(info.variants.values()) or [info]


def kinds(fact: str) -> set[str]:
    """The types of ours that a type of the facts may be."""
    if " or " in fact:
        parts = [kinds(part.strip()) for part in fact.split(" or ")]
        return {"union"}.union(*parts)
    return {"list"} if fact.startswith("list") else KINDS.get(fact, {fact})


def is_alias(path: str) -> bool:
    parent, _, name = path.rpartition(".")
    from schema.catalogue import options

    siblings = (info for info in options() if info.path.rpartition(".")[0] == parent)
    return any(name in other.aliases for info in siblings for other in variants(info))


@pytest.mark.parametrize(("row", "apart"), ROWS)
def test_an_option_of_the_facts_is_declared(row: dict[str, Any], apart: dict[str, str]) -> None:
    info = declared(row)
    if info is None:
        assert row["name"] in apart, "neither declared nor explained"
        assert is_alias(row["path"]) or is_section(row["path"]), "explained, but not even read"
        return
    if row.get("in_seed"):
        assert info.status == "live"
    if row["name"] in apart:
        assert apart[row["name"]]
        return
    assert {variant.type for variant in variants(info)} & kinds(row["type"]), info.type
    wanted = row.get("seed_default", row["default"])
    defaults = [variant.default for variant in variants(info)]
    meant = info.synonyms.get(wanted, wanted) if isinstance(wanted, str) else wanted
    assert any(same(default, meant) for default in defaults), defaults


@pytest.mark.parametrize(("row", "apart"), ROWS)
def test_every_value_of_the_facts_is_read(row: dict[str, Any], apart: dict[str, str]) -> None:
    info = declared(row)
    known = {str(value).lower() for value in (*info.choices, *info.synonyms)} if (
        info and info.choices
    ) else set()  # fmt: skip
    assert {str(value).lower() for value in row.get("choices", ())} <= known


@pytest.mark.parametrize(("row", "apart"), ROWS)
def test_the_bounds_are_those_of_the_facts(row: dict[str, Any], apart: dict[str, str]) -> None:
    info = declared(row)
    wanted = limits(str(row.get("range", "")))
    if info is None or wanted is None or row["name"] in apart or f"{row['name']} bounds" in apart:
        return
    found = [(variant.min, variant.max) for variant in variants(info)]
    assert any(all(limit in (None, ours) for limit, ours in zip(wanted, pair)) for pair in found), (
        row["range"]
    )


def limits(text: str) -> tuple[float | None, float | None] | None:
    """`>= 1`, `0..1`, `0 < x <= 2` as the lowest and highest; None for other words."""
    number = r"(-?[\d.]+?)"
    if match := re.fullmatch(rf"(?:each )?>=? {number}", text):
        return float(match[1]), None
    if match := re.fullmatch(rf"< {number}", text):
        return None, float(match[1])
    if match := re.fullmatch(rf"{number}\.\.{number}", text):
        return float(match[1]), float(match[2])
    if match := re.fullmatch(rf"(?:in [\[(])?{number}(?: <=? x <=? |, ){number}[\])]?", text):
        return float(match[1]), float(match[2])
    return None


def same(ours: Any, theirs: Any) -> bool:
    """Equal; 1 and 1.0 are, true and 1 are not."""
    if isinstance(ours, bool) != isinstance(theirs, bool):
        return False
    return bool(ours == theirs)


def test_the_lists_of_differences_name_options_of_the_facts() -> None:
    for part in PARTS:
        assert set(differences(part)) <= {
            name for row in facts(part) for name in (row["name"], f"{row['name']} bounds")
        }, part.stem
