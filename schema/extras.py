"""How to add an extra to this installation: the command depends on what installed it."""

import sys
from pathlib import Path


def install_command(*extras: str, prefix: Path | None = None) -> str:
    """What a person types to get the extras: pip's, pipx's or uv's command.

    pipx and `uv tool` leave a file in the environment they made; adding to such an environment with
    pip would reach another one.
    """
    place = Path(sys.prefix) if prefix is None else prefix
    wanted = f"'finetui[{','.join(extras)}]'"
    if (place / "pipx_metadata.json").exists():
        return f"pipx install --force {wanted}"
    if (place / "uv-receipt.toml").exists():
        return f"uv tool install --force {wanted}"
    return f"pip install {wanted}"
