"""The command line as a user's shell runs it: its own process, its own folder."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

FINETUI = [sys.executable, "-P", "-m", "tui.cli"]


def finetui(
    *arguments: str | Path, folder: Path, timeout: float = 120.0
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; FINETUI_HOME comes from the test's own environment."""
    return subprocess.run(
        [*FINETUI, *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdin=subprocess.DEVNULL,
    )


def done(result: subprocess.CompletedProcess[str]) -> str:
    """Its stdout, if it went well and showed nobody a traceback."""
    assert "Traceback" not in result.stderr, result.stderr
    assert result.returncode == 0, f"{result.returncode}: {result.stdout}\n{result.stderr}"
    return result.stdout


def json_of(result: subprocess.CompletedProcess[str]) -> Any:
    """Its stdout as JSON: nothing else may stand there."""
    return json.loads(done(result))


def rows_of(result: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    """Its stdout as one JSON object a line."""
    return [json.loads(line) for line in done(result).splitlines()]
