"""Options that a batch alone looks at count as read: a run that sets them starts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from schema.run.layout import RunFolder
from tests.engine.core import runs


@pytest.mark.parametrize(
    "changes",
    [
        {"datasets__loss_multiplier": 0.5},
        {"datasets__alpha_mask": True, "datasets__invert_mask": True},
        {"datasets__alpha_mask": True, "datasets__mask_min_value": 0.5},
        {"trigger_word": "sks", "datasets__trigger_word": "star"},
        {"datasets__network_weight": 0.5},
    ],
)
def test_a_run_starts_with_what_only_batches_read(
    new_run: Callable[..., RunFolder], changes: dict[str, Any]
) -> None:
    runs.finished(new_run, train__steps=1, **changes)
