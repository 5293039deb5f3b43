"""Texts that are no configs, or would like to keep `check` busy: by name, as text or bytes."""

import random
from collections.abc import Callable

HEAD = """\
job: extension
config:
  name: x
  process:
  - type: sd_trainer
    training_folder: out
    model: {name_or_path: m, arch: sd1}
    datasets: [{folder_path: i}]
    train:
"""


def _with(old: str, new: str) -> str:
    return HEAD.replace(old, new) + "      lr: 1\n"


def _named(images: str, model: str, output: str) -> str:
    """A config with other names for its folders."""
    text = HEAD.replace(": i}", f": {images}}}").replace(": m,", f": {model},")
    return text.replace("training_folder: out", f"training_folder: {output}") + "      lr: 1\n"


def _datasets(item: str, count: int) -> str:
    return _with("[{folder_path: i}]", f"[{','.join([item] * count)}]")


def _many(line: str, count: int) -> str:
    return HEAD + "".join(line.replace("#", str(at)) for at in range(count))


def _in_train(text: str) -> str:
    return f"{HEAD}      {text}\n"


def _samples(item: str, count: int) -> str:
    return f"{HEAD}    sample:\n      samples: [{','.join([item] * count)}]\n"


def _prompts(item: str, count: int) -> str:
    return f"{HEAD}    sample:\n      prompts: [{','.join([item] * count)}]\n"


def _nested(first: str, line: str, count: int) -> str:
    """Each line (`#` is its number, `@` the one before) builds on the one above it."""
    lines = [line.replace("#", str(at + 1)).replace("@", str(at)) for at in range(count)]
    return "\n".join([first, *lines]) + "\n"


_PROCESS = (
    "  - {type: sd_trainer, training_folder: o, model: {name_or_path: m, arch: sd1}, "
    "datasets: [{folder_path: i}]}\n"
)
_JOB = "job: extension\nconfig:\n  name: x\n  process:\n"

DOCUMENTS: dict[str, Callable[[], str | bytes]] = {
    # very many
    "100000 keys": lambda: "".join(f"k{at}: 1\n" for at in range(100_000)),
    "keys up to the limit": lambda: _many("      lrx#: 1\n", 9900),
    "5000 unknown keys": lambda: _many("      lrx#: 1\n", 5000),
    "duplicate keys": lambda: HEAD + "      lr: 1\n" * 9900,
    "datasets": lambda: _datasets("{folder_path: i}", 3000),
    "bad datasets": lambda: _datasets("{folder_path: 1}", 6500),
    "processes": lambda: _JOB + _PROCESS * 950,
    "bad processes": lambda: _JOB + "  - {type: sd_trainer}\n" * 5500,
    "prompts": lambda: _prompts("x", 19_000),
    "bad prompts": lambda: _prompts("1", 19_000),
    "samples": lambda: _samples("{prompt: x}", 6000),
    "flagged samples": lambda: _samples('{prompt: "' + "a " * 400 + '"}', 4000),
    "bad samples": lambda: _samples("{prompt: x, width: 7, height: 9}", 2500),
    "tags": lambda: "".join(f"k{at}: !x 1\n" for at in range(9900)),
    "unset variables": lambda: _many('      lrx#: "${NOPE#}"\n', 9900),
    "optimizer settings": lambda: (
        _many("", 1)
        + f"      optimizer_params: {{{','.join(f'a{at}: 1' for at in range(9500))}}}\n"
    ),
    "anchors": lambda: "".join(f"a{at}: &x{at} 1\n" for at in range(100_000)),
    "aliases": lambda: "a: &a 1\nb: [" + "*a," * 1_900_000 + "]\n",
    "8 MB of lines": lambda: "a: 1\n" * 1_590_000,
    "8 MB of items": lambda: "- 1\n" * 1_990_000,
    "8 MB of flow": lambda: "[" + "1," * 3_990_000 + "]",
    "documents": lambda: "---\na\n" * 100_000,
    "directives": lambda: "%YAML 1.1\n" * 10_000,
    "ends": lambda: "...\n" * 100_000,
    # very deep
    "open brackets": lambda: "[" * 100_000,
    "brackets": lambda: "[" * 100_000 + "]" * 100_000,
    "open braces": lambda: "{a: " * 50_000,
    "blocks": lambda: "".join(f"{'  ' * at}a{at}:\n" for at in range(1500)),
    "dashes": lambda: "- " * 100_000,
    "a chain of anchors": lambda: _nested("a0: &a0 [x]", "a#: &a# [*a@]", 180),
    "billion laughs": lambda: _nested("a0: &a0 [x]", "a#: &a# [*a@,*a@,*a@,*a@,*a@]", 20),
    "laughing mappings": lambda: _nested("a0: &a0 {x: 1}", "a#: &a# {l: *a@, r: *a@}", 40),
    "laughing merges": lambda: _nested("a0: &a0 {x: 1}", "a#: &a# {<<: [*a@, *a@, *a@]}", 20),
    "a list in itself": lambda: "a: &a [*a]\n",
    "a mapping in itself": lambda: "&a {b: *a}\n",
    "a merge of itself": lambda: "a: &a\n  <<: *a\n  b: 1\n",
    # very long
    "9 MB": lambda: "a" * 9_000_000,
    "a long text": lambda: f'a: "{"x" * 7_900_000}"\n',
    "a long key": lambda: f'? "{"x" * 7_900_000}"\n: 1\n',
    "a long line": lambda: _in_train(f"lr: {'9' * 1_000_000}"),
    "a long whole number": lambda: _in_train(f"steps: {'9' * 400}"),
    "a long exponent": lambda: _in_train(f"lr: 1e{'9' * 100_000}"),
    "a long base of 60": lambda: _in_train(f"lr: {'1:' * 100_000}1"),
    "a base of 60": lambda: _in_train(f"lr: {'59:' * 150}1"),
    "a long hexadecimal": lambda: _in_train(f"steps: 0x{'f' * 100_000}"),
    "underscores": lambda: _in_train(f"steps: 1{'_' * 1_000_000}"),
    "a long choice": lambda: _in_train(f"optimizer: {'adam' * 100_000}"),
    "comments": lambda: "#\n" * 3_000_000,
    "line ends": lambda: "\n" * 7_900_000,
    "blanks": lambda: " " * 7_900_000,
    "tabs": lambda: "\t" * 7_900_000,
    "quotes": lambda: '"' * 1_000_000,
    "a folded text": lambda: "a: >\n" + "  x\n" * 1_000_000,
    "variables": lambda: _in_train(f'lr: "{"${HOME}" * 50_000}"'),
    "placeholders": lambda: _in_train(f'lr: "{"[name]" * 200_000}"'),
    "open variables": lambda: _in_train(f'lr: "{"${" * 200_000}"'),
    "a long name": lambda: _with("name: x", f'name: "{"[name]" * 1000}"'),
    "a long pattern": lambda: _in_train(
        "lr_scheduler: piecewise_constant\n      lr_scheduler_params: {step_rules: "
        f'"{"1:1," * 50_000}x"}}'
    ),
    # of another kind
    "nothing": lambda: "",
    "a null byte": lambda: "a: \0\n",
    "random bytes": lambda: random.Random(0).randbytes(1_000_000),
    "a picture": lambda: b"\x89PNG\r\n\x1a\n" + bytes(1000),
    "UTF-16 without a mark": lambda: HEAD.encode("utf-16-le"),
    "UTF-32": lambda: HEAD.encode("utf-32"),
    "latin 1": lambda: b"a: caf\xe9\n",
    "a call": lambda: 'a: !!python/object/apply:os.system ["touch made-by-yaml"]\n',
    "an import": lambda: "a: !!python/name:os.system\nb: !!python/module:antigravity\n",
    "sets and pairs": lambda: "a: !foo 1\nb: !!set {a}\nc: !!omap [a: 1]\nd: !!binary aGk=\n",
    "a surrogate": lambda: 'a: "\\ud800"\n',
    "a date": lambda: _in_train("lr: 2020-13-45"),
    "a time": lambda: _in_train("lr: 2001-12-14t21:59:43.10-05:00"),
    "keys that are lists": lambda: "? [a, b]\n: 1\n? {a: 1}\n: 2\n",
    "keys that are no text": lambda: "~: 1\n1: 2\ntrue: 3\n1.5: 4\n",
    "a word": lambda: "x",
    "a list": lambda: "[]",
    "processes that are none": lambda: (
        "job: extension\nconfig: {name: x, process: [1, null, [], {}, x]}\n"
    ),
    "types that are none": lambda: (
        "job: [1]\nconfig: {name: {a: 1}, process: [{type: [1]}, {type: {a: b}}, {type: 1.5}]}\n"
    ),
    # names of files that cannot be
    "nulls in names": lambda: _named('"i\\0x"', '"m\\0x"', "out"),
    "long names": lambda: _named("i" * 5000, "m" * 5000, "o" * 5000),
    "deep names": lambda: _named("i/" * 2000, "m/" * 2000, "o/" * 2000),
    "homes of nobody": lambda: _named("~nobody-here/x", "~nobody-here/x", "~nobody-here"),
    "escape sequences": lambda: _with("name: x", 'name: "\\e[31m\\e]0;title\\a/"'),
}
