"""Files and functions stay small enough to be held in mind."""

import ast

import pytest

from tests.house.files import ROOMS, ROOT, functions, sources

FILE_LINES = 400
TABLE_LINES = 500  # schema/sections: declarations, one below the other
FUNCTION_LINES = 60

# What may be longer, each with the reason.
LONGER: dict[str, str] = {
    "schema/option.py:opt": "a parameter and a line of docstring for each property of an option",
}


def test_no_file_is_longer_than_a_subject_needs() -> None:
    long = []
    for path in sources():
        limit = TABLE_LINES if path.parts[:2] == ("schema", "sections") else FILE_LINES
        lines = len((ROOT / path).read_text().splitlines())
        if lines > limit and str(path) not in LONGER:
            long.append(f"{path}: {lines} lines, at most {limit}")
    assert not long, "\n".join(long)


def test_no_function_is_longer_than_a_screen() -> None:
    long = [
        f"{path}:{line} {name}: {size} lines, at most {FUNCTION_LINES}"
        for path in sources()
        for name, line, size in functions(path)
        if size > FUNCTION_LINES and f"{path}:{name}" not in LONGER
    ]
    assert not long, "\n".join(long)


@pytest.mark.parametrize("room", ROOMS)
def test_every_module_says_in_its_first_paragraph_what_it_is(room: str) -> None:
    silent = [
        str(path)
        for path in sources(room)
        if len(ast.get_docstring(ast.parse((ROOT / path).read_text())) or "") < 20
    ]
    assert not silent, silent


def test_the_exceptions_are_still_needed() -> None:
    names = {f"{path}:{name}" for path in sources() for name, _, _ in functions(path)}
    gone = [name for name in LONGER if name not in names | {str(path) for path in sources()}]
    assert not gone, gone
