"""`finetui estimate`, and the same figures in the app: line, panel, launch rows."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from schema.document import Document
from schema.estimate import scope
from schema.estimate.hardware import Card, Machine
from schema.estimate.report import Estimate, estimate
from tests.schema.estimate.configs import COUNTS, MIB, job
from tests.tui.driver import SIZES, opened
from tui import cli, estimates
from tui.estimate_text import facts, line, table
from tui.widgets.estimate_panel import EstimateLine, EstimatePanel

ROOM = Machine((Card(0, "NVIDIA Test 9000", 24 * 1024 * MIB, 0),), 2**35, "CPU: Z")


def answer() -> dict[str, Any]:
    """The engine's answer in JSON, as the shared counts have it."""
    from dataclasses import asdict

    found = asdict(COUNTS)
    assert found["activations"] is not None
    for name, points in found["activations"].items():
        if name != "prompt":
            found["activations"][name] = [list(point.values()) for point in points]
    return {"version": 1, **found}


@pytest.fixture
def model(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project with a model on disk and a GPU; the engine is not asked but answers."""
    (project.parent / "base" / "unet").mkdir(parents=True)
    (project.parent / "base" / "unet" / "config.json").write_text("{}")
    project.write_text(project.read_text().replace("someone/base-model", "base"))
    monkeypatch.setattr(estimates, "machine", lambda: ROOM)
    monkeypatch.setattr("tui.estimating.live", True)
    monkeypatch.setattr("tui.estimating.QUIET_SECONDS", 0.01)
    return project


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Stands in for the engine's process; notes what it was asked."""
    asked: list[dict[str, Any]] = []

    def ask(question: dict[str, Any], *_: Any) -> tuple[dict[str, Any] | None, str]:
        asked.append(question)
        return answer() if question["measure"] else {**answer(), "activations": None}, ""

    monkeypatch.setattr(estimates, "_ask", ask)
    return asked


def run(*words: str) -> int:
    """The command line in this process."""
    return cli.main(["estimate", *words])


def test_the_command_prints_a_table(
    model: Path, engine: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(str(model)) == 0
    shown = capsys.readouterr().out
    assert "first_light on GPU 0: NVIDIA Test 9000" in shown
    assert "fits GPU 0 (24.0G)" in shown
    assert "optimizer state" in shown
    assert "time: unknown" in shown
    assert len(engine) == 1
    assert run(str(model)) == 0
    assert len(engine) == 1  # what was counted is kept


def test_json_stands_alone_on_stdout(
    model: Path, engine: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(str(model), "--json", "--set", "train.batch_size=1000") == 0
    value = json.loads(capsys.readouterr().out)
    assert value["fits"] == "does not fit"
    assert value["remedies"][0]["fits"]
    assert value["memory"]["phases"]["training"]["parts"]["denoiser"]["source"] == "counted"
    del engine


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("gone.yaml",), 1),
        (("{}", "--set", "train.batch_size"), 2),
        (("{}", "--set", "train.batch_size=many"), 1),
    ],
)
def test_wrong_use_is_told_without_a_traceback(
    words: tuple[str, ...], code: int, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*(word.format(model) for word in words)) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err
    assert "Traceback" not in captured.err


def test_a_model_elsewhere_is_unknown_and_nobody_is_asked(
    project: Path, engine: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(str(project)) == 0
    assert estimates.NO_MODEL in capsys.readouterr().out
    assert engine == []


def test_the_engines_reason_is_shown_and_it_is_asked_once(
    model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[dict[str, Any]] = []

    def ask(question: dict[str, Any], *_: Any) -> tuple[None, str]:
        calls.append(question)
        return None, "it is torn"

    monkeypatch.setattr(estimates, "_refused", {})
    monkeypatch.setattr(estimates, "_ask", ask)
    for _ in range(2):
        assert run(str(model)) == 0
        assert "it is torn" in capsys.readouterr().out
    assert len(calls) == 1


async def test_the_line_follows_the_config_and_asks_only_for_another_model(
    model: Path, engine: list[dict[str, Any]]
) -> None:
    async with opened(model, (120, 40)) as screen:
        shown = screen.config.query_one(EstimateLine)
        await screen.until(
            lambda: shown.estimate is not None and shown.estimate.peak and not shown.busy,
            "an estimate",
        )
        before = shown.estimate
        assert before is not None
        assert [question["measure"] for question in engine] == [False, True]
        assert "memory" in await screen.text()
        screen.config.draft.set("train.batch_size", 16)
        screen.config.refresh_form()
        await screen.until(lambda: shown.estimate is not before, "another estimate")
        assert shown.estimate is not None
        # Twelve more pictures of 50 MiB each, with gradient checkpointing.
        assert peak_of(shown.estimate) - peak_of(before) == 12 * 50 * MIB
        assert len(engine) == 2


def peak_of(found: Estimate) -> float:
    """Bytes."""
    assert found.peak is not None
    assert found.peak.total.value is not None
    return found.peak.total.value


async def test_faults_in_the_config_leave_the_last_figures(
    model: Path, engine: list[dict[str, Any]]
) -> None:
    del engine
    async with opened(model, (120, 40)) as screen:
        shown = screen.config.query_one(EstimateLine)
        await screen.until(lambda: shown.estimate is not None and not shown.busy, "an estimate")
        screen.config.draft.set("train.steps", "many")
        screen.config.refresh_form()
        await screen.until(lambda: "repaired" in shown.busy, "the word on the errors")
        assert shown.estimate is not None


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_the_panel_opens_and_closes_by_its_key(
    size: tuple[int, int], model: Path, engine: list[dict[str, Any]]
) -> None:
    del engine
    async with opened(model, size) as screen:
        shown = screen.config.query_one(EstimateLine)
        await screen.until(lambda: shown.estimate is not None and not shown.busy, "an estimate")
        await screen.press("m")
        await screen.until(lambda: bool(screen.config.query(EstimatePanel)), "the panel")
        assert "denoiser weights" in await screen.text()
        await screen.press("m")
        await screen.until(lambda: not screen.config.query(EstimatePanel), "no panel")
        assert screen.config.option_list.has_focus


async def test_the_launch_view_says_what_would_make_it_fit(
    model: Path, engine: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    del engine
    small = replace(ROOM, cards=(Card(0, "Small", 1200 * MIB, 0),))
    monkeypatch.setattr(estimates, "machine", lambda: small)
    async with opened(model, (120, 40)) as screen:
        await screen.press("2")
        await screen.until(lambda: "What it needs (m" in screen.drawn(), "the estimate")
        shown = await screen.text()
        assert "does not fit GPU 0" in shown
        rows = [row for row in screen.app.screen.query_one("OptionList").rows if row.mark == "→"]  # type: ignore[attr-defined]
        assert rows
        assert rows[0].path.startswith(("train.", "datasets"))


def made(**changes: Any) -> Estimate:
    """An estimate on the big card."""
    return estimate(job(changes), ROOM, COUNTS, Path.cwd())


def test_the_words_hold_their_width_and_name_every_origin() -> None:
    found = made()
    for width in (80, 100, 200):
        assert max(map(len, table(found, width))) <= width
    text = "\n".join(table(found, 200))
    for word in ("counted:", "measured:", "computed:", "assumed:"):
        assert word in text
    assert line(found)[1][0].endswith("in training")
    assert [name for name, _, _ in facts(found)][:2] == ["memory", ""]


def test_a_question_that_is_cancelled_ends_its_process(model: Path) -> None:
    text = Document.load(model).text()
    key = scope.key_of(estimates.parsed(text).trainer, model.parent)
    assert key is not None
    done = estimates.count(text, key, model.parent, measure=True, cancelled=lambda: True)
    assert not done
    assert estimates._refused.get(key) is None
