"""Every option has a test that shows its effect, and every such mark names an option.

Reads the marks from the test files; `make proofs` runs the tests and writes what passed.
"""

import ast
from collections import defaultdict

from schema.catalogue import OptionInfo, options
from schema.families import FAMILIES
from schema.pending import waiting_values, waits
from tests.house.files import ROOT, sources

# Options without an effect of their own, each with the reason.
UNPROVED: dict[str, str] = {
    "config": "a level of the file, not a setting",
    "config.process": "a level of the file, not a setting",
}

# The process types that have a job in engine/jobs; check refuses the others.
WORKING_KINDS = {"sd_trainer"}


def marks() -> dict[str, list[str]]:
    """Option path -> the test files that name it in `proves(...)`."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sources("tests"):
        if path.parts[1] == "house":
            continue
        for node in ast.walk(ast.parse((ROOT / path).read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if node.func.attr == "proves":
                for argument in node.args:
                    if isinstance(argument, ast.Constant):
                        found[str(argument.value)].append(str(path))
    return found


def test_every_mark_names_an_option() -> None:
    known = {info.path for info in options()}
    unknown = {path: files for path, files in marks().items() if path not in known}
    assert not unknown


def works_today(info: OptionInfo) -> bool:
    """Whether our engine does it for some process type and some family; `check` refuses others."""
    kinds = [kind for kind in info.process_types if kind in WORKING_KINDS]
    if not any(waits(info.path, kind) is None for kind in kinds):
        return False
    if info.when is not None:
        sibling, values = info.when
        if not set(values) - set(waiting_values(sibling)):
            return False
    return any(row.engine and row.can(info.applies_to) for row in FAMILIES.values())


def test_every_live_option_has_a_test_of_its_effect() -> None:
    wanted = {info.path for info in options() if info.status == "live" and works_today(info)}
    wanted -= set(UNPROVED)
    assert sorted(wanted - set(marks())) == []


def test_the_list_of_exceptions_holds_only_options_without_a_test() -> None:
    assert not set(UNPROVED) & set(marks())
    assert set(UNPROVED) <= {info.path for info in options()} | {"config"}
