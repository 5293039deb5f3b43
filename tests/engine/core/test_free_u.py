"""FreeU: diffusers' own numbers, in training passes alone."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from engine.changes.free_u import FreeU
from schema.run.layout import RunFolder
from tests.engine import tiny, tiny_sd
from tests.engine.core import runs

NewRun = Callable[..., RunFolder]


def answer(family: Any) -> torch.Tensor:
    noisy = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    conditioning = family.encode_prompts(["a", "b"])
    if family.told_sizes:
        conditioning = family.with_sizes(conditioning, torch.tensor([[64, 64, 0, 0, 64, 64]] * 2))
    levels = torch.tensor([300, 700])
    found: torch.Tensor = family.predict(family.denoisers[0], noisy, levels, conditioning)
    return found


@pytest.mark.proves("train.free_u")
@pytest.mark.parametrize("arch", ["sd1", "sdxl"])
def test_the_answer_is_the_one_of_diffusers_and_only_while_an_example_holds_it(
    arch: str, tiny_sd1: Path, tmp_path: Path
) -> None:
    if arch == "sd1":
        family = tiny.load_sd1(tiny_sd1)
    else:
        family = tiny_sd.load_family("sdxl", tiny_sd.build_sdxl(tmp_path / "sdxl"))
    unet: Any = family.denoisers[0].module
    with torch.no_grad():
        plain = answer(family)
        unet.enable_freeu(s1=0.9, s2=0.2, b1=1.1, b2=1.2)
        theirs = answer(family)
        unet.disable_freeu()
        change = FreeU(family.denoisers)
        assert torch.equal(answer(family), plain)
        with ExitStack() as held:
            change(SimpleNamespace(hold=held.enter_context))  # type: ignore[arg-type]
            ours = answer(family)
        assert torch.equal(answer(family), plain)
    assert not torch.allclose(theirs, plain)
    torch.testing.assert_close(ours, theirs)


@pytest.mark.proves("train.free_u")
def test_it_changes_training_and_not_the_picture_of_an_untrained_model(new_run: NewRun) -> None:
    options: dict[str, Any] = {
        "train__disable_sampling": False, "sample__sample_steps": 1, "sample__format": "png",
        "train__steps": 2,
    }  # fmt: skip
    plain = runs.finished(new_run, "plain", **options)
    folder = runs.finished(new_run, "free", **options, train__free_u=True)
    assert not runs.equal(runs.state_of(plain, 2), runs.state_of(folder, 2))
    first = [next(run.samples.glob("*__000000000_0.png")).read_bytes() for run in (plain, folder)]
    assert first[0] == first[1]


@pytest.mark.proves("train.free_u")
def test_recomputed_passes_have_it_too(new_run: NewRun) -> None:
    one, other = (
        runs.finished(
            new_run, f"run{again}", train__free_u=True, train__gradient_checkpointing=again
        )
        for again in (False, True)
    )
    found = runs.state_of(other, 6)
    for name, tensor in runs.state_of(one, 6).items():
        torch.testing.assert_close(tensor, found[name], rtol=1e-4, atol=1e-6)
