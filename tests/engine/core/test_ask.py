"""One-shot questions: JSON in, JSON out, nothing else on stdout."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import pytest

from engine import ask
from tests.engine.core.conftest import NewRun


def _asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, about: Any
) -> tuple[int, Any]:
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(about)))
    capsys.readouterr()
    code = ask.main([name])
    out = capsys.readouterr().out
    return code, json.loads(out) if out else None


def test_preflight_says_what_a_run_would_get(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = new_run()
    about = {"config": str(folder.config), "folder": str(folder.path)}
    code, answer = _asked(monkeypatch, capsys, "preflight", about)
    assert code == 0
    assert answer["ok"] is True
    assert answer["device"] == "cpu"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"device": "cuda:63"}, "cuda:63 is not there"),
        ({"model__name_or_path": "/nowhere"}, "/nowhere"),
    ],
)
def test_preflight_names_the_obstacle(
    new_run: NewRun,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    changed: dict[str, Any],
    words: str,
) -> None:
    folder = new_run(**changed)
    about = {"config": str(folder.config), "folder": str(folder.path)}
    code, answer = _asked(monkeypatch, capsys, "preflight", about)
    assert code == 1
    assert words in answer["error"]


def test_a_question_that_does_not_exist_is_wrong_usage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _asked(monkeypatch, capsys, "weather", {}) == (2, None)


def test_an_output_folder_that_takes_no_files_or_has_no_room_is_said(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from engine import preflight

    folder = new_run()
    about = {"config": str(folder.config), "folder": str(folder.path)}
    with monkeypatch.context() as patch:
        patch.setattr(preflight.os, "access", lambda *_: False)
        code, answer = _asked(patch, capsys, "preflight", about)
    assert (code, "not writable" in answer["error"]) == (1, True)
    with monkeypatch.context() as patch:
        patch.setattr(preflight, "LEAST_FREE_BYTES", 2**80)
        code, answer = _asked(patch, capsys, "preflight", about)
    assert (code, "is full" in answer["error"]) == (1, True)
