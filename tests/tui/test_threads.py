"""Threads hand work to the app and never wait for it."""

from __future__ import annotations

import threading
from pathlib import Path

from textual.app import App

from tests.house.files import ROOT
from tui.threads import hand_over


async def test_a_thread_goes_on_while_the_app_does_nothing() -> None:
    app: App[None] = App()
    done: list[int] = []
    async with app.run_test() as pilot:
        thread = threading.Thread(target=hand_over, args=(app, done.append, 1), daemon=True)
        thread.start()
        thread.join(5)  # the event loop stands still meanwhile
        assert not thread.is_alive()
        assert done == []
        await pilot.pause()
        assert done == [1]


async def test_an_app_that_is_gone_holds_nobody() -> None:
    app: App[None] = App()
    async with app.run_test():
        pass
    thread = threading.Thread(target=hand_over, args=(app, print), daemon=True)
    thread.start()
    thread.join(5)
    assert not thread.is_alive()


def test_nothing_in_the_app_waits_for_it_from_a_thread() -> None:
    found = [
        str(path.relative_to(ROOT))
        for path in Path(ROOT / "tui").rglob("*.py")
        if path.name != "threads.py" and "call_from_thread(" in path.read_text()
    ]
    assert found == []
