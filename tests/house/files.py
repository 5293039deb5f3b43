"""Which files belong to the project: what git tracks and what it would track."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("schema", "engine", "tui", "themes")


@cache
def tracked() -> tuple[Path, ...]:
    """All files of the project, without what git ignores; relative to ROOT."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    out = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return tuple(Path(line) for line in out.splitlines() if (ROOT / line).is_file())


def sources(*folders: str) -> tuple[Path, ...]:
    """The Python files below these top folders (all when none is given)."""
    rows = (path for path in tracked() if path.suffix == ".py")
    return tuple(path for path in rows if not folders or path.parts[0] in folders)


def modules(*folders: str) -> tuple[str, ...]:
    """Import names of the modules below these top folders, without `__main__` files."""
    names = []
    for path in sources(*folders):
        parts = path.with_suffix("").parts
        if parts[-1] != "__main__":
            names.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return tuple(sorted(names))


def functions(path: Path) -> Iterator[tuple[str, int, int]]:
    """(name, first line, number of lines) of each function of a file, from `def` to its end."""
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node.lineno, (node.end_lineno or node.lineno) - node.lineno + 1
