"""Memory goes back to the device between the phases of a run."""

from __future__ import annotations

import weakref
from pathlib import Path

import pytest
import torch

from engine.memory.placement import release
from tests.engine import tiny


def test_a_freed_part_is_really_gone(tiny_sd1: Path) -> None:
    family = tiny.load_sd1(tiny_sd1)
    parts = [weakref.ref(family.vae.decoder), weakref.ref(family.text_encoders["text_encoder"])]
    family.free_vae()
    family.free_text_encoders()
    import gc

    gc.collect()
    assert [part() for part in parts] == [None, None]


@pytest.mark.parametrize(("kind", "module"), [("cuda", "cuda"), ("mps", "mps")])
def test_an_accelerators_cache_is_emptied_and_a_cpu_left_alone(
    monkeypatch: pytest.MonkeyPatch, kind: str, module: str
) -> None:
    emptied: list[str] = []
    monkeypatch.setattr(getattr(torch, module), "empty_cache", lambda: emptied.append(kind))
    release(torch.device(kind))
    release(torch.device("cpu"))
    assert emptied == [kind]
