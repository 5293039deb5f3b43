"""Every option has a test that shows its effect, and every such mark names an option.

Reads the marks from the test files; `make proofs` runs the tests and writes what passed.
"""

import ast
from collections import defaultdict

from schema.catalogue import options
from tests.house.files import ROOT, sources

# Options without an effect of their own, each with the reason.
UNPROVED: dict[str, str] = {
    "config": "a level of the file, not a setting",
    "config.process": "a level of the file, not a setting",
}


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


def test_every_live_option_has_a_test_of_its_effect() -> None:
    wanted = {info.path for info in options() if info.status == "live"} - set(UNPROVED)
    assert sorted(wanted - set(marks())) == []


def test_the_list_of_exceptions_holds_only_options_without_a_test() -> None:
    assert not set(UNPROVED) & set(marks())
    assert set(UNPROVED) <= {info.path for info in options()} | {"config"}
