"""What the terminal can do: colours, tmux, clipboard; no Textual here, so that it comes first.

Everything is taken from the environment and from tmux itself, nothing is asked of the terminal:
over a slow link the answer to a query would arrive as key presses.
"""

from __future__ import annotations

import base64
import locale
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, get_args

Depth = Literal["true", "256", "16", "none"]
OSC52_LIMIT = 74_000
"""Bytes of base64 that terminals and tmux accept in one clipboard sequence."""


def color_depth(choice: str = "auto", environ: Mapping[str, str] | None = None) -> Depth:
    """The number of colours to use: the choice, `NO_COLOR`, `COLORTERM`, tmux's word, `TERM`."""
    env = os.environ if environ is None else environ
    choice = env.get("FINETUI_COLORS", choice)
    if choice in get_args(Depth):
        return choice  # type: ignore[return-value]
    if env.get("NO_COLOR"):
        return "none"
    if env.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        return "true"
    if env.get("TMUX") and "RGB" in _tmux("display", "-p", "#{client_termfeatures}").split(","):
        return "true"
    term = env.get("TERM", "")
    return "256" if "256" in term or "direct" in term else "16"


def _tmux(*arguments: str, stdin: str | None = None) -> str:
    """What a tmux command prints, or nothing where tmux is missing or slow."""
    if (program := shutil.which("tmux")) is None:
        return ""
    try:
        done = subprocess.run(
            [program, *arguments], input=stdin, capture_output=True, text=True, timeout=2
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def tmux_lacks_sixel(environ: Mapping[str, str] | None = None) -> str:
    """Why tmux draws no sixel here, in words; empty outside tmux and where it does."""
    if not (os.environ if environ is None else environ).get("TMUX"):
        return ""
    version, _, features = _tmux("display", "-p", "#{version} #{client_termfeatures}").partition(
        " "
    )
    if "sixel" in features.split(","):
        return ""
    return (
        f"tmux {version} passes none on (3.4 built with sixel does, "
        "with terminal-features ',*:sixel')"
    )


def copy(text: str, write: Callable[[str], object], cache: Path) -> str:
    """Puts text into the clipboard by the route that works here; says which one.

    Inside tmux `load-buffer -w` (stock tmux drops OSC 52 of programs), elsewhere OSC 52 through
    `write`; a copy always lies in `cache`.
    """
    kept = _keep(text, cache)
    if os.environ.get("TMUX") and shutil.which("tmux"):
        _tmux("load-buffer", "-w", "-", stdin=text)
        return "copied through tmux"
    code = base64.b64encode(text.encode()).decode()
    if len(code) <= OSC52_LIMIT:
        write(f"\x1b]52;c;{code}\a")
        return "copied (OSC 52)"
    return f"too long for the terminal's clipboard; in {cache}" if kept else "could not copy"


def _keep(text: str, cache: Path) -> bool:
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        cache.write_text(text, encoding="utf-8")
    except OSError:
        return False
    return True


def facts(depth: Depth, size: tuple[int, int], images: str) -> dict[str, str]:
    """The terminal in words, for `:terminal` and `finetui doctor`."""
    env = os.environ
    tmux = _tmux("-V") if env.get("TMUX") else ""
    escape = _tmux("show", "-sv", "escape-time") if tmux else ""
    advice = (
        f", escape-time {escape} ms (10 makes Esc quick)" if escape not in ("", "10", "0") else ""
    )
    return {
        "TERM": env.get("TERM", "not set"),
        "COLORTERM": env.get("COLORTERM", "not set"),
        "tmux": f"{tmux}{advice}" if tmux else "no",
        "SSH": "yes" if env.get("SSH_CONNECTION") else "no",
        "size": f"{size[0]}x{size[1]}",
        "colours": {"true": "16 million", "256": "256", "16": "16", "none": "none"}[depth],
        "clipboard": "tmux load-buffer -w" if tmux else "OSC 52",
        "pictures": images,
        "encoding": locale.getpreferredencoding(False),
        "python": sys.version.split()[0],
    }
