"""What the dashboard says comes next, at the end of a run as well."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from schema.run.status import RunStatus
from tui.views.run_parts import metrics_table, next_due, resting
from tui.widgets.rows import text_of


def snapshot(step: int, steps: int | None) -> Any:
    """As much of a snapshot as the words on what comes next read."""
    status = SimpleNamespace(
        ended=False, step=step, steps=steps, steps_per_second=2.0, silent_seconds=None,
        detail="", device="", started=None, updated=None,
    )  # fmt: skip
    facts = SimpleNamespace(save_every=350, sample_every=100, images_per_step=None)
    return SimpleNamespace(
        status=status, facts=facts, phase="", disk_free=None, values={}, trends={},
        broken=0, warnings=0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("step", "steps", "save", "sample"),
    [(11, 40, 40, 40), (11, 1000, 350, 100), (340, 360, 350, 360), (350, 360, 360, 360)],
)
def test_the_last_step_saves_and_draws_whatever_the_interval(
    step: int, steps: int, save: int, sample: int
) -> None:
    now = snapshot(step, steps)
    assert resting(now, 100).startswith(f"next save {save} in ")
    assert f"next sample {sample} in " in resting(now, 100)
    table = [text_of(line).split() for line in metrics_table(now, 40, 20, plain=True)]
    assert str(save) in next(line for line in table if line[:2] == ["next", "save"])
    assert str(sample) in next(line for line in table if line[:2] == ["next", "sample"])


def test_without_a_known_end_the_interval_counts() -> None:
    assert next_due(RunStatus("a", "output/a", step=3), 10) == 10
