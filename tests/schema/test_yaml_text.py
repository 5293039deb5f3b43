"""Reading YAML: our dialect, places, and every kind of broken file as a finding."""

import math
from typing import Any

import pytest

from schema.yaml_text import MAX_DEPTH, read


def codes(source: str | bytes) -> list[tuple[str, int, int]]:
    return [(f.code, f.line, f.column) for f in read(source).findings]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4), ("5e5", 5e5), ("1E-3", 1e-3), ("1.5e3", 1500.0), (".5", 0.5), ("7", 7),
        ("-3", -3), ("1_000", 1000), ("0x1f", 31), ("010", 8), ("0o10", "0o10"), ("1:30", 90),
        ("yes", True), ("Off", False), ("true", True), ("~", None), ("", None), ("null", None),
        ("'1e-4'", "1e-4"), ('"yes"', "yes"), ("1e", "1e"), ("e5", "e5"), (".inf", math.inf),
        ("1.", 1.0), ("sd1.5", "sd1.5"), ("a b", "a b"), ("[1, 2e-1]", [1, 0.2]),
        ("{a: 1}", {"a": 1}),
        ("!!str 5", "5"), ("|-\n  a\n  b", "a\nb"), (">-\n  a\n  b", "a b"),
    ],
)  # fmt: skip
def test_scalars_are_read_as_the_reference_trainer_reads_them(text: str, value: Any) -> None:
    reading = read(f"key: {text}\n")
    assert reading.findings == []
    assert reading.data == {"key": value}
    assert type(reading.data["key"]) is type(value)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a: 1\nb:\n\tc: 2\n", ("yaml-tab", 3, 1)),
        ("a: 1\na: 2\n", ("yaml-duplicate-key", 2, 1)),
        ("a: b: c\n", ("yaml-syntax", 1, 5)),
        ("a: [1, 2\nb: 3\n", ("yaml-syntax", 2, 2)),
        ("a: 'x\n", ("yaml-syntax", 2, 1)),
        ("a: *b\n", ("yaml-alias", 1, 4)),
        ("a: &x [*x]\n", ("yaml-recursive", 1, 4)),
        ("a: !!python/object/apply:os.system [ls]\n", ("yaml-tag", 1, 4)),
        ("a: !mine 3\n", ("yaml-tag", 1, 4)),
        ("? [1, 2]\n: 3\n", ("yaml-key", 1, 3)),
        ("a: 2024-99-99\n", ("yaml-scalar", 1, 4)),
        ("a: " + "9" * 5000, ("yaml-scalar", 1, 4)),
        ("<<: 3\n", ("yaml-merge", 1, 5)),
        ("---\na: 1\n---\nb: 2\n", ("yaml-documents", 3, 1)),
        ("", ("empty-file", 0, 0)),
        ("# nothing\n", ("empty-file", 0, 0)),
        ("a: 1\nb: \x07\n", ("yaml-character", 2, 4)),
        (b"\x89PNG\r\n\x1a\n\x00\x00", ("binary-file", 1, 1)),
        (b"a: 1\nb: caf\xe9\n", ("not-utf8", 2, 7)),
        ("[" * 20000, ("yaml-depth", 0, 0)),
        ("- " * (MAX_DEPTH + 5) + "a", ("yaml-depth", 0, 0)),
        ("x" * 9_000_000, ("file-too-large", 0, 0)),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_broken_file_is_a_finding_with_its_place(
    source: str | bytes, expected: tuple[str, int, int]
) -> None:
    assert codes(source)[0] == expected


def test_a_tree_that_explodes_through_its_aliases_is_refused() -> None:
    lines = ["a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"{c}: &{c} [{', '.join([f'*{p}'] * 9)}]" for p, c in zip("abcdefgh", "bcdefghi")]
    assert codes("\n".join(lines)) == [("yaml-aliases", 0, 0)]


def test_several_faults_come_in_one_go() -> None:
    found = codes("a: 1\na: 2\nb: !x 1\nc: 2024-13-01\n")
    assert [code for code, _, _ in found] == ["yaml-duplicate-key", "yaml-tag", "yaml-scalar"]


def test_merged_keys_count_less_than_own_ones() -> None:
    text = "base: &b {x: 1, y: 2}\nmore: &m {y: 3, z: 4}\nuse:\n  <<: [*b, *m]\n  x: 9\n"
    reading = read(text)
    assert reading.findings == []
    assert reading.data["use"] == {"x": 9, "y": 2, "z": 4}


def test_a_byte_order_mark_and_utf16_are_read() -> None:
    assert read("\ufeffa: 1\n".encode()).data == {"a": 1}
    assert read("a: ä\n".encode("utf-16")).data == {"a": "ä"}


@pytest.mark.parametrize(
    ("keys", "key", "place"),
    [
        (("a",), False, (1, 4)),
        (("b", "c"), False, (3, 6)),
        (("b", "c"), True, (3, 3)),
        (("d", 1, "e"), False, (6, 9)),
        (("d", 0), False, (5, 5)),
        (("b", "nothing", "below"), False, (2, 1)),
        (("use", "c"), False, (3, 6)),
        ((), False, (1, 1)),
    ],
)
def test_every_value_has_a_place(keys: tuple[Any, ...], key: bool, place: tuple[int, int]) -> None:
    text = "a: 1\nb: &b\n  c: 2\nd:\n  - 3\n  - {e: 4}\nuse:\n  <<: *b\n"
    assert read(text).place(keys, key=key) == place
