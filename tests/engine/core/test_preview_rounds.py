"""When a run makes previews: the rounds before, in between and after, and what they are told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from schema.run.layout import RunFolder
from tests.engine.core import runs

NewRun = Callable[..., RunFolder]
DRAWING: dict[str, Any] = {"train__disable_sampling": False, "sample__sample_steps": 1}


def rounds(folder: RunFolder) -> list[tuple[int, str]]:
    """Step and prompt of every preview, in the order of their making."""
    return [(event["step"], event["prompt"]) for event in runs.kinds(folder, "sample")]


@pytest.mark.proves("sample.sample_start_step", "sample.sample_every")
def test_rounds_in_between_begin_at_a_step_and_training_does_not_notice(new_run: NewRun) -> None:
    folder = runs.finished(
        new_run, **DRAWING, train__steps=7, sample__sample_every=2, sample__sample_start_step=4
    )
    assert [step for step, _ in rounds(folder)] == [0, 4, 6, 7]
    plain = runs.finished(new_run, "plain", train__steps=7)
    assert runs.equal(runs.state_of(folder, 7), runs.state_of(plain, 7))


@pytest.mark.proves("first_sample")
def test_a_first_round_of_its_own_comes_before_all_others_of_a_fresh_run(new_run: NewRun) -> None:
    own = {"prompts": ["a blue square"], "width": 64, "height": 64, "sample_steps": 1,
           "format": "png"}  # fmt: skip
    folder = runs.finished(new_run, **DRAWING, first_sample=own, train__skip_first_sample=True)
    assert rounds(folder) == [(0, "a blue square"), (6, "a red circle")]
    assert [path.suffix for path in sorted(folder.samples.glob("[0-9]*.*"))] == [".png", ".jpg"]
    # One that goes on has had it.
    again = runs.finished(new_run, **DRAWING, first_sample=own, train__steps=8)
    assert rounds(again)[2:] == [(8, "a red circle")]
    off = runs.finished(new_run, "off", first_sample=own)
    assert rounds(off) == []


@pytest.mark.proves("sample.neg")
def test_true_is_the_negative_prompt_of_training(new_run: NewRun) -> None:
    folder = runs.finished(
        new_run,
        **DRAWING,
        sample__neg=True,
        train__negative_prompt="blurry",
        train__do_cfg=True,
        train__steps=1,
    )
    assert {event["neg"] for event in runs.kinds(folder, "sample")} == {"blurry"}
