"""What events tell, and the config's few facts."""

from pathlib import Path

import pytest

from tui.watch.facts import RunFacts, declared, facts_of, read_facts
from tui.watch.history import ERROR, INFO, RESTART, SAMPLE, SAVE, WARNING, History, LogLine

ROOT = Path("/runs/dog")


def taken(*events):
    history = History(ROOT)
    return history, history.take({"t": 100.0 + n, **event} for n, event in enumerate(events))


def test_a_sample_is_a_picture_a_mark_and_a_line():
    history, lines = taken(
        {"kind": "sample", "path": "samples/a.png", "step": 500, "index": 1, "prompt": "cat",
         "seed": 7}
    )  # fmt: skip
    shot = history.shots[0]
    assert (shot.path, shot.step, shot.index, shot.prompt, shot.seed) == (
        ROOT / "samples/a.png", 500, 1, "cat", 7
    )  # fmt: skip
    assert history.marks == [(500, SAMPLE)]
    assert lines[0].text == "sample 2 of step 500  samples/a.png"


def test_pictures_of_one_step_make_one_mark():
    history, _ = taken(
        *({"kind": "sample", "path": f"{n}.png", "step": 500, "index": n} for n in range(4))
    )
    assert history.marks == [(500, SAMPLE)]


def test_a_checkpoint_names_its_weights_and_size():
    history, lines = taken(
        {"kind": "checkpoint", "step": 500, "path": "state/step_000000500",
         "files": ["dog_000000500.safetensors"], "bytes": 164 * 2**20}
    )  # fmt: skip
    assert history.marks == [(500, SAVE)]
    assert lines[0].text == "saved dog_000000500.safetensors (164M)"


def test_a_resume_takes_back_the_marks_that_it_supersedes():
    history, _ = taken(
        {"kind": "checkpoint", "step": 500, "path": "a"},
        {"kind": "checkpoint", "step": 750, "path": "b"},
        {"kind": "resumed", "step": 500},
    )
    assert history.marks == [(500, SAVE), (500, RESTART)]


@pytest.mark.parametrize(
    ("event", "level", "text"),
    [
        ({"kind": "warning", "message": "no caption"}, WARNING, "WARN no caption"),
        ({"kind": "error", "message": "boom", "phase": "saving"}, ERROR,
         "ERROR while saving: boom"),
        ({"kind": "command", "id": "1", "name": "save", "status": "done"}, INFO, "save done"),
        ({"kind": "command", "id": "1", "name": "save", "status": "refused", "message": "full"},
         WARNING, "save refused: full"),
        ({"kind": "exit", "code": 0, "signal": None, "reason": "done"}, INFO,
         "worker ended with code 0: done"),
        ({"kind": "exit", "code": None, "signal": "SIGKILL", "reason": "no memory"}, ERROR,
         "worker ended by SIGKILL: no memory"),
        ({"kind": "state", "state": "saving", "detail": "4.1/6.6 GB"}, INFO,
         "saving: 4.1/6.6 GB"),
        ({"kind": "finished"}, INFO, "finished"),
    ],
)  # fmt: skip
def test_events_become_lines(event, level, text):
    _, lines = taken(event)
    assert [(line.level, line.text) for line in lines] == [(level, text)]


def test_warnings_are_counted_and_progress_is_not_a_line():
    history, lines = taken(
        {"kind": "warning", "message": "a"}, {"kind": "warning", "message": "b"},
        {"kind": "progress", "phase": "caching latents", "done": 12, "total": 40},
    )  # fmt: skip
    assert history.warnings == 2
    assert history.phase == "caching latents 12/40"
    assert len(lines) == 2


def test_what_was_in_progress_ends_with_the_next_state():
    history, _ = taken(
        {"kind": "progress", "phase": "previews", "done": 8, "total": 8},
        {"kind": "state", "state": "training"},
    )
    assert history.phase == ""


def test_a_start_is_one_line_though_supervisor_and_worker_both_tell_it():
    _, lines = taken({"kind": "started", "pid": 1, "worker": 2}, {"kind": "started", "pid": 2})
    assert [line.text for line in lines] == ["worker started (pid 2)"]


def test_final_weights_of_the_last_step_make_no_second_mark():
    history, lines = taken(
        {"kind": "checkpoint", "step": 500, "path": "a"},
        {"kind": "checkpoint", "step": 500, "path": "b", "final": True},
    )
    assert history.marks == [(500, SAVE)]
    assert len(lines) == 2


def test_unknown_and_half_written_events_are_passed_over():
    _, lines = taken({"kind": "novelty"}, {"kind": "sample"}, {"kind": "checkpoint"}, {})
    assert lines == []


def test_a_new_start_forgets_how_the_last_one_ended():
    history, _ = taken(
        {"kind": "error", "message": "boom"}, {"kind": "exit", "code": 3}, {"kind": "started"}
    )
    assert history.exit is None
    assert history.error is None


def test_raw_lines_carry_no_time():
    assert LogLine(0, INFO, "x", raw=True).shown == "         x"
    assert len(LogLine(0, INFO, "x").shown) == 10


def test_facts_of_a_config_that_says_nothing_are_empty():
    assert facts_of({}) == RunFacts()
    assert facts_of({"config": {"process": "nonsense"}}) == RunFacts()


def test_facts_are_read_without_our_checks(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text(
        "config:\n  process:\n  - train: {batch_size: 2, gradient_accumulation: 3, steps: 9}\n"
        "    save: {save_every: 250}\n    unknown: {a: 1}\n"
        "    sample: {sample_every: 100, samples: [{prompt: a cat}, {prompt: a dog}]}\n"
    )
    facts = read_facts(file)
    assert (facts.save_every, facts.sample_every) == (250, 100)
    assert facts.images_per_step == 6


def test_what_a_config_leaves_out_has_its_default_and_null_is_off():
    config = {"config": {"process": [{"sample": {"sample_every": None}}]}}
    facts = facts_of(config, {"save.save_every": 1000, "sample.sample_every": 100}.get)
    assert (facts.save_every, facts.sample_every) == (1000, None)


def test_the_declared_defaults_are_known():
    assert declared("save.save_every") > 0
    assert declared("no.such.option") is None


@pytest.mark.parametrize("content", ["{: nonsense", "- 1\n- 2\n", ""])
def test_a_config_that_cannot_be_read_gives_no_facts(tmp_path, content):
    file = tmp_path / "config.yaml"
    file.write_text(content)
    assert read_facts(file) == RunFacts()
    assert read_facts(tmp_path / "missing.yaml") == RunFacts()
