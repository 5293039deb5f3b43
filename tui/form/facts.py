"""Figures that follow from several options, shown beside the ones they follow from.

Effective batch, steps per epoch, epochs, images seen, numbers of saves and previews. Pictures are
counted by the look at the files; before it, or for another machine's folders, nothing is said.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from schema.catalogue import find, general
from tui.form.places import within

if TYPE_CHECKING:
    from tui.draft import Draft


def fact(draft: Draft, path: str) -> str:
    """The figure beside an option, in a few words; empty where there is none."""
    made = _FACTS.get(general(within(path)))
    return made(draft, path) if made is not None else ""


def facts(draft: Draft) -> list[tuple[str, str]]:
    """All figures of the process as name and words, for the inspector of the whole section."""
    out = [("effective batch", str(effective_batch(draft) or ""))]
    images = images_of(draft)
    if images:
        out.append(("images", f"{images:,}"))
    if per_epoch := steps_per_epoch(draft):
        out.append(("steps per epoch", f"{per_epoch:,}"))
    return [(name, words) for name, words in out if words]


def _number(draft: Draft, path: str) -> int:
    """The effective value of an option where it is a number, else 0."""
    info, here = find(path), draft.here(path)
    value: Any = draft.effective(info, here) if info is not None else None
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0


def effective_batch(draft: Draft) -> int:
    """Images that one step of the optimizer learns from; both spellings of accumulation count."""
    batch = _number(draft, "train.batch_size")
    accumulation = max(_number(draft, "train.gradient_accumulation"), 1)
    return batch * accumulation * max(_number(draft, "train.gradient_accumulation_steps"), 1)


def images_of(draft: Draft) -> int:
    """Pictures of all datasets with their repeats; 0 where a folder was not counted."""
    datasets = draft.value(draft.here("datasets"))
    total = 0
    for index in range(len(datasets) if isinstance(datasets, list) else 0):
        count = counted(draft, index)
        if not count:
            return 0
        total += count * max(_number(draft, f"datasets[{index}].num_repeats"), 1)
    return total


def counted(draft: Draft, index: int) -> int:
    """Pictures in the folder of a dataset, as the last look at the files counted them."""
    folder = draft.value(draft.here(f"datasets[{index}].folder_path"))
    number, _, word = draft.path_words.get(str(folder), "").partition(" ")
    return int(number) if word.startswith("image") and number.isdigit() else 0


def steps_per_epoch(draft: Draft) -> int:
    """Steps until every picture was seen once; 0 where the pictures were not counted."""
    batch = effective_batch(draft)
    return math.ceil(images_of(draft) / batch) if batch else 0


def _batch(draft: Draft, path: str) -> str:
    total = effective_batch(draft)
    alone = _number(draft, "train.batch_size")
    return f"effective batch {total}" if total > alone else ""


def _steps(draft: Draft, path: str) -> str:
    steps, each = _number(draft, "train.steps"), steps_per_epoch(draft)
    if not (steps and each):
        return ""
    epochs = steps / each
    return f"{epochs:.3g} epochs of {each}" if epochs < 1000 else f"{epochs:,.0f} epochs of {each}"


def _repeats(draft: Draft, path: str) -> str:
    inner = within(path)
    index = int(inner.partition("[")[2].partition("]")[0])
    count, times = counted(draft, index), _number(draft, f"datasets[{index}].num_repeats")
    return f"{count} images count as {count * times}" if count and times > 1 else ""


def _saves(draft: Draft, path: str) -> str:
    steps, every = _number(draft, "train.steps"), _number(draft, "save.save_every")
    return _times(steps // every if every > 0 else 0, "save")


def _previews(draft: Draft, path: str) -> str:
    steps, every = _number(draft, "train.steps"), _number(draft, "sample.sample_every")
    return _times(steps // every if every > 0 else 0, "round")


def _times(count: int, word: str) -> str:
    return f"{count:,} {word}{'s' if count != 1 else ''}" if count else ""


_FACTS: dict[str, Callable[[Draft, str], str]] = {
    "train.batch_size": _batch,
    "train.gradient_accumulation": _batch,
    "train.gradient_accumulation_steps": _batch,
    "train.steps": _steps,
    "datasets[].num_repeats": _repeats,
    "save.save_every": _saves,
    "sample.sample_every": _previews,
}
