"""Networks of every kind are counted without weights as they are built, and a step of them too."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from engine.counts.model import counted
from schema.estimate.scope import model_part
from tests.engine.counts import models
from tests.engine.networks.helpers import attach, of_arch
from tests.engine.networks.test_runs import KINDS


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_network_is_counted_as_it_is_built(kind: str, tmp_path: Any) -> None:
    family = of_arch("sd1", tmp_path)
    process = models.process("sd1", tmp_path / "sd1", KINDS[kind])
    answer = counted(model_part(process), torch.float32, measure=True)
    (group,) = answer["trained"]
    built = attach(family, **KINDS[kind]).groups["unet"].values()
    assert group["parameters"] == sum(parameter.numel() for parameter in built)
    assert group["tensors"] == len(built)
    assert answer["activations"]
