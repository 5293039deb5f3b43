"""Makes .venv and installs FineTUI with its pinned packages: one line a step, nothing done twice.

Run by make through `.ci/install`, by any Python >= 3.11 and with the standard library alone.
What was installed is noted in .venv/finetui-stamp.json as a hash of pyproject.toml,
constraints.txt and the interpreter; the note is written last, so a broken set-up is begun anew.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "finetui-stamp.json"
LOG = ROOT / "build" / "install.log"


def main(extras: list[str]) -> int:
    """Bring .venv up to date with these extras; exit code 0 if it is."""
    if up_to_date(extras):
        return 0
    LOG.parent.mkdir(exist_ok=True)
    LOG.write_text("")
    wanted = sorted({*extras, *installed().get("extras", [])})
    names = pinned()
    rows = [
        ("environment", make_environment),
        ("torch", lambda step: pip(step, [f"torch=={names['torch']}"])),
        ("packages", lambda step: pip(step, requirements(wanted))),
        ("finetui", lambda step: pip(step, ["--no-deps", "--no-build-isolation", "-e", "."])),
    ]
    if "engine" not in wanted:
        del rows[1]
    for number, (name, action) in enumerate(rows, start=1):
        if not Step(f"[{number}/{len(rows)}] {name}").run(action):
            return 1
    STAMP.write_text(json.dumps({"hash": fingerprint(), "extras": wanted}) + "\n")
    print("ready: .venv/bin/finetui", flush=True)
    return 0


def fingerprint() -> str:
    """What the set-up depends on, as one hash."""
    digest = hashlib.sha256(str(ROOT).encode())
    for name in ("pyproject.toml", "constraints.txt", ".ci/install.py"):
        digest.update((ROOT / name).read_bytes())
    config = VENV / "pyvenv.cfg"
    digest.update(config.read_bytes() if config.exists() else b"")
    return digest.hexdigest()


def installed() -> dict:
    """The note of the last set-up, or nothing."""
    try:
        note = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}


def up_to_date(extras: list[str]) -> bool:
    """Whether the last set-up holds and covers these extras."""
    note = installed()
    return (
        PYTHON.exists()
        and (PYTHON.parent / "finetui").exists()
        and note.get("hash") == fingerprint()
        and set(extras) <= set(note.get("extras", []))
    )


def pinned() -> dict[str, str]:
    """Package name -> pinned version, from constraints.txt."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return dict(line.strip().split("==", 1) for line in lines if "==" in line and line[0] != "#")


def requirements(extras: list[str]) -> list[str]:
    """The project's requirement lines, with those of these extras."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = list(project["dependencies"])
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    # The build backend too: finetui itself is then built without fetching anything.
    return [*lines, "hatchling", "editables"]


class Step:
    """One line on the screen: a name, what is happening now, and how it ended."""

    def __init__(self, title: str) -> None:
        self.title = f"{title:<18}"
        self.live = sys.stdout.isatty()
        self.result = ""

    def run(self, action) -> bool:  # noqa: ANN001 - a plain callable of this Step
        """Do it; True if it went well."""
        begin = time.monotonic()
        self.show("…")
        try:
            action(self)
        except subprocess.CalledProcessError as error:
            self.close("failed")
            explain(error)
            return False
        self.close(f"{self.result}  {time.monotonic() - begin:.0f} s".strip())
        return True

    def show(self, words: str) -> None:
        """Rewrite the line, on a terminal; a log gets only the last state."""
        if self.live:
            print(f"\r\x1b[2K{self.title} {words[:58]}", end="", flush=True)

    def close(self, words: str) -> None:
        """The line as it stays."""
        print(
            f"\r\x1b[2K{self.title} {words}" if self.live else f"{self.title} {words}", flush=True
        )


def make_environment(step: Step) -> None:
    """Make .venv with this interpreter, unless a working one stands there."""
    if sys.prefix == str(VENV):
        step.result = f".venv, python {sys.version.split()[0]} (kept)"
        return
    call([sys.executable, "-m", "venv", "--clear", str(VENV)], lambda line: None)
    step.result = f".venv, python {sys.version.split()[0]}"


def pip(step: Step, arguments: list[str]) -> None:
    """`pip install` within the pinned versions, showing which package is being handled."""
    seen: set[str] = set()

    def follow(line: str) -> None:
        if match := re.match(r"\s*(Collecting|Downloading|Processing) (\S+)", line):
            word = match[2].rsplit("/", 1)[-1]
            if match[1] == "Collecting":
                seen.add(word)
            step.show(f"{len(seen)} packages, {match[1].lower()} {word}")
        elif line.startswith("Installing collected packages"):
            step.show(f"installing {line.count(',') + 1} packages")

    base = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    call([*base, "--progress-bar", "off", "-c", "constraints.txt", *arguments], follow)
    step.result = f"{len(seen)} new" if seen else "there"


def call(command: list[str], follow) -> None:  # noqa: ANN001 - a callable that takes a line
    """Run a command from the project's root, its output into the log and line by line to `follow`.

    Raises:
        subprocess.CalledProcessError: with the last lines of its output.
    """
    tail: list[str] = []
    with (
        LOG.open("a") as log,
        subprocess.Popen(
            command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as child,
    ):
        for line in child.stdout or ():
            log.write(line)
            tail = [*tail[-14:], line]
            follow(line)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command, "".join(tail))


def explain(error: subprocess.CalledProcessError) -> None:
    """What went wrong and what to try, on stderr."""
    output = error.output or ""
    print(output, file=sys.stderr)
    if "ensurepip" in output:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        hint = f"This Python lacks venv. Debian, Ubuntu: apt install python{version}-venv"
    elif "No space left" in output:
        hint = "The disk is full. The set-up needs about 2 GB (5 GB with CUDA)."
    elif "No matching distribution" in output or "Could not fetch" in output:
        hint = "A package could not be had. Is the network there? Is there a build for this Python?"
    else:
        hint = "The set-up broke off."
    print(
        f"{hint}\nWhole output: {LOG.relative_to(ROOT)}. Run make again to go on.", file=sys.stderr
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
