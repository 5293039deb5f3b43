"""The estimate as rows of the launch view: figures, then changes that would make it fit.

A change is a row to stand on: enter leads to the option that it is about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from schema.catalogue import find
from tui.form.row import Row

if TYPE_CHECKING:
    from schema.estimate.remedies import Remedy
    from tui.estimating import Estimating


def estimate_rows(estimating: Estimating) -> list[Row]:
    """Rows under their heading; none while nothing is known."""
    if estimating.estimate is None:
        return []
    from tui.estimate_text import facts

    busy = f": {estimating.busy}" if estimating.busy else ""
    rows = [Row("text", ""), Row("heading", f"What it needs{busy} (m: the whole table)")]
    for name, words, _ in facts(estimating.estimate):
        rows.append(Row("text", f"{name:<9} {words}"))
    return rows + [_remedy_row(remedy) for remedy in estimating.estimate.remedies]


def _remedy_row(remedy: Remedy) -> Row:
    from tui.estimate_text import remedy as in_words

    path = next(iter(remedy.changes)).replace("[]", "[0]")
    values = ", ".join(f"{name} = {value}" for name, value in remedy.changes.items())
    info = find(path)
    label = info.label if info else path
    return Row("problem", label, path, info, in_words(remedy), values, "→", "accent")
