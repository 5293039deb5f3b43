"""Driving the app in tests: open it on a project, press keys, read the screen as text.

Waiting is always for a condition with a deadline, never for a time. Golden screens are plain text
under `golden/`; `FINETUI_GOLDEN=write python -m pytest tests/tui` writes them anew.
"""

from __future__ import annotations

import asyncio
import difflib
import os
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from textual import events
from textual.keys import _character_to_key
from textual.message_pump import MessagePump
from textual.pilot import Pilot
from textual.widgets import Input

from schema.run.layout import RunFolder
from tui.app import FineTuiApp
from tui.form.row import Row
from tui.views.config import ConfigView
from tui.widgets.statusline import StatusLine

GOLDEN = Path(__file__).parent / "golden"
SIZES = ((80, 24), (120, 40), (200, 60))
DEADLINE = 10.0

CONFIG = """\
# A small project to try things on.
job: extension
config:
  name: first_light
  process:
    - type: sd_trainer
      training_folder: output
      trigger_word: zorble
      network:
        type: lora
        linear: 16  # rank
        linear_alpha: 16
      model:
        name_or_path: someone/base-model
        arch: sd1
      datasets:
        - folder_path: images
          resolution: [512, 768]
          caption_dropout_rate: 0.05
      train:
        steps: 2000
        batch_size: 4
        lr: 1e-4  # a good start
        optimizer: adamw8bit
        optimizer_params:
          weight_decay: 0.01
        lr_scheduler: cosine
      save:
        save_every: 250
      sample:
        sample_every: 250
        prompts:
          - a red zorble on a table
          - a zorble in the rain, blue sky
"""


class Screen:
    """The app under test with a pilot; `view` is the config view."""

    def __init__(self, app: FineTuiApp, pilot: Pilot[int]) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def config(self) -> ConfigView:
        """The config view, which must be on screen."""
        assert isinstance(self.app.screen, ConfigView), self.app.screen
        return self.app.screen

    @property
    def row(self) -> Row:
        """The row under the cursor of the config view."""
        assert self.config.row is not None
        return self.config.row

    @property
    def status(self) -> str:
        """The status line as text."""
        line = self.app.screen.query_one(StatusLine)
        return "".join(text for text, _ in line.pieces(self.app.look, self.app.size.width)).strip()

    async def text(self) -> str:
        """The whole screen as lines of text, once everything is drawn."""
        await self.pilot.pause()
        return self.drawn()

    def drawn(self) -> str:
        """What is drawn already."""
        strips = self.app.screen._compositor.render_strips()
        return "\n".join(strip.text.rstrip() for strip in strips)

    async def press(self, *keys: str) -> None:
        """Presses keys by Textual's names, each handled to its end before the next.

        The pilot's own `press` sleeps after each key until the processor is idle; this waits for
        the message queues, which takes no time at all.
        """
        for key in keys:
            name = _character_to_key(key) if len(key) == 1 and not key.isalnum() else key
            self.app.post_message(events.Key(name, _character(name, key)))
            await self.settle()

    async def type(self, text: str) -> None:
        """Types a text into whatever has the focus."""
        await self.press(*text)

    async def settle(self) -> None:
        """Waits until no widget has a message left, and nothing new comes for a few turns."""
        quiet = 0
        async with asyncio.timeout(DEADLINE):
            while quiet < 4:
                await asyncio.sleep(0)
                quiet = 0 if any(_busy(pump) for pump in self._pumps()) else quiet + 1

    def _pumps(self) -> list[MessagePump]:
        return [self.app, self.app.screen, *self.app.screen.walk_children()]

    async def command(self, line: str) -> None:
        """A whole `:` line; the text is put into the input at once."""
        await self.press(":")
        self.app.screen.query_one("#commandline Input", Input).value = line
        await self.press("enter")

    async def until(self, condition: Callable[[], Any], what: str = "") -> None:
        """Waits for a condition."""
        try:
            async with asyncio.timeout(DEADLINE):
                while not condition():
                    await self.pilot.pause(0.01)
        except TimeoutError:
            raise AssertionError(f"never came true: {what}\n{self.drawn()}") from None

    async def go(self, path: str) -> None:
        """Puts the cursor on an option."""
        assert self.config.go(path), path
        await self.pilot.pause()
        assert self.row.path == path


@asynccontextmanager
async def opened(
    config: Path | None, size: tuple[int, int] = (120, 40), **more: Any
) -> AsyncIterator[Screen]:
    """The app on a config (or at home), its first look at the files done."""
    app = FineTuiApp(config, depth=more.pop("depth", "true"), **more)
    async with app.run_test(size=size) as pilot:
        screen = Screen(app, pilot)
        await screen.until(lambda: app.current_mode != "opening", "the first view")
        if config is not None and app.current_mode == "config":
            await screen.until(lambda: screen.config.files.looked, "the look at the files")
        await pilot.pause()
        yield screen


def check_golden(name: str, text: str) -> None:
    """Compares a screen with its stored text; paths and times that vary are masked first."""
    text = masked(text)
    file = GOLDEN / f"{name}.txt"
    if os.environ.get("FINETUI_GOLDEN") == "write":
        file.parent.mkdir(exist_ok=True)
        file.write_text(text + "\n", encoding="utf-8")
    stored = file.read_text(encoding="utf-8").rstrip("\n") if file.exists() else ""
    if any_length(stored) != any_length(text.rstrip("\n")):
        diff = difflib.unified_diff(
            stored.splitlines(), text.splitlines(), "stored", "now", lineterm=""
        )
        raise AssertionError(f"{name} looks different:\n" + "\n".join(diff))


def any_length(text: str) -> str:
    """Masked folders without their length: another machine's are longer or shorter."""
    return re.sub(r"P{20,}…? *", "P ", text)


def masked(text: str) -> str:
    """What varies as letters of the same length, so that columns stay.

    Temporary folders, times, and the counts that grow with every option that the schema learns.
    """
    for words in (r"shown \d+ of \d+", r"choice of \d+", r"\d+ found"):
        text = re.sub(words, lambda match: re.sub(r"\d", "N", match[0]), text)
    text = re.sub(r"/\S*pytest-of-\S*", lambda match: "P" * len(match[0]), text)
    text = re.sub(r"\b\d\d [A-Z][a-z]{2} \d\d:\d\d\b", "DD Mon HH:MM", text)
    return re.sub(r"\b\d\d:\d\d:\d\d\b", "HH:MM:SS", text)


def _busy(pump: MessagePump) -> bool:
    """Whether a widget has something to do."""
    return bool(pump.message_queue_size or pump._next_callbacks)


def _character(name: str, key: str) -> str | None:
    """The character that a key event carries."""
    if len(key) == 1:
        return key
    return {"space": " ", "enter": "\r", "tab": "\t"}.get(name)


class Starter:
    """Stands in for `tui.launch.start`: notes the plans, lays out nothing."""

    def __init__(self) -> None:
        self.plans: list[Any] = []

    def __call__(self, plan: Any) -> RunFolder:
        self.plans.append(plan)
        folder: RunFolder = plan.folder
        return folder
