"""The demo project, which the bars are about."""

from pathlib import Path

import pytest

from tui.demo_project import lay_out


@pytest.fixture(scope="session")
def demo_config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The config of a freshly laid-out demo project."""
    return lay_out(tmp_path_factory.mktemp("demo") / "project")
