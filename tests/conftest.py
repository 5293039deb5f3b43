"""What every test shares: one thread for children, a home of its own, and the markers' meaning.

No test reads or writes the developer's settings, reaches a network, or is left running.
"""

import os
import shutil
from pathlib import Path

import pytest

from tests.proofs import ProofRecorder, note_paths

# Before anything imports torch, and inherited by every child: two cores are shared by all workers.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
for _name in ("HF_TOKEN", "FINETUI_THEME", "NO_COLOR"):
    os.environ.pop(_name, None)


def pytest_addoption(parser: pytest.Parser) -> None:
    """The switches that make's targets use."""
    parser.addoption("--soak", action="store_true", help="run the tests that take very long")
    parser.addoption("--bench", action="store_true", help="run the measurements")
    parser.addoption("--proofs", type=Path, help="write which tests prove which option to FILE")


def pytest_configure(config: pytest.Config) -> None:
    """Record proofs where asked."""
    target = config.getoption("--proofs")
    if target is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(ProofRecorder(target), "proof-recorder")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what this machine or this command is not for."""
    note_paths(items)
    for item in items:
        if item.get_closest_marker("soak") and not config.getoption("--soak"):
            item.add_marker(pytest.mark.skip(reason="a soak test: make soak"))
        if item.get_closest_marker("bench") and not config.getoption("--bench"):
            item.add_marker(pytest.mark.skip(reason="a measurement: make bench"))
        if item.get_closest_marker("gpu") and not _has_gpu():
            item.add_marker(pytest.mark.skip(reason="no NVIDIA GPU here"))


_gpu: list[bool] = []


def _has_gpu() -> bool:
    """Ask NVML once; torch is not imported for a question."""
    if not _gpu:
        import pynvml

        try:
            pynvml.nvmlInit()
            _gpu.append(pynvml.nvmlDeviceGetCount() > 0)
        except pynvml.NVMLError:
            _gpu.append(False)
    return _gpu[0]


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test has its own FINETUI_HOME, so known runs and settings never leak."""
    monkeypatch.setenv("FINETUI_HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture(autouse=True)
def _needs_tmux(request: pytest.FixtureRequest) -> None:
    """Skip a tmux test where there is none, except in CI, which must install it."""
    if request.node.get_closest_marker("tmux") is None or shutil.which("tmux"):
        return
    if os.environ.get("CI"):
        pytest.fail("tmux is missing; CI must install it (apt-get install tmux)")
    pytest.skip("tmux is not installed")
