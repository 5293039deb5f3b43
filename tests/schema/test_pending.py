"""What the engine does not do yet is refused by `check`, and told where options are explained."""

import json
from collections.abc import Iterator

import pytest

from schema import pending, pending_train
from schema.catalogue import find, options
from schema.check import check_document
from schema.document import Document
from schema.findings import Finding
from tui import cli

ROWS = {
    "train.max_grad_norm": "clipping",
    "train.lr_scheduler=step": "the stair",
    "train.optimizer_params.eps": "a tiny number",
    "datasets[].flip_x": "mirrors",
    "save": "saving",
    "train.ema_config": "averages",
    "slider:train.steps": "sliders",
    "datasets[].resolution=512": "that size",
}


@pytest.fixture(autouse=True)
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The rows above in place of the real ones."""
    parts = [pending._row(key, words) for key, words in ROWS.items()]
    pending._by_path.cache_clear()
    monkeypatch.setattr(pending, "rows", lambda: tuple(parts))
    yield
    pending._by_path.cache_clear()


def refused(document: Document) -> list[Finding]:
    return [f for f in check_document(document, files=False) if f.code == "not-yet"]


def test_an_option_away_from_its_default_is_refused_with_place_and_repair(
    document: Document,
) -> None:
    document.unset("datasets[1].flip_x")
    document.unset("datasets[0].resolution")
    document.set("train.max_grad_norm", 0.5)
    (finding,) = refused(document)
    assert (finding.severity, finding.path) == ("error", "train.max_grad_norm")
    assert (finding.line, finding.column) == document.place("train.max_grad_norm")
    assert "clipping" in finding.message
    assert finding.suggestion == "1.0"


def test_the_default_itself_is_accepted(document: Document) -> None:
    document.set("datasets[1].flip_x", False)
    document.set("datasets[0].resolution", 512)
    document.set("train.max_grad_norm", 1.0)
    document.set("train.ema_config", {"use_ema": False})
    document.set("save", {"save_every": find("save.save_every").default})  # type: ignore[union-attr]
    assert refused(document) == []


def test_a_row_covers_what_is_below_it_and_every_item_of_a_list(document: Document) -> None:
    document.set("save.save_every", 7)
    document.set("train.ema_config", {"use_ema": True})
    assert [f.path for f in refused(document)] == [
        "datasets[0].resolution",
        "datasets[1].flip_x",
        "train.ema_config.use_ema",
        "save.save_every",
    ]


def test_a_row_on_one_value_leaves_the_others_alone(document: Document) -> None:
    document.set("train.lr_scheduler", "cosine")
    assert "train.lr_scheduler" not in {f.path for f in refused(document)}
    document.set("train.lr_scheduler", "step")
    document.set("train.lr_scheduler_params", {"step_size": 3})
    found = {f.path: f.suggestion for f in refused(document)}
    assert found["train.lr_scheduler"] == "constant"


def test_a_row_on_a_dependent_parameter_is_found(document: Document) -> None:
    document.set("train.optimizer_params", {"eps": 1e-3})
    assert "train.optimizer_params.eps" in {f.path for f in refused(document)}


def test_what_has_no_effect_beside_an_option_that_is_off_is_not_refused(
    document: Document,
) -> None:
    document.set("train.ema_config", {"ema_decay": 0.9})
    found = check_document(document, files=False)
    assert "train.ema_config.ema_decay" not in {f.path for f in found if f.code == "not-yet"}
    assert ("train.ema_config.ema_decay", "needs-another-option") in {
        (f.path, f.code) for f in found
    }


def test_a_row_of_another_process_type_is_not_about_this_one(document: Document) -> None:
    assert "train.steps" not in {f.path for f in refused(document)}
    assert pending.waits("train.steps") is None
    assert pending.waits("train.steps", "slider") == "sliders"


def test_it_is_told_where_options_are_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explain", "train.max_grad_norm"]) == 0
    assert "does not follow it yet: clipping" in capsys.readouterr().out
    assert cli.main(["explain", "train.lr_scheduler"]) == 0
    assert "so many steps (not in the engine yet)" in " ".join(capsys.readouterr().out.split())
    assert cli.main(["options", "save_every", "--json"]) == 0
    rows = {row["path"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["save.save_every"]["pending"] == "saving"


def test_two_parts_cannot_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    from schema import pending_model

    monkeypatch.undo()
    pending.rows.cache_clear()
    monkeypatch.setattr(pending_model, "ROWS", {"train.lr": "x"})
    monkeypatch.setattr(pending_train, "ROWS", {"train.lr": "y"})
    with pytest.raises(ValueError, match=r"train\.lr"):
        pending.rows()
    pending.rows.cache_clear()


def test_every_row_names_an_option_and_one_of_its_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    pending.rows.cache_clear()
    for row in pending.rows():
        info = find(row.path)
        assert info or any(other.path.startswith(row.path) for other in options()), row.path
        if info is not None and row.value is not None and info.choices:
            assert row.value in map(pending.spelled, info.choices), row
        assert row.words, row.path
        assert row.words.isascii(), row.path
