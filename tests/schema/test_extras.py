"""The command that adds an extra is the one of whatever installed the program."""

from pathlib import Path

import pytest

from schema.extras import install_command


@pytest.mark.parametrize(
    ("left", "command"),
    [
        (None, "pip install 'finetui[engine,8bit]'"),
        ("pipx_metadata.json", "pipx install --force 'finetui[engine,8bit]'"),
        ("uv-receipt.toml", "uv tool install --force 'finetui[engine,8bit]'"),
    ],
)
def test_the_command_follows_the_installer(tmp_path: Path, left: str | None, command: str) -> None:
    if left:
        (tmp_path / left).touch()
    assert install_command("engine", "8bit", prefix=tmp_path) == command
