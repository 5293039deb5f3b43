"""The pages of docs/options/: every option with everything that its declaration says, by section.

`docs/generate.py` writes them and looks whether they are fresh.
"""

from collections.abc import Iterator
from itertools import groupby

from schema.catalogue import ANY, OptionInfo, options, sections
from schema.conditions import said
from schema.families import CAPABILITIES, FAMILIES
from schema.families.row import FamilyRow
from schema.pending import waiting_values
from schema.words import accepted
from tui.commands.options import shown

INDEX = "options/README.md"
_NAMED = 6
"""Model families that are named one by one; of more, how many they are."""
_ON_RESUME = {
    "safe": "may change",
    "new-trajectory": "may change; the run then takes another course",
    "refused": "cannot change",
}
_STATUS = {
    "legacy": "legacy: read and explained, without effect",
    "deprecated": "deprecated: still works, use what its help names",
}


def option_pages(note: str) -> dict[str, str]:
    """File name below docs/ -> text: an index and a page for each section."""
    pages = {}
    found = {name: list(rows) for name, rows in groupby(_by_section(), key=lambda row: row.section)}
    for section, rows in found.items():
        pages[_file(section)] = "\n".join(_page(section, rows, note)) + "\n"
    pages[INDEX] = "\n".join(_index(found, note)) + "\n"
    return pages


def _file(section: str) -> str:
    return f"options/{section}.md"


def _titles() -> dict[str, tuple[str, str]]:
    """Section -> its label and a sentence, from the first process type that has it."""
    from schema.sections.processes.names import PROCESS_ROWS

    titles: dict[str, tuple[str, str]] = {}
    for kind in PROCESS_ROWS:
        for row in sections(kind):
            titles.setdefault(row.name, (row.label, row.help))
    return titles


def _by_section() -> list[OptionInfo]:
    """The options so that sections and groups come in one piece, else in declared order."""
    rows = options()
    places = {key: at for at, key in reversed(list(enumerate((r.section, r.group) for r in rows)))}
    firsts = {name: at for at, name in reversed(list(enumerate(r.section for r in rows)))}
    return sorted(rows, key=lambda row: (firsts[row.section], places[row.section, row.group]))


def _index(found: dict[str, list[OptionInfo]], note: str) -> Iterator[str]:
    total = sum(len(rows) for rows in found.values())
    yield from ("# Options", "", note, "")
    yield f"All {total} keys of a config, by section. `finetui explain PATH` tells the same of one,"
    yield "`finetui options QUERY` searches; the app shows the same words beside each field."
    yield from ("", "| section | keys | what it is about |", "|---|---|---|")
    titles = _titles()
    for section, rows in found.items():
        label, about = titles.get(section, (section.capitalize(), ""))
        groups = ", ".join(dict.fromkeys(row.group for row in rows))
        link = f"[{label}]({section}.md)"
        yield f"| {link} | {len(rows)} | {_cell(f'{about} *{groups}*')} |"
    yield from ("", "## Every key", "")
    for info in sorted((row for rows in found.values() for row in rows), key=lambda row: row.path):
        yield f"- [`{info.path}`]({info.section}.md#{_anchor(info)}): {info.label}"


def _page(section: str, rows: list[OptionInfo], note: str) -> Iterator[str]:
    label, about = _titles().get(section, (section.capitalize(), ""))
    yield from (f"# {label}", "", note, "")
    yield f"{about} Back to [all options](README.md).".strip()
    for group, members in groupby(rows, key=lambda row: row.group):
        yield from ("", f"## {group}")
        for info in members:
            yield ""
            yield from _option(info)


def _anchor(info: OptionInfo) -> str:
    """A fragment that is the same wherever the page is shown."""
    return info.path.replace("[]", "").replace(".", "-")


def _option(info: OptionInfo) -> Iterator[str]:
    yield f'<a id="{_anchor(info)}"></a>'
    yield f"### `{info.path}`"
    yield ""
    yield f"**{info.label}.** {info.help}{' ' + info.detail if info.detail else ''}"
    yield ""
    yield "| | |"
    yield "|---|---|"
    for word, text in _facts(info):
        if text:
            yield f"| {word} | {_cell(text)} |"
    if info.choice_help:
        yield ""
        yield from _choices(info)


def _choices(info: OptionInfo) -> Iterator[str]:
    waiting = waiting_values(info.path)
    for value, words in info.choice_help.items():
        later = waiting.get(str(value))
        yield f"- `{value}`: {words}{f' (not in the engine yet: {later})' if later else ''}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").strip()


def _facts(info: OptionInfo) -> Iterator[tuple[str, str | None]]:
    """Name and text of each line of an option's table; lines without text are left out."""
    yield "type", _accepts(info)
    yield "default", _default(info)
    yield "why this default", info.default_note
    yield "unit", info.unit
    yield "exists when", info.when and f"`{info.when[0]}` is {_codes(info.when[1], ' or ')}"
    yield "models", None if info.applies_to == ("all",) else _families(info)
    yield "needs", ", ".join(said(need, lambda path: None) for need in info.requires)
    yield "conflicts with", _codes(info.conflicts)
    yield "on resume", _ON_RESUME[info.on_resume]
    yield "older names", _codes(info.aliases)
    yield "tier", info.tier
    yield "process types", _processes(info)
    for kinds, words in _elsewhere(info).items():
        yield f"of {kinds}", words
    yield "status", _STATUS.get(info.status)
    yield "not in the engine yet", info.waiting


def _codes(values: tuple[str, ...], between: str = ", ") -> str:
    return between.join(f"`{value}`" for value in values)


def _accepts(info: OptionInfo) -> str:
    """What it takes; of a parameter that several optimizers or schedules declare, by each."""
    kinds: dict[str, list[str]] = {}
    for kind, variant in (info.variants or {"": info}).items():
        kinds.setdefault(accepted(variant.shape), []).append(kind)
    if len(kinds) == 1:
        return next(iter(kinds))
    return "; ".join(f"{text} ({', '.join(of)})" for text, of in kinds.items())


def _default(info: OptionInfo) -> str:
    if info.required:
        return "none, it must be given"
    kinds: dict[str, list[str]] = {}
    for kind, variant in (info.variants or {"": info}).items():
        kinds.setdefault(_written(variant), []).append(kind)
    if len(kinds) == 1:
        text = next(iter(kinds))
    else:
        text = "; ".join(f"{text} ({', '.join(of)})" for text, of in kinds.items())
    families = [
        f"{_written_value(value)} for {arch}" for arch, value in info.family_defaults.items()
    ]
    return ", ".join([text, *families])


def _written(info: OptionInfo) -> str:
    if info.default is None:
        return f"the value of `{info.inherits}`" if info.inherits else "empty"
    return _written_value(info.default)


def _written_value(value: object) -> str:
    if isinstance(value, dict) and value:
        return "the defaults of its own keys"
    return f"`{shown(value)}`"


def _families(info: OptionInfo) -> str:
    needs = "; ".join(CAPABILITIES[need] for need in info.applies_to)
    rows: list[FamilyRow] = [row for row in FAMILIES.values() if row.can(info.applies_to)]
    names = ", ".join(row.label for row in rows[:_NAMED])
    if len(rows) > _NAMED:
        names = f"{len(rows)} of {len(FAMILIES)} families, such as {names}"
    return f"a model that {needs} ({names or 'no family yet'})"


def _processes(info: OptionInfo) -> str | None:
    if info.process_types == ANY:
        return None
    if "sd_trainer" in info.process_types:
        others = len(info.process_types) - 1
        return f"`sd_trainer` and {others} others" if others else "`sd_trainer`"
    return _codes(info.process_types)


def _elsewhere(info: OptionInfo) -> dict[str, str]:
    """Process types -> what they take under the same path, where it is something else."""
    here = (_accepts(info), _default(info))
    kinds: dict[str, list[str]] = {}
    for kind, other in info.by_process.items():
        if (_accepts(other), _default(other)) != here:
            words = f"{other.label}: {_accepts(other)}; default {_default(other)}"
            kinds.setdefault(words, []).append(kind)
    return {", ".join(of): words for words, of in kinds.items()}
