"""What the guided set-up shows: rows and lines of text from answers and advice, nothing of Textual.

Rows of a question are its choices; rows of the last page are the advised values with their reasons.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from schema.advice import Advice, Advised
from schema.catalogue import find
from tui.form.record import Line, type_words
from tui.form.row import Row
from tui.form.values import shown
from tui.guided import Choice, Question
from tui.widgets.lines import clip, clip_middle

CREATE = "#create"
"""The path of the row that makes the file."""
HIDDEN = ("job", "type", "training_folder", "device")
"""Advised, but the same for everybody."""
SECTIONS: tuple[tuple[str, str], ...] = (
    ("config", "Name"), ("trigger_word", "Name"), ("model", "Model"), ("network", "Network"),
    ("adapter", "Adapter"), ("slider", "Slider"), ("datasets", "Pictures"), ("train", "Training"),
    ("save", "Saving"), ("sample", "Previews"),
)  # fmt: skip


def choice_rows(question: Question, current: str) -> list[Row]:
    """The choices of a question, the present one marked."""
    return [_choice_row(choice, choice.name == current) for choice in question.choices]


def _choice_row(choice: Choice, chosen: bool) -> Row:
    mark = "~" if choice.off else "▶" if chosen else " "
    tone = "muted" if choice.off else "foreground"
    return Row(
        "option", choice.label, choice.name, None, choice.off or choice.words, "", mark, tone
    )


def choice_lines(question: Question, row: Row | None) -> list[Line]:
    """The words on the choice under the cursor."""
    choice = next((one for one in question.choices if row and one.name == row.path), None)
    if choice is None:
        return []
    lines: list[Line] = [(choice.label, "primary"), (choice.words, "foreground")]
    return [*lines, (f"~ {choice.off}", "warning")] if choice.off else lines


def advice_rows(advice: Advice, file: str, widest: int = 24) -> list[Row]:
    """The page of values: what will be made, what to know, each value with its reason.

    Values are cut to `widest` cells, so that something of each reason is seen beside them.
    """
    rows = [
        Row("switch", "Create", CREATE, None, f"{file} and open it", "", "▶", "success"),
        Row("text", memory_words(advice)),
    ]
    rows += [Row("text", f"? {note}") for note in advice.notes()]
    by_path = {one.path: one for one in advice.values if one.path not in HIDDEN}
    titles = dict.fromkeys(title for _, title in SECTIONS)
    for title in titles:
        names = [name for name, its in SECTIONS if its == title]
        inside = [one for path, one in by_path.items() if _section(path) in names]
        if inside:
            rows += [Row("text", ""), Row("heading", title)]
            for one in inside:
                rows += _value_rows(one, widest)
    return rows


def _section(path: str) -> str:
    return path.split(".", 1)[0].split("[", 1)[0]


def _value_rows(one: Advised, widest: int) -> Iterator[Row]:
    info = find(one.path)
    mark, tone = ("*", "accent") if one.origin == "you" else (" ", "foreground")
    if isinstance(one.value, list) and one.value and isinstance(one.value[0], Mapping):
        for number, item in enumerate(one.value):
            for name, text in item.items():
                path = f"{one.path}[{number}].{name}"
                inner = find(path)
                label = f"{inner.label if inner else name} {number + 1}"
                value = clip(shown(text), widest)
                yield Row("option", label, path, inner, value, one.why, mark, tone)
        return
    label = info.label if info else one.path
    cut = clip_middle if info is not None and info.type == "path" else clip
    value = cut(shown(one.value), widest)
    yield Row("option", label, one.path, info, value, one.why, mark, tone)


def memory_words(advice: Advice) -> str:
    """What the set-up takes of the GPU's memory."""
    need, budget = advice.memory.peak / 2**30, advice.memory.budget
    if budget is None:
        return f"takes about {need:.1f} GB of GPU memory"
    return f"takes about {need:.1f} of the {budget / 2**30:.1f} GB that the GPU has to give"


def value_lines(advice: Advice, row: Row | None) -> list[Line]:
    """The record of a value: label and path, why it is so, what the option does."""
    if row is None:
        return []
    if row.path == CREATE:
        words = "Writes the file and opens it in the editor, where everything can still be changed."
        return [("Create the config", "primary"), (words, "foreground")]
    one = advised_at(advice, row.path)
    info = row.option
    kind = f"   {type_words(info)}" if info is not None else ""
    lines: list[Line] = [(row.label, "primary"), (f"{row.path}{kind}", "muted")]
    if one is not None:
        lines.append((one.why, "accent"))
    return [*lines, (info.help, "foreground")] if info is not None else lines


def advised_at(advice: Advice, path: str) -> Advised | None:
    """The advised value that a row shows, or is a part of."""
    values = advice.case.sheet.values
    return values.get(path) or values.get(path.rsplit("[", 1)[0])


def pinned(advice: Advice, path: str, value: Any) -> tuple[str, Any]:
    """The path and value to pin when a row gets a value: of a list of prompts, the whole list.

    A prompt without text is taken off the list, as long as another one is left.
    """
    whole, _, rest = path.rpartition("[")
    if path in advice.case.sheet.values or whole not in advice.case.sheet.values:
        return path, value
    number, _, name = rest.partition("].")
    items = [dict(item) for item in advice.case.sheet.values[whole].value]
    if value in (None, "") and len(items) > 1:
        del items[int(number)]
    else:
        items[int(number)][name] = value
    return whole, items
