"""Handing work from a thread to the app without waiting for it.

Textual's `call_from_thread` waits until the app has done the work. An app that is going, because
it was left or because something failed, does no more work: the thread would wait for ever, and the
process, which waits for its threads, with it. The terminal then shows a screen that takes no key.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from textual.app import App


def hand_over(app: App[Any], callback: Callable[..., Any], *args: Any) -> None:
    """Call it in the app, some time soon; nothing happens when the app is gone."""
    with suppress(RuntimeError):  # its event loop is closed
        app.call_later(callback, *args)
