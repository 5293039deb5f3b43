"""What is said of runs that learn words or tokens before they begin."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch

from engine.counts.model import counted
from schema.check import check_document
from schema.document import Document
from schema.estimate.counts import from_json
from schema.run.layout import RunFolder
from tui import preflight

NewRun = Callable[..., RunFolder]
KINDS = [
    ("sdxl", {"embedding": {"trigger": "zorb", "tokens": 3}}, "the word zorb", "embedding",
     [(3, 32), (3, 32)]),
    ("flux", {"decorator": {"num_tokens": 5}}, "5 tokens behind every prompt", "decorator",
     [(5, 32)]),
]  # fmt: skip


@pytest.mark.parametrize(("arch", "section", "words", "group", "shapes"), KINDS)
def test_a_run_is_checked_counted_and_described(
    new_run: NewRun,
    arch: str,
    section: dict[str, Any],
    words: str,
    group: str,
    shapes: list[tuple[int, int]],
) -> None:
    folder = new_run(arch=arch, network=None, **section)
    document = Document.load(folder.config)
    assert not [f.sentence() for f in check_document(document) if f.severity == "error"]
    process = document.typed().trainer
    found = from_json(json.loads(json.dumps(counted(process, torch.float32, measure=True))))
    assert [row.name for row in found.trained] == [group]
    assert found.trained_parameters == sum(rows * width for rows, width in shapes)
    assert dict(preflight.look(document, folder.config, folder.path).facts)["trains"].startswith(
        words
    )
