"""Regularization sets: a stream of their own, on every second step, with captions of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.data.turns import Turns
from schema.formulas.captions import CaptionRules, render
from schema.run.layout import RunFolder
from schema.run.status import read_status
from tests.engine import tiny
from tests.engine.core.runs import finished, lay_out, make_config, rows, run_here

Regular = Callable[..., RunFolder]


@pytest.mark.parametrize("skipped", [(), (3,), (4,), (3, 5), (2,), (4, 6)])
def test_the_streams_place_follows_from_the_steps_number(skipped: tuple[int, ...]) -> None:
    turns = Turns(True, skipped)
    taken = 0
    for step in range(1, 200):
        assert turns.before(step) == taken
        expected = step % 2 == 0 and not any(step % every == 0 for every in skipped)
        assert turns.is_regular(step) == expected
        taken += expected
    assert Turns().before(99) == 0
    assert not Turns().is_regular(2)


def test_the_trigger_word_only_fills_placeholders_in_regularization_captions() -> None:
    rules = CaptionRules("sks", prefix=False)
    assert render("a photo", rules, 1, 1, 0) == "a photo"
    assert render("a photo of [trigger]", rules, 1, 1, 0) == "a photo of sks"
    assert render("a photo", CaptionRules("sks", 1.0, prefix=False), 1, 1, 0) == ""
    assert render("a photo", CaptionRules("sks", 1.0), 1, 1, 0) == "sks"


@pytest.fixture
def regular(tmp_path: Path, tiny_sd1: Path, pictures: Path) -> Regular:
    """Lay out a run with a second set of pictures of its own; `second` are its options."""
    others = tiny.draw_pictures(tmp_path / "others")

    def lay(name: str = "run", second: dict[str, Any] | None = None, **changes: Any) -> RunFolder:
        config = make_config(name, tmp_path / "out", tiny_sd1, pictures, **changes)
        datasets = config["config"]["process"][0]["datasets"]
        datasets.append(datasets[0] | {"folder_path": str(others)} | (second or {"is_reg": True}))
        return lay_out(config)

    return lay


def _seen(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> list[tuple[bool, set[str]]]:
    """Of every micro-batch whether it regularizes, and the folders of its pictures."""
    from engine.denoising import Denoising

    found: list[tuple[bool, set[str]]] = []
    real = Denoising.__call__

    def watched(self: Any, batch: Any, *others: Any) -> Any:
        found.append((batch.regularizes, {Path(name).parent.name for name in batch.pictures}))
        return real(self, batch, *others)

    with monkeypatch.context() as patch:
        patch.setattr(Denoising, "__call__", watched)
        assert run_here(folder) == 0, read_status(folder)
    return found


@pytest.mark.proves("datasets[].is_reg")
def test_every_second_step_is_of_the_regularization_set_unless_it_saves(
    regular: Regular, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"train__gradient_accumulation": 2, "save__save_every": 4}
    seen = _seen(regular(**options), monkeypatch)
    learned, kept = (False, {"pictures"}), (True, {"others"})
    expected = [learned, kept, learned, learned, learned, kept]
    assert seen == [batch for batch in expected for _ in range(2)]


@pytest.mark.proves("train.reg_weight")
def test_the_loss_of_regularization_steps_is_weighed(regular: Regular) -> None:
    plain = rows(finished(regular, "plain", train__steps=2))
    half = rows(finished(regular, "half", train__steps=2, train__reg_weight=0.5))
    assert half[1]["loss"] == plain[1]["loss"]
    assert half[2]["loss"] == pytest.approx(plain[2]["loss"] / 2, rel=1e-6)


@pytest.mark.proves("datasets[].prior_reg")
def test_a_prior_regularization_set_asks_the_untouched_model(regular: Regular) -> None:
    """A new LoRA changes nothing, so its distance to the untouched model is exactly 0."""
    both = {"is_reg": True, "prior_reg": True}
    found = rows(finished(regular, second=both, train__steps=2, train__lr=1e-9))
    assert found[1]["loss"] > 0.1
    assert found[2]["loss"] < 1e-10
    alone = rows(finished(regular, "alone", second={"is_reg": True}, train__steps=2))
    assert alone[2]["loss"] > 0.1


def test_a_run_with_regularization_resumes_exactly(regular: Regular) -> None:
    options: dict[str, Any] = {"save__save_every": 3, "second": {"is_reg": True}}
    straight = finished(regular, "straight", train__steps=6, **options)
    finished(regular, "parts", train__steps=3, **options)
    assert rows(finished(regular, "parts", train__steps=6, **options)) == rows(straight)


def test_a_prior_without_a_network_and_nothing_but_regularization_are_refused(
    tmp_path: Path, tiny_sd1: Path, pictures: Path
) -> None:
    full = make_config("full", tmp_path, tiny_sd1, pictures, datasets__prior_reg=True)
    del full["config"]["process"][0]["network"]
    only = make_config("only", tmp_path, tiny_sd1, pictures, datasets__is_reg=True)
    for config in (full, only):
        folder = lay_out(config)
        assert run_here(folder) == 1
