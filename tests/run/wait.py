"""Waiting for something that another process does: by a deadline, never by a guess how long it
takes.
"""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(look: Callable[[], T], *, within: float = 15.0, what: str = "") -> T:
    """The first truthy answer of `look`; fails the test when none comes `within` seconds."""
    pause = threading.Event()
    deadline = time.monotonic() + within
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {within} s in vain for {what or look}")
        pause.wait(0.01)
