"""The real app in a real tmux, driven by keys: a newcomer's first ten minutes.

One training is started from the screen and then left, killed around, found again and stopped. The
tests of this file are one story and run in their order.
"""

import json
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.e2e.cli import FINETUI, done, finetui, json_of, rows_of
from tests.e2e.terminal import Terminal

pytestmark = pytest.mark.tmux

HEADER = r"\b(\d+)\s*/\s*5000\b"
"""Completed steps as the dashboard's first line shows them."""
BRAILLE = r"[\u2801-\u28ff]{3}"


@dataclass
class Story:
    """What the tests of this file hand on."""

    place: Path
    home: str
    seen: dict[str, Any] = field(default_factory=dict)

    @property
    def project(self) -> Path:
        return self.place / "finetui-demo"

    @property
    def run(self) -> Path:
        return self.project / "output" / "zorb"

    def open(self, *arguments: str, size: tuple[int, int] = (120, 40)) -> Terminal:
        """The app in a terminal."""
        environ = {"FINETUI_HOME": self.home, "OMP_NUM_THREADS": "1", "TERM": "tmux-256color"}
        return Terminal([*FINETUI, *arguments], self.place, size=size, environ=environ)

    def status(self) -> dict[str, Any]:
        """What `finetui ps` says of the run."""
        (row,) = json_of(finetui("ps", "--json", folder=self.place))
        return dict(row)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """The demo project's place; whatever still trains at the end is ended."""
    place = tmp_path_factory.mktemp("newcomer")
    made = Story(place, str(tmp_path_factory.mktemp("home")))
    yield made
    pid = made.seen.get("pid")
    if pid and psutil.pid_exists(pid):
        psutil.Process(pid).kill()


@pytest.fixture(autouse=True)
def _shared_home(story: Story, monkeypatch: pytest.MonkeyPatch, _own_home: None) -> None:
    monkeypatch.setenv("FINETUI_HOME", story.home)


def steps_on(screen: str) -> int:
    """The step count of a dashboard's header."""
    found = re.search(HEADER, screen)
    return int(found[1]) if found else -1


def wait_until(condition: Any, words: str, deadline: float = 90.0) -> None:
    """Ask again and again; each question starts a process or reads files, so nothing spins."""
    end = time.monotonic() + deadline
    while not condition():
        assert time.monotonic() < end, f"waited {deadline:.0f} s for {words}"


def test_the_demo_opens_on_its_config_and_trains_on_a_key(story: Story) -> None:
    with story.open("demo", "--steps", "5000") as terminal:
        screen = terminal.wait_for(r"config\.yaml")
        assert "Training" in screen
        assert "valid" in screen
        terminal.type("L")
        terminal.wait_for("Start training")
        terminal.type("L")
        terminal.wait_until(lambda: steps_on(terminal.screen()) >= 3, "three steps", 120)
        screen = terminal.wait_for(BRAILLE)
        assert re.search(r"loss\s+\.?\d", screen)
        story.seen["left at"] = steps_on(screen)
        story.seen["pid"] = story.status()["pid"]
        terminal.type("C-q")
        terminal.wait_until(
            lambda: terminal.ended() or "quit" in terminal.screen().lower(), "the end"
        )
        if not terminal.ended():
            terminal.type("y")
        assert terminal.wait_end() == 0


def test_training_goes_on_without_the_app(story: Story) -> None:
    before = story.status()
    assert before["state"] in ("preparing", "training", "sampling", "saving")
    wait_until(lambda: story.status()["step"] > before["step"] + 5, "five more steps")
    assert psutil.pid_exists(story.seen["pid"])


def test_closing_the_terminal_under_the_app_leaves_it_training(story: Story) -> None:
    with story.open("watch", "zorb") as terminal:
        terminal.wait_until(lambda: steps_on(terminal.screen()) > 0, "the running step")
    before = story.status()["step"]
    wait_until(lambda: story.status()["step"] > before, "a step after the terminal has gone")


def test_opened_again_it_shows_the_whole_history_and_the_live_state(story: Story) -> None:
    with story.open("watch", str(story.run), size=(120, 40)) as terminal:
        left = story.seen["left at"]
        terminal.wait_until(lambda: steps_on(terminal.screen()) > left, "more steps than we left")
        screen = terminal.wait_for(BRAILLE)
        seen = steps_on(screen)
        terminal.wait_until(lambda: steps_on(terminal.screen()) > seen, "a live step")
        for columns, lines in ((80, 24), (200, 60), (120, 40)):
            terminal.resize(columns, lines)
            terminal.wait_until(
                lambda: steps_on(terminal.screen()) > 0 and "loss" in terminal.screen(),
                f"the dashboard at {columns}x{lines}",
            )
            longest = max(map(len, terminal.screen().splitlines()))
            assert longest <= columns


def test_a_stop_saves_and_the_run_can_go_on(story: Story) -> None:
    done(finetui("stop", "zorb", folder=story.place))
    wait_until(lambda: story.status()["state"] == "interrupted", "the run to be interrupted")
    stopped = story.status()["step"]
    rows = rows_of(finetui("metrics", "zorb", folder=story.place))
    assert [row["step"] for row in rows] == list(range(1, stopped + 1))
    weights = sorted(path.name for path in story.run.glob("*.safetensors"))
    assert f"zorb_{stopped:09d}.safetensors" in weights
    wait_until(lambda: not psutil.pid_exists(story.seen["pid"]), "the end of the worker")


def test_the_home_screen_knows_the_run(story: Story) -> None:
    with story.open() as terminal:
        terminal.wait_for("zorb")
        terminal.type("C-q")
        terminal.wait_end()
    events = [
        json.loads(line)
        for path in sorted((story.run / "events").glob("*.jsonl"))
        for line in path.read_text().splitlines()
    ]
    assert any(event["kind"] == "exit" and event.get("code") == 0 for event in events)
    assert os.listdir(story.run / "samples")
