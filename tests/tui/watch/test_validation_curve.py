"""The validation loss in the charts: held between its points, with the spread of the pictures."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from schema.run.layout import RunFolder
from schema.run.metrics import MetricsReader, MetricsWriter
from tui.watch.series import window
from tui.watch.validation import held_curve, with_spread


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """Twelve steps, measured at the fourth and the eighth."""
    found = RunFolder.create(tmp_path / "run", "job: x", "run")
    writer = MetricsWriter(found.metrics, 0)
    for step in range(1, 13):
        values = {"loss": 1.0 / step}
        if step in (4, 8):
            values |= {"val/loss": step / 10, "val/low": step / 20, "val/high": step / 5}
        writer.record(step, values)
    writer.close()
    return found


def test_the_line_holds_its_value_until_there_is_another(folder: RunFolder) -> None:
    curve = held_curve("validation", window(12, 24), MetricsReader(folder.metrics), "val/loss", 12)
    line = list(curve.smooth)
    assert all(math.isnan(value) for value in line[:3])
    assert line[3:] == [pytest.approx(0.4)] * 4 + [pytest.approx(0.8)] * 5


def test_its_own_chart_shows_the_easiest_and_the_hardest_picture(folder: RunFolder) -> None:
    reader = MetricsReader(folder.metrics)
    part = (1, 12, 12)
    found = with_spread(reader.window("val/loss", *part), reader, part)
    assert list(found[3] or ()) == pytest.approx([0.2, 0.8, 0.4])
    assert found[0] is None
