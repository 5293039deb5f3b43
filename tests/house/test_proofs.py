"""The proof recorder itself: only passing tests count, skipped ones stand apart."""

import json
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

SUITE = """
import pytest

@pytest.mark.proves("train.lr", "train.steps")
def test_good(): pass

@pytest.mark.proves("train.lr")
def test_bad(): assert False

@pytest.mark.proves("train.ema")
def test_left_out(): pytest.skip("no")
"""

CONFTEST = """
from pathlib import Path
from tests.proofs import ProofRecorder, note_paths

def pytest_configure(config):
    config.addinivalue_line("markers", "proves(path): x")
    config.pluginmanager.register(ProofRecorder(Path("proofs.json")))

def pytest_collection_modifyitems(items):
    note_paths(items)
"""


def test_a_failing_test_proves_nothing_and_a_skipped_one_is_listed_apart(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_suite=SUITE)
    pytester.runpytest_subprocess("-p", "no:cacheprovider")
    proofs = json.loads((Path(pytester.path) / "proofs.json").read_text())
    assert proofs["train.steps"] == {"passed": ["test_suite.py::test_good"], "skipped": []}
    assert proofs["train.lr"]["passed"] == ["test_suite.py::test_good"]
    assert proofs["train.ema"] == {"passed": [], "skipped": ["test_suite.py::test_left_out"]}
